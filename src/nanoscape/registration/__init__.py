"""How spaces lie to each other, and how well that is known."""

OPERATIONS: dict[str, str] = {
    "align_landmarks": "nanoscape.registration.align_landmarks:align_landmarks",
}
