"""Sources: rows in, whatever they are stored in."""
