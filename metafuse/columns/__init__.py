"""What the cells of a column say: numbers with units, dates, files, lists, places, log lines; and so its modality."""
