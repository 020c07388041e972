"""Sentences for what several operations refuse alike."""

from __future__ import annotations

from nanoscape.errors import CannotCompute


def nothing_measured(image: str) -> CannotCompute:
    """Return the refusal of an image that was measured nowhere in the region."""
    return CannotCompute(
        f"{image} holds no measured pixel in the region",
        "at least one pixel with a value",
        "check that region and image overlap",
    )


def too_few_points(points: str, wanted: str) -> CannotCompute:
    """Return the refusal of points of which no region holds enough."""
    return CannotCompute(
        f"no region holds enough of {points}",
        f"at least {wanted} in one region",
        "check that points and region overlap",
    )
