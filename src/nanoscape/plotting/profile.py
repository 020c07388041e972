"""A distance profile on axes: what the drug does away from the vessels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from nanoscape.plotting.style import LIGHT, Theme, apply_theme


def draw_distance_profile(
    axes: Any,
    profile: pd.DataFrame,
    summary: pd.Series[Any] | None = None,
    *,
    label: str = "",
    theme: Theme = LIGHT,
    number: int = 0,
    size: float = 8.0,
) -> None:
    """Draw mean and quartiles by distance from the vessel wall.

    Parameters
    ----------
    axes
        Matplotlib axes; several profiles may be drawn on the same ones.
    profile
        One row per bin, as ``statistics.distance_profile`` gives it.
    summary
        Its summary row; where the half-distance is known it is marked, and where a
        law was fitted its curve is drawn.
    label
        Name of the curve in the legend.
    theme
        Colours.
    number
        Which of the theme's series.
    size
        Font size in points.
    """
    colour = theme.series[number % len(theme.series)]
    distance = profile["distance_um"].to_numpy()
    axes.fill_between(
        distance, profile["lower_quartile"], profile["upper_quartile"], color=colour,
        alpha=0.18, linewidth=0, label=f"{label} quartiles".strip(),
    )  # fmt: skip
    axes.plot(
        distance, profile["mean"], color=colour, linewidth=1.6, marker="o",
        markersize=2.5, label=f"{label} mean".strip(),
    )  # fmt: skip
    if summary is not None:
        _mark(axes, summary, distance, colour, theme, size)
    unit = profile["unit"].iloc[0] if len(profile) else ""
    axes.set_xlabel("Distance from the vessel wall (µm)")
    axes.set_ylabel(f"Mean ({unit})")
    axes.set_xlim(left=0)
    axes.set_title(
        counts_text(profile), loc="left", color=theme.foreground, fontsize=size
    )
    apply_theme(axes, theme, size)
    axes.legend(
        fontsize=size - 1, frameon=False, labelcolor=theme.foreground,
        handlelength=1.4,
    )  # fmt: skip


def counts_text(profile: pd.DataFrame) -> str:
    """Return how many pixels and independent samples stand behind the bins."""
    pixels = int(profile["n_pixels"].sum())
    samples = profile["n_samples"][profile["n_pixels"] > 0]
    few = int(samples.min()) if len(samples) else 0
    return f"{pixels:,} pixels; at least {few:,} samples in a bin".replace(
        ",", "\u202f"
    )


def _mark(
    axes: Any,
    summary: pd.Series[Any],
    distance: Any,
    colour: str,
    theme: Theme,
    size: float,
) -> None:
    half = float(summary["half_distance_um"])
    if np.isfinite(half):
        axes.axvline(half, color=theme.muted, linewidth=0.8, linestyle=":")
        axes.annotate(
            f"half at {half:.3g} µm", (half, 0.97),
            xycoords=("data", "axes fraction"), xytext=(3, 0),
            textcoords="offset points", va="top", fontsize=size - 1,
            color=theme.foreground,
        )  # fmt: skip
    length = float(summary["decay_length_um"])
    if np.isfinite(length):
        curve = summary["offset"] + summary["amplitude"] * np.exp(-distance / length)
        axes.plot(
            distance, curve, color=colour, linewidth=1.0, linestyle="--",
            label=f"{summary['law']}, {length:.3g} µm",
        )  # fmt: skip
