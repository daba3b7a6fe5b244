"""Nearest-neighbour search; the only package that names faiss."""
