"""Colours, sizes and fonts that all figures share."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from matplotlib.colors import Colormap, LinearSegmentedColormap

MM_PER_INCH = 25.4

# One hue for each amount, dark to light, of even lightness steps; readable by
# people who do not see red and green apart.
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
    return LinearSegmentedColormap.from_list(str(role), ["#000000", hue, "#ffffff"])


def apply_theme(axes: Any, theme: Theme, size: float) -> None:
    """Give axes the colours of a theme and a font size in points."""
    axes.set_facecolor(theme.background)
    axes.tick_params(colors=theme.foreground, labelsize=size)
    for spine in axes.spines.values():
        spine.set_color(theme.muted)
    for label in (axes.xaxis.label, axes.yaxis.label, axes.title):
        label.set_color(theme.foreground)
        label.set_size(size)


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
