"""Figures: functions that draw on a given matplotlib Axes."""

OPERATIONS: dict[str, str] = {}
