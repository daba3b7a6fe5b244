"""Cells set right before they are encoded: rules learned from a source, every change counted and reversible."""
