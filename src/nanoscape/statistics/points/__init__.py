"""Patterns of points in a window of any shape."""
