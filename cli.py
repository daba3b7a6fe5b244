from metafuse.cli import main

main()
