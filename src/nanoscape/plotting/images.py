"""Images on axes: in place, with a scale bar and a colour bar."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.model import Image, Labels
from nanoscape.plotting.style import LIGHT, Theme, colormap_for
from nanoscape.plotting.view import Field, field_of, picture_of

_BAR_SHARE = 0.25


def draw_image(
    axes: Any,
    image: Image,
    *,
    field: Field | None = None,
    percentiles: tuple[float, float] = (0.5, 99.5),
    limits: tuple[float, float] | None = None,
    letter: str = "",
    theme: Theme = LIGHT,
    size: float = 7.0,
) -> Any:
    """Draw a section in its place, with a scale bar and a colour bar.

    Parameters
    ----------
    axes
        Matplotlib axes; their units become µm.
    image
        A plane, in colour or not.
    field
        What to show; by default the whole image.
    percentiles
        Share of the shown pixels, in percent, between which contrast is spread.
    limits
        Contrast limits in the image's unit, instead of percentiles.
    letter
        Mark of the panel, before the image's name.
    theme
        Colours.
    size
        Font size in points.

    Returns
    -------
    matplotlib.image.AxesImage
        What was drawn.
    """
    field = field or field_of(image)
    picture = picture_of(image, field)
    role = image.tags.get("role")
    signed = not image.rgb and bool(np.nanmin(picture, initial=0.0) < 0)
    low, high = (None, None) if image.rgb else limits or _limits(picture, percentiles)
    if signed and high is not None and low is not None:
        high = max(abs(low), abs(high))
        low = -high
    shown = axes.imshow(
        picture,
        extent=field.extent,
        cmap=None if image.rgb else colormap_for(role, signed=signed),
        vmin=low,
        vmax=high,
        interpolation="nearest",
        aspect="equal",
    )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_facecolor("#3a4046")
    for spine in axes.spines.values():
        spine.set_visible(False)
    title = f"{letter}   {image.name}" if letter else image.name
    axes.set_title(title, color=theme.foreground, fontsize=size, loc="left")
    draw_scale_bar(axes, field, size=size)
    if not image.rgb:
        bar = axes.figure.colorbar(shown, ax=axes, fraction=0.045, pad=0.02)
        bar.set_label(str(image.quantity), color=theme.foreground, fontsize=size)
        bar.ax.tick_params(colors=theme.foreground, labelsize=size - 0.5)
        bar.outline.set_visible(False)
    return shown


def draw_outlines(
    axes: Any, labels: Labels, field: Field, *, colour: str = "#ffffff"
) -> None:
    """Draw the borders of objects over an image of the same space."""
    mask = picture_of(labels, field) > 0
    if not mask.any() or mask.all():
        return
    rows, columns = mask.shape
    y = field.top + (np.arange(rows) + 0.5) * (field.bottom - field.top) / rows
    x = field.left + (np.arange(columns) + 0.5) * (field.right - field.left) / columns
    axes.contour(x, y, mask, levels=[0.5], colors=[colour], linewidths=0.4)


def draw_scale_bar(axes: Any, field: Field, *, size: float = 7.0) -> float:
    """Draw a scale bar of a round length and return that length in µm."""
    width, height = field.right - field.left, field.bottom - field.top
    length = round_length(width * _BAR_SHARE)
    right, y = field.right - 0.04 * width, field.bottom - 0.05 * height
    for colour, line in (("#000000", 4.0), ("#ffffff", 2.2)):
        axes.plot(
            [right - length, right], [y, y], color=colour, linewidth=line,
            solid_capstyle="butt", gid="scale-bar",
        )  # fmt: skip
    label = axes.text(
        right - length / 2, y - 0.025 * height, length_text(length), color="#ffffff",
        ha="center", va="bottom", fontsize=size,
    )  # fmt: skip
    from matplotlib.patheffects import withStroke

    label.set_path_effects([withStroke(linewidth=1.6, foreground="#000000")])
    return length


def round_length(largest: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten that is not longer.

    Examples
    --------
    >>> [round_length(x) for x in (37, 212, 0.9)]
    [20.0, 200.0, 0.5]
    """
    power = 10.0 ** math.floor(math.log10(largest))
    factor = next(f for f in (5, 2, 1) if f * power <= largest * (1 + 1e-9))
    return factor * power


def length_text(length: float) -> str:
    """Return a length in µm, or in mm from 1,000 µm on.

    Examples
    --------
    >>> length_text(200.0), length_text(5000.0)
    ('200 µm', '5 mm')
    """
    if length >= 1000:
        return f"{length / 1000:g} mm"
    return f"{length:g} µm"


def _limits(
    picture: NDArray[Any], percentiles: tuple[float, float]
) -> tuple[float, float]:
    known = picture[np.isfinite(picture)]
    if known.size == 0:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(known, percentiles))
    return (low, high) if high > low else (low, low + 1.0)
