"""The laser ablation map of gold: how much of the carrier's metal lies where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import tile_generator
from nanoscape.phantom.areas import depth_at
from nanoscape.phantom.files import fixed_uuid, write_tiff
from nanoscape.phantom.scene import Section
from nanoscape.phantom.streams import NOISE, sub_seed
from nanoscape.phantom.warp import Raster

GOLD_UG_PER_G = 8.0
"""Gold where the carrier's concentration is one."""

_COUNTS_PER_UG_PER_G = 150.0
_BLANK_COUNTS = 6.0
_SAMPLES = 4


def expected_gold(section: Section, raster: Raster) -> NDArray[np.float64]:
    """Return gold in µg/g, averaged over each pixel; zero off the tissue."""
    places = raster.footprints(_SAMPLES)
    wall, _ = section.perfused_walls.at(places)
    amount = GOLD_UG_PER_G * section.carrier.at(wall, places)
    tissue = depth_at(section.tissue[None], places) > 0
    return raster.means(np.where(tissue, amount, 0.0), _SAMPLES)


def write_gold(path: Path, section: Section, raster: Raster) -> None:
    """Write the map as an OME-TIFF of float32 in µg/g.

    Counts are Poisson over a blank that is known and subtracted, so that empty
    pixels scatter around zero and some are negative.
    """
    generator = tile_generator(sub_seed(section.seed, NOISE, 1))
    mean = expected_gold(section, raster) * _COUNTS_PER_UG_PER_G + _BLANK_COUNTS
    amount = (generator.poisson(mean) - _BLANK_COUNTS) / _COUNTS_PER_UG_PER_G
    identifier = fixed_uuid(section.seed, 3)
    write_tiff(path, amount.astype(np.float32), raster.pixel_um, identifier, "gold")
