"""How spaces lie to each other, and how well that is known."""

OPERATIONS: dict[str, str] = {}
