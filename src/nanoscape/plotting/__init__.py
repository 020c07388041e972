"""Figures: functions that draw on a given matplotlib Axes."""

OPERATIONS: dict[str, str] = {
    "figure_panel": "nanoscape.plotting.panel:figure_panel",
}
