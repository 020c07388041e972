"""Outlines as a person would draw them on a slide."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nanoscape.phantom.areas import outline
from nanoscape.phantom.files import write_text
from nanoscape.phantom.scene import Section
from nanoscape.phantom.streams import CLICKS, sub_seed

HAND_SD_UM = 4.0
"""Standard deviation of a corner across and along an outline."""

_CORNERS = 72
_TISSUE, _NECROSIS = 100, 101


def write_tissue(path: Path, section: Section, pixel_um: float) -> None:
    """Write the outline of the tissue as GeoJSON, in pixels of the slide."""
    _write(path, "tissue", section.tissue[None], section.seed, _TISSUE, pixel_um)


def write_necrosis(path: Path, section: Section, pixel_um: float) -> None:
    """Write the outlines of necrosis as GeoJSON, in pixels of the slide."""
    _write(path, "necrosis", section.necroses, section.seed, _NECROSIS, pixel_um)


def _write(
    path: Path,
    name: str,
    areas: NDArray[np.float64],
    seed: int,
    purpose: int,
    pixel_um: float,
) -> None:
    generator = np.random.default_rng(sub_seed(seed, CLICKS, purpose))
    features = []
    for area in areas:
        corners = outline(area, _CORNERS)
        corners = corners + generator.normal(0, HAND_SD_UM, corners.shape)
        # GeoJSON counts x y in pixels from the corner of the first one.
        ring = (corners[:, ::-1] / pixel_um + 0.5).round(3).tolist()
        features.append(
            {
                "type": "Feature",
                "properties": {"name": name},
                "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
            }
        )
    collection = {"type": "FeatureCollection", "features": features}
    write_text(path, json.dumps(collection))
