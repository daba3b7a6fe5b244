"""report.html: what adapting found, for a person to look at."""
