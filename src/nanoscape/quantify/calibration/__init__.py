"""Calibration: from a signal to an amount, by standards of known concentration."""
