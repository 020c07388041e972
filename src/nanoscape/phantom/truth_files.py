"""Writing the truth of a section: masks, fields, tables and transforms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.compute import Task
from nanoscape.compute.blocks import Block, lattice, run_blocks
from nanoscape.compute.executor import current_executor
from nanoscape.compute.scratch import as_dask, new_array
from nanoscape.model import Landmarks
from nanoscape.phantom import particles
from nanoscape.phantom.areas import depth_on_grid
from nanoscape.phantom.files import complete, fixed_uuid, write_tiff
from nanoscape.phantom.fluorescence import Scanner
from nanoscape.phantom.rendering import TILE
from nanoscape.phantom.scene import Section
from nanoscape.phantom.streams import CHECKS, sub_seed
from nanoscape.phantom.vessels import CLASS_EDGES_UM
from nanoscape.phantom.warp import Raster, tissue_grid

MASKS = ("vessels", "objects", "perfused", "tissue", "necrosis")
FIELDS = ("distance", "carrier", "drug")
FIELD_STEP = 4
CHECK_NUCLEI = 200

FloatArray = NDArray[np.float64]


def write_masks(
    folder: Path,
    name: str,
    section: Section,
    scanner: Scanner,
    task: Task | None = None,
) -> dict[str, int]:
    """Write a section's masks on the slide's grid, and count their pixels.

    A pixel belongs to a vessel when its centre lies inside. ``vessels`` holds the
    diameter class, ``objects`` the number of the tree, from 1.
    """
    shape = (len(MASKS), scanner.height, scanner.width)
    chunks = (1, TILE, TILE)
    target = new_array(shape, np.uint16, chunks, current_executor())
    counts = run_blocks(
        _mask_block,
        [],
        lattice(shape, (len(MASKS), TILE, TILE)),
        target=target,
        arguments=(section, scanner.pixel_um),
        with_block=True,
        task=task,
        text="drawing the truth",
    )
    whole = as_dask(target, chunks)
    for number, mask in enumerate(MASKS):
        dtype = np.uint16 if mask == "objects" else np.uint8
        write_tiff(
            folder / f"{name}_{mask}.ome.tif",
            whole[number].astype(dtype),
            scanner.pixel_um,
            fixed_uuid(section.seed, 10 + number),
            mask,
        )
    totals = np.sum(counts, axis=0)
    return dict(zip(_COUNTED, (int(n) for n in totals), strict=True))


_COUNTED = (
    "tissue_pixels",
    "viable_pixels",
    "vessel_pixels",
    "perfused_pixels",
    *(f"vessel_pixels_class_{n}" for n in (1, 2, 3)),
)


def _mask_block(
    block: Block, section: Section, pixel_um: float
) -> tuple[NDArray[np.uint16], list[int]]:
    y, x = _coordinates(block, pixel_um)
    wall, nearest = section.all_walls.on_grid(y, x, pixel_um)
    inside = wall < 0
    vessels = section.vessels
    classes = np.append(vessels.diameter_class, 0).astype(np.uint16)[nearest]
    trees = np.append(vessels.tree + 1, 0).astype(np.uint16)[nearest]
    flow = np.append(vessels.perfused, False)[nearest]
    tissue = depth_on_grid(section.tissue[None], y, x) > 0
    dead = depth_on_grid(section.necroses, y, x) > 0
    classes = np.where(inside, classes, 0)
    masks = [classes, np.where(inside, trees, 0), inside & flow, tissue, dead & tissue]
    counted = [
        tissue,
        tissue & ~dead,
        inside,
        inside & flow,
        *(classes == n for n in (1, 2, 3)),
    ]
    return np.stack(masks).astype(np.uint16), [int(m.sum()) for m in counted]


def _coordinates(block: Block, step: float) -> tuple[FloatArray, FloatArray]:
    """Return the places of a block's rows and columns in µm."""
    rows, columns = block.core[1:]
    y = np.arange(rows.start, rows.stop, dtype=np.float64) * step
    x = np.arange(columns.start, columns.stop, dtype=np.float64) * step
    return y, x


