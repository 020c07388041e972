"""Images of microscopes and slide scanners."""
