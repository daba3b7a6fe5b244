"""The sentences that return notes are made of: hand-written, grouped by what the reason is about."""