def write_fields(
    folder: Path,
    name: str,
    section: Section,
    scanner: Scanner,
    task: Task | None = None,
) -> None:
    """Write noise-free fields at every fourth pixel of the slide, as float32.

    ``distance`` is that to the nearest perfused wall in µm, at most 600, negative
    inside; ``carrier`` and ``drug`` are concentrations, zero off the tissue.
    """
    rows, columns = (-(-n // FIELD_STEP) for n in (scanner.height, scanner.width))
    step = FIELD_STEP * scanner.pixel_um
    shape = (len(FIELDS), rows, columns)
    chunks = (1, TILE, TILE)
    target = new_array(shape, np.float32, chunks, current_executor())
    run_blocks(
        _field_block,
        [],
        lattice(shape, (len(FIELDS), TILE, TILE)),
        target=target,
        arguments=(section, step),
        with_block=True,
        task=task,
        text="drawing the truth",
    )
    whole = as_dask(target, chunks)
    for number, field in enumerate(FIELDS):
        write_tiff(
            folder / f"{name}_{field}.ome.tif",
            whole[number],
            step,
            fixed_uuid(section.seed, 20 + number),
            field,
        )


def _field_block(
    block: Block, section: Section, step: float
) -> tuple[NDArray[np.float32], None]:
    y, x = _coordinates(block, step)
    wall, _ = section.perfused_walls.on_grid(y, x)
    tissue = depth_on_grid(section.tissue[None], y, x) > 0
    fields = [
        wall,
        np.where(tissue, section.carrier.on_grid(wall, y, x), 0),
        np.where(tissue, section.drug.on_grid(wall, y, x), 0),
    ]
    return np.stack(fields).astype(np.float32), None


def write_tables(
    folder: Path,
    name: str,
    section: Section,
    rasters: Mapping[str, Raster],
    landmarks: Mapping[str, Landmarks],
) -> None:
    """Write segments, check nuclei, spots, landmarks and samples of the warps."""
    _write_csv(folder / f"{name}_segments.csv", segment_table(section))
    _write_csv(folder / f"{name}_nuclei.csv", check_nuclei(section, rasters))
    window = (0.0, section.size_um[0], 0.0, section.size_um[1])
    spots = pd.DataFrame(particles.spots(section, window), columns=_SPOT_COLUMNS)
    _write_csv(folder / f"{name}_spots.csv", spots)
    grid = tissue_grid(section, 25)
    for instrument, raster in rasters.items():
        pairs = landmarks[instrument]
        table = _pairs(pairs.moving, pairs.fixed)
        table.insert(0, "name", pairs.names)
        _write_csv(folder / f"{name}_{instrument}_landmarks.csv", table)
        warp = _pairs(raster.warp.inverse(grid), grid)
        _write_csv(folder / f"{name}_{instrument}_warp.csv", warp)


_SPOT_COLUMNS = ["y_um", "x_um", "photons"]


def segment_table(section: Section) -> pd.DataFrame:
    """Return one row per vessel segment."""
    vessels = section.vessels
    columns = ["y0_um", "x0_um", "y1_um", "x1_um", "radius_um"]
    table = pd.DataFrame(vessels.capsules, columns=columns)
    table["diameter_um"] = vessels.diameter_um
    table["length_um"] = vessels.length_um
    table["diameter_class"] = vessels.diameter_class
    table["object"] = vessels.tree + 1
    table["branch"] = vessels.branch + 1
    table["perfused"] = vessels.perfused
    return table


def check_nuclei(section: Section, rasters: Mapping[str, Raster]) -> pd.DataFrame:
    """Return nuclei, none of them a landmark, with their places in every space."""
    window = (0.0, section.size_um[0], 0.0, section.size_um[1])
    places = particles.nuclei(section, window)[:, :2]
    generator = np.random.default_rng(sub_seed(section.seed, CHECKS))
    places = places[np.sort(generator.permutation(len(places))[:CHECK_NUCLEI])]
    table = pd.DataFrame(places, columns=["slide_y_um", "slide_x_um"])
    for instrument, raster in rasters.items():
        moving = raster.warp.inverse(places)
        table[f"{instrument}_y_um"] = moving[:, 0]
        table[f"{instrument}_x_um"] = moving[:, 1]
    return table


def describe(
    section: Section, scanner: Scanner, counts: Mapping[str, int]
) -> dict[str, Any]:
    """Return what is true of a section in plain values."""
    viable, vessels = counts["viable_pixels"], counts["vessel_pixels"]
    return {
        "seed": section.seed,
        "shape": [scanner.height, scanner.width],
        "pixel_um": scanner.pixel_um,
        "psf_sigma_um": scanner.psf_sigma_um,
        "tissue_outline": section.tissue.tolist(),
        "necrosis_outlines": section.necroses.tolist(),
        "carrier": section.carrier.to_dict(),
        "drug": section.drug.to_dict(),
        "diameter_class_edges_um": list(CLASS_EDGES_UM),
        "vessel_area_fraction": vessels / viable if viable else 0.0,
        "perfused_fraction": counts["perfused_pixels"] / vessels if vessels else None,
        "objects": len(np.unique(section.vessels.tree)),
        "perfused_objects": len(
            np.unique(section.vessels.tree[section.vessels.perfused])
        ),
        **counts,
    }


def describe_raster(section: Section, raster: Raster) -> dict[str, Any]:
    """Return how an instrument lies over a section, in plain values.

    The root mean square and the maximum are those of the distance between the true
    map and its best affine approximation, over the tissue, in pixels.
    """
    warp = raster.warp
    moving = warp.inverse(tissue_grid(section))
    rest = np.linalg.norm(warp.bend(moving) - _trend(moving, warp.bend(moving)), axis=1)
    return {
        "shape": list(raster.shape),
        "pixel_um": raster.pixel_um,
        "affine": warp.affine.to_dict(),
        "waves": {
            "amplitudes_um": warp.amplitudes.tolist(),
            "frequencies_per_um": warp.frequencies.tolist(),
            "phases": warp.phases.tolist(),
        },
        "deformation_rms_pixels": float(np.sqrt((rest**2).mean())) / raster.pixel_um,
        "deformation_max_pixels": float(rest.max()) / raster.pixel_um,
    }


def _trend(moving: FloatArray, values: FloatArray) -> FloatArray:
    design = np.column_stack([moving, np.ones(len(moving))])
    trend: FloatArray = design @ np.linalg.lstsq(design, values, rcond=None)[0]
    return trend


def _pairs(moving: FloatArray, fixed: FloatArray) -> pd.DataFrame:
    columns = ["moving_y_um", "moving_x_um", "slide_y_um", "slide_x_um"]
    return pd.DataFrame(np.hstack([moving, fixed]), columns=columns)


def _write_csv(path: Path, table: pd.DataFrame) -> None:
    with complete(path) as (draft,):
        table.to_csv(draft, index=False, lineterminator="\n")
