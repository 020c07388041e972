"""Lines of a laser: background, drift and the tail of the ablation cell."""
