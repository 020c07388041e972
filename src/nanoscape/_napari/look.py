"""How objects look: colours, contrast and sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.model import Image, Points

SAMPLE = 2**20
"""Largest number of samples looked at for the contrast."""

# Hues that are told apart with every common kind of colour vision.
_ROLE_COLORMAPS = {
    "Anatomy": "gray",
    "Tissue": "gray",
    "Nuclei": "bop blue",
    "Vessels": "magenta",
    "Perfusion": "cyan",
    "Drug": "green",
    "Carrier": "bop orange",
    "Hypoxia": "bop purple",
    "Necrosis": "yellow",
    "Exclude": "gray",
}
_MODALITY_COLORMAPS = {
    "PT": "inferno",
    "PET": "inferno",
    "NM": "inferno",
    "SPECT": "inferno",
    "CT": "gray",
    "MR": "gray",
    "US": "gray",
    "MSI": "viridis",
    "LA-ICP-MS": "viridis",
    "PA": "magma",
}
_SINGLE_HUES = {hue for hue in _ROLE_COLORMAPS.values() if hue != "gray"}
_OVERLAYS = ("PT", "PET", "NM", "SPECT", "PA")
_SCORE_WORDS = ("score", "difference", "deviation", "residual", "log ratio")

# By the name of the dask array, which stands for its content.
_known_limits: dict[str, tuple[float, float]] = {}


def image_look(image: Image) -> dict[str, Any]:
    """Return colour map, contrast and blending of an image."""
    if image.rgb:
        return {"blending": "translucent_no_depth"}
    low, high = contrast_limits(image)
    if is_score(image):
        reach = max(abs(low), abs(high))
        return {
            "colormap": "PiYG",
            "contrast_limits": (-reach, reach),
            "blending": "translucent_no_depth",
        }
    colormap = colormap_of(image)
    look = {"colormap": colormap, "contrast_limits": (low, high)}
    if colormap in _SINGLE_HUES:
        return look | {"blending": "additive"}
    # Colour maps of several hues lose their meaning when they are added to white.
    opacity = 1.0 if colormap in ("gray", "gray_r") else 0.6
    return look | {"blending": "translucent_no_depth", "opacity": opacity}


def colormap_of(image: Image) -> str:
    """Return the colour map that suits what an image shows."""
    if image.tags.get("shown_inverted"):
        return "gray_r"
    modality = str(image.tags.get("modality", "")).upper()
    if modality in _OVERLAYS:
        return _MODALITY_COLORMAPS[modality]
    role = image.tags.get("role")
    if role in _ROLE_COLORMAPS:
        return _ROLE_COLORMAPS[role]
    if modality in _MODALITY_COLORMAPS:
        return _MODALITY_COLORMAPS[modality]
    return "gray" if image.quantity.unit == "a.u." else "viridis"


def is_backdrop(item: Any) -> bool:
    """Whether an object would cover what lies on it: colours as seen, or anatomy."""
    if not isinstance(item, Image):
        return False
    return bool(item.rgb or item.tags.get("role") == "Anatomy")


def is_score(image: Image) -> bool:
    """Whether an image shows something that is below or above zero."""
    text = f"{image.quantity.name} {image.quantity.unit}".lower()
    return any(word in text for word in _SCORE_WORDS) or image.quantity.unit == "σ"


def contrast_limits(image: Image) -> tuple[float, float]:
    """Return limits that most of the samples of the coarsest level lie between.

    At most about a million samples are read: the middle of the grid when the
    coarsest level is larger.
    """
    key = str(image.levels[-1].data.name)
    if key not in _known_limits:
        _known_limits[key] = _limits(_sample(image))
    return _known_limits[key]


def _limits(values: NDArray[np.float64]) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if values.size == 0:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(values, (0.5, 99.7)))
    if not high > low:
        low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low, low + 1.0)


def points_size(points: Points) -> Any:
    """Return the diameter of points in µm: measured, or a fraction of the extent."""
    if points.table is not None and "diameter_um" in points.table:
        sizes = points.table["diameter_um"].to_numpy(dtype=float)
        return np.where(np.isfinite(sizes) & (sizes > 0), sizes, 1.0)
    if len(points) < 2:
        return 10.0
    return max(float(np.ptp(points.coordinates, axis=0).max()) / 150, 1e-3)


def _sample(image: Image) -> NDArray[np.float64]:
    data = image.levels[-1].data
    if data.size > SAMPLE:
        # Halve the longest axis until what is left is quick to read.
        lengths = list(data.shape)
        while np.prod(lengths) > SAMPLE:
            longest = int(np.argmax(lengths))
            lengths[longest] = -(-lengths[longest] // 2)
        data = data[
            tuple(
                slice((n - m) // 2, (n - m) // 2 + m)
                for n, m in zip(data.shape, lengths, strict=True)
            )
        ]
    return np.asarray(data).astype(np.float64).ravel()
