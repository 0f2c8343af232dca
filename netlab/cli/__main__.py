"""`python -m netlab.cli`."""

from netlab.cli import main

main()
