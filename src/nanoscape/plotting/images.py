"""Images on axes: in place, with a scale bar and a colour bar."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.model import Image, Labels, Quantity
from nanoscape.plotting.style import LIGHT, Theme, colormap_for
from nanoscape.plotting.view import LARGEST_PICTURE, Field, field_of, picture_of

_BAR_SHARE = 0.25


def draw_image(
    axes: Any,
    image: Image,
    *,
    field: Field | None = None,
    percentiles: tuple[float, float] = (0.5, 99.5),
    limits: tuple[float, float] | None = None,
    title: str | None = None,
    pixels: int = LARGEST_PICTURE,
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
    title
        Text above the image; by default its name.
    pixels
        Pixels along the longer side of what is drawn.
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
    picture = picture_of(image, field, pixels)
    role = image.tags.get("role")
    low, high = (None, None) if image.rgb else limits or _limits(picture, percentiles)
    signed = _lies_around_zero(image, low, high)
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
    text = image.name if title is None else title
    axes.set_title(text, color=theme.foreground, fontsize=size, loc="left")
    draw_scale_bar(axes, field, size=size)
    if not image.rgb:
        bar = axes.figure.colorbar(shown, ax=axes, fraction=0.045, pad=0.02)
        bar.set_label(
            quantity_text(image.quantity), color=theme.foreground, fontsize=size
        )
        bar.ax.tick_params(colors=theme.foreground, labelsize=size - 0.5)
        # The light end of a colour bar must not melt into the page.
        bar.outline.set(color=theme.muted, linewidth=0.5)
    return shown


def draw_outlines(
    axes: Any,
    labels: Labels,
    field: Field,
    *,
    colour: str = "#ffffff",
    pixels: int = LARGEST_PICTURE,
) -> None:
    """Draw the borders of objects over an image of the same space.

    A dark line on either side keeps them visible on light tissue.
    """
    from matplotlib.patheffects import withStroke

    mask = picture_of(labels, field, pixels) > 0
    if not mask.any() or mask.all():
        return
    rows, columns = mask.shape
    y = field.top + (np.arange(rows) + 0.5) * (field.bottom - field.top) / rows
    x = field.left + (np.arange(columns) + 0.5) * (field.right - field.left) / columns
    lines = axes.contour(x, y, mask, levels=[0.5], colors=[colour], linewidths=0.5)
    lines.set_path_effects([withStroke(linewidth=1.1, foreground="#000000")])


def draw_scale_bar(axes: Any, field: Field, *, size: float = 7.0) -> float:
    """Draw a scale bar of a round length and return that length in µm."""
    from matplotlib.patheffects import Normal, Stroke, withStroke

    width, height = field.right - field.left, field.bottom - field.top
    length = round_length(width * _BAR_SHARE)
    right, y = field.right - 0.04 * width, field.bottom - 0.05 * height
    outlined = [withStroke(linewidth=1.6, foreground="#000000")]
    # The outline is added around the bar, which itself ends where it should.
    axes.plot(
        [right - length, right], [y, y], color="#ffffff", linewidth=2.0,
        solid_capstyle="butt", gid="scale-bar",
        path_effects=[
            Stroke(linewidth=3.4, foreground="#000000", capstyle="projecting"),
            Normal(),
        ],
    )  # fmt: skip
    # Right-aligned, a label that is longer than its bar stays inside the image.
    axes.text(
        right, y - 0.025 * height, length_text(length), color="#ffffff", ha="right",
        va="bottom", fontsize=size, path_effects=outlined,
    )  # fmt: skip
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


def quantity_text(quantity: Quantity) -> str:
    """Return a quantity with its unit, if it has one.

    Examples
    --------
    >>> quantity_text(Quantity("z score", "")), quantity_text(Quantity("CT", "HU"))
    ('z score', 'CT (HU)')
    """
    return str(quantity) if quantity.unit else quantity.name


def _lies_around_zero(image: Image, low: float | None, high: float | None) -> bool:
    """Whether an image holds scores, of which zero is the middle.

    Hounsfield units and amounts with a few negative values from noise do not.
    """
    if low is None or high is None or image.tags.get("role") is not None:
        return False
    return low < -0.1 * abs(high) and image.quantity.unit != "HU"


def _limits(
    picture: NDArray[Any], percentiles: tuple[float, float]
) -> tuple[float, float]:
    known = picture[np.isfinite(picture)]
    if known.size == 0:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(known, percentiles))
    return (low, high) if high > low else (low, low + 1.0)
