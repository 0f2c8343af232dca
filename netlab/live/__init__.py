"""THE RUNNING LAB: build, change, take down; a wire in the kernel."""
