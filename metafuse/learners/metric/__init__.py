"""Learners that compare items by a metric."""
