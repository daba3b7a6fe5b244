"""`python cli.py` in a checkout: the same command line as the installed `metafuse`."""

from metafuse.cli import main

main()
