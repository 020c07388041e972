"""Vessels, particles, cells and tissue areas."""

OPERATIONS: dict[str, str] = {}
