"""Colours, sizes and fonts that all figures share."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.colors import Colormap, ListedColormap, to_rgb
from numpy.typing import NDArray

MM_PER_INCH = 25.4

# One hue for each amount, told apart by people who do not see red and green.
_HUES = {
    "Drug": "#ff8f5a",
    "Carrier": "#ffd166",
    "Vessels": "#ff6f91",
    "Perfusion": "#4dd0c8",
    "Nuclei": "#7aa5ff",
    "Hypoxia": "#9be07a",
}

_LOCK = threading.Lock()


@dataclass(frozen=True)
class Theme:
    """Colours of everything that is not data.

    Attributes
    ----------
    background, foreground
        Of the page and of text and lines.
    muted
        Of grids and things of second rank.
    series
        Of curves, the first ones first.
    """

    background: str = "#ffffff"
    foreground: str = "#1d2428"
    muted: str = "#8a979f"
    series: tuple[str, ...] = ("#0b6fa4", "#c2571a", "#5b3f9e", "#2f7d4f")


LIGHT = Theme()
DARK = Theme(
    background="#262930",
    foreground="#f0f1f2",
    muted="#868e93",
    series=("#6bb8ff", "#ffa45c", "#c0a7ff", "#7fd6a0"),
)


def colormap_for(role: str | None, *, signed: bool = False) -> Colormap:
    """Return the colours for an image.

    Parameters
    ----------
    role
        The role of the image; amounts have one hue each, anatomy is grey.
    signed
        Whether values lie around zero; then the colours diverge from it.
    """
    import matplotlib

    if signed:
        return matplotlib.colormaps["RdBu_r"]
    hue = _HUES.get(role or "")
    if hue is None:
        return matplotlib.colormaps["gray"]
    return ListedColormap(single_hue(hue), name=str(role))


@functools.cache
def single_hue(colour: str, steps: int = 256) -> NDArray[np.float64]:
    """Return colours from black over one hue to white, in even steps of lightness.

    Lightness is that of CIELAB; saturation is lowered where a screen cannot show it.

    Parameters
    ----------
    colour
        The hue, as matplotlib names colours.
    steps
        How many colours.

    Returns
    -------
    numpy.ndarray
        Red, green and blue from 0 to 1, shape ``(steps, 3)``.
    """
    tip, a, b = lab_of(np.array([to_rgb(colour)]))[0]
    lightness = np.linspace(0, 100, steps)
    strength = np.interp(lightness, [0, tip, 100], [0, 1, 0])
    weaker = np.linspace(0, 1, 101)[:, None]
    lab = np.stack(
        np.broadcast_arrays(
            lightness, a * strength * weaker, b * strength * weaker
        ),
        axis=-1,
    )  # fmt: skip
    rgb = _rgb_of(lab)
    shown = np.all((rgb >= -1e-6) & (rgb <= 1 + 1e-6), axis=-1)
    strongest = len(weaker) - 1 - np.argmax(np.flip(shown, axis=0), axis=0)
    return np.clip(rgb[strongest, np.arange(steps)], 0, 1)


_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE = _TO_XYZ.sum(axis=1)
_STEP = 6 / 29


def lab_of(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return CIELAB coordinates (white: D65) of sRGB colours from 0 to 1."""
    light = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    t = light @ _TO_XYZ.T / _WHITE
    f = np.where(t > _STEP**3, np.cbrt(t), t / (3 * _STEP**2) + 4 / 29)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _rgb_of(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    t = np.where(f > _STEP, f**3, 3 * _STEP**2 * (f - 4 / 29))
    light = (t * _WHITE) @ np.linalg.inv(_TO_XYZ).T
    bright = np.maximum(light, 0.0031308)
    return np.where(
        light <= 0.0031308, light * 12.92, 1.055 * bright ** (1 / 2.4) - 0.055
    )


def apply_theme(axes: Any, theme: Theme, size: float) -> None:
    """Give axes the colours of a theme and a font size in points."""
    axes.set_facecolor(theme.background)
    axes.tick_params(colors=theme.foreground, labelsize=size)
    for spine in axes.spines.values():
        spine.set_color(theme.muted)
    for label in (axes.xaxis.label, axes.yaxis.label, axes.title):
        label.set_color(theme.foreground)
        label.set_size(size)
    # Titles on the left are texts of their own, and only set_title reaches them.
    left = axes.get_title(loc="left")
    axes.set_title(left, loc="left", color=theme.foreground, fontsize=size)


def rendered(figure: Any, suffix: str, dpi: float) -> bytes:
    """Return a matplotlib figure as a file, the same bytes each time.

    Text stays text in SVG and PDF.
    """
    import matplotlib

    settings = {
        "svg.hashsalt": "nanoscape",
        "svg.fonttype": "none",
        "pdf.fonttype": 42,
    }
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    buffer = BytesIO()
    # Matplotlib's settings belong to the process.
    with _LOCK, matplotlib.rc_context(settings):
        figure.savefig(
            buffer, format=suffix, dpi=dpi, metadata=dates.get(suffix),
            facecolor=figure.get_facecolor(),
        )  # fmt: skip
    return buffer.getvalue()
