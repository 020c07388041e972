"""Landmark errors on axes: how far and where to each landmark is off."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from nanoscape.model import Edge, Landmarks
from nanoscape.plotting.images import round_length
from nanoscape.plotting.style import LIGHT, Theme, apply_theme

_LONGEST_SHARE = 0.12


def draw_landmark_errors(
    axes: Any,
    landmarks: Landmarks,
    edge: Edge,
    errors: pd.DataFrame,
    *,
    magnification: float | None = None,
    theme: Theme = LIGHT,
    size: float = 8.0,
) -> float:
    """Draw an arrow from each clicked place to where the transform puts its partner.

    Parameters
    ----------
    axes
        Matplotlib axes; their units become µm of the fixed space.
    landmarks, edge, errors
        The pairs, their transform and the table of their errors, as
        ``registration.align_landmarks`` gives them. Of volumes ``y`` and ``x`` are
        shown.
    magnification
        How many times too long arrows are drawn; by default as many, rounded, as
        lets the longest span an eighth of the landmarks' extent.
    theme
        Colours.
    size
        Font size in points.

    Returns
    -------
    float
        The magnification.
    """
    places = landmarks.fixed[:, -2:]
    misses = (edge.transform.apply(landmarks.moving) - landmarks.fixed)[:, -2:]
    if magnification is None:
        magnification = _magnification(places, misses)
    ends = places + magnification * misses
    outlier = errors["outlier"].to_numpy(dtype=bool)
    first, second = theme.series[:2]
    for chosen, colour, marker, label in (
        (~outlier, first, "o", "landmark"),
        (outlier, second, "X", "outlier"),
    ):
        if not chosen.any():
            continue
        axes.plot(
            places[chosen, 1], places[chosen, 0], marker, color=colour, label=label,
            markersize=4,
        )  # fmt: skip
        for (y, x), (to_y, to_x) in zip(places[chosen], ends[chosen], strict=True):
            axes.annotate(
                "", (to_x, to_y), (x, y),
                arrowprops={
                    "arrowstyle": "->", "color": colour, "shrinkA": 0, "shrinkB": 0,
                    "mutation_scale": 7,
                },
            )  # fmt: skip
    for name, (y, x) in zip(landmarks.names, places, strict=True):
        axes.annotate(
            name, (x, y), (4, 4), textcoords="offset points", fontsize=size - 1,
            color=theme.foreground,
        )  # fmt: skip
    # Arrows do not widen the axes by themselves, nor do names.
    axes.update_datalim(ends[:, ::-1])
    axes.margins(0.12)
    axes.autoscale_view()
    axes.set_aspect("equal", adjustable="box")
    axes.locator_params(nbins=5)
    if not axes.yaxis_inverted():
        axes.invert_yaxis()
    axes.set_xlabel(f"x in {landmarks.fixed_space} (µm)")
    axes.set_ylabel(f"y in {landmarks.fixed_space} (µm)")
    axes.set_title(_title(edge, magnification), loc="left")
    apply_theme(axes, theme, size)
    if outlier.any():
        axes.legend(fontsize=size - 1, frameon=False, labelcolor=theme.foreground)
    return magnification


def _magnification(places: Any, misses: Any) -> float:
    longest = float(np.linalg.norm(misses, axis=1).max())
    extent = float(np.ptp(places, axis=0).max())
    if longest * 1e6 < extent:
        return 1.0
    return max(1.0, round_length(_LONGEST_SHARE * extent / longest))


def _title(edge: Edge, magnification: float) -> str:
    lines = []
    expected, bound = edge.quality.expected_error_um, edge.quality.bound_95_um
    if expected is not None and bound is not None:
        lines.append(f"Expected error {expected:.3g} µm (95 %: {bound:.3g} µm)")
    if magnification > 1:
        lines.append(f"Arrows {magnification:g} times too long")
    return "\n".join(lines)
