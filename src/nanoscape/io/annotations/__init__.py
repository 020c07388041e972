"""Outlines, points and landmarks that people set."""
