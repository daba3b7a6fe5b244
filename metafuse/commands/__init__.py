"""The commands of the command line, each a typed signature that calls one function and prints what it returns."""
