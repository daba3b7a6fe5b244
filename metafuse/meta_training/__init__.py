"""Trains learners over episodes of many sources."""
