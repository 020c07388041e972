"""Patterns on grids: whether neighbouring pixels are alike."""
