"""From raw signal to amount."""

OPERATIONS: dict[str, str] = {}
