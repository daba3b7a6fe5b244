"""Learners that generate what they need: heads, or more support features."""
