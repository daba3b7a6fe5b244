"""`python -m metafuse`."""

from metafuse.cli import main

main()
