"""How a drug is distributed: distance, unevenness, patterns."""

OPERATIONS: dict[str, str] = {}
