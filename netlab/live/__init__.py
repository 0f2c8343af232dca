"""
THE RUNNING LAB: build, change, take down; a wire in the kernel.

Its modules are imported one by one, so that a short command loads only what it needs: `find` and `down` are quick,
`lab` brings the compilers and netlink.
"""
