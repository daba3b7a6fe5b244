"""What an adapted source is used for: search, groups, anomalies, and what to label next."""
