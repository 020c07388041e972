"""Laws of curves, and least squares within bounds for many of them at once."""
