"""Features of several columns to one embedding per item, and experts to one prediction."""
