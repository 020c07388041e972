"""Texture: how levels of grey lie next to each other, defined as by the IBSI."""
