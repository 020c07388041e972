"""Writing what is true of a reference study. No analysis reads it."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.compute import Task
from nanoscape.phantom.animal import Animal
from nanoscape.phantom.block import TumourBlock, View
from nanoscape.phantom.files import (
    complete,
    fixed_uuid,
    write_plane,
    write_stack,
    write_text,
)
from nanoscape.phantom.instruments.registry import (
    BlockInstrument,
    Instrument,
    Scanner,
)
from nanoscape.phantom.specimen import Specimen
from nanoscape.phantom.tumour import Tumour
from nanoscape.phantom.tumour.grid import Grid
from nanoscape.phantom.tumour.growth import SHELLS
from nanoscape.phantom.tumour.network import chords, measure
from nanoscape.phantom.tumour.tumour import Which, on_grid
from nanoscape.phantom.tumour.walls import lengths

FOLDER = "truth"

_FIELDS = ("oxygen", "mobile", "carrier", "encapsulated", "free")
_DIGITS = 12
_GRID_UM = 50.0


def write_tumour(folder: Path, name: str, tumour: Tumour) -> None:
    """Write fields in space, vessel segments and what the tumour is made of.

    Fields are those of the grid they were solved on, exact distances lie twice as far
    apart; the first place is half of its own pitch from the corner of the block.
    ``<name>_tumour.json`` is written last: where it is, the others are.
    """
    grid = tumour.grid
    pitch = (grid.step_um,) * 3
    for number, field in enumerate(_FIELDS):
        path = folder / f"{name}_{field}.ome.tif"
        identifier = fixed_uuid(tumour.seed, 40 + number)
        write_stack(path, _rounded(tumour.field(field)), pitch, identifier, field)
    kind = on_grid(grid, lambda p: tumour.tissue(p).astype(float)).astype(np.uint8)
    path = folder / f"{name}_tissue.ome.tif"
    write_stack(path, kind, pitch, fixed_uuid(tumour.seed, 50), "tissue")
    z, y, x = (n // 2 for n in grid.shape)
    coarse = Grid((z, y, x), 2 * grid.step_um)
    chosen: tuple[Which, ...] = ("all", "perfused")
    for number, vessels in enumerate(chosen):
        near = on_grid(coarse, functools.partial(tumour.distance, vessels=vessels))
        field = f"distance_{vessels}_um"
        path = folder / f"{name}_{field}.ome.tif"
        identifier = fixed_uuid(tumour.seed, 60 + number)
        write_stack(path, _rounded(near), (coarse.step_um,) * 3, identifier, field)
    _write_table(folder / f"{name}_segments.csv", segments(tumour))
    _write_table(folder / f"{name}_links.csv", links(tumour))
    about = json.dumps(describe_tumour(tumour, kind > 0), indent=1)
    write_text(folder / f"{name}_tumour.json", about)


def segments(tumour: Tumour) -> pd.DataFrame:
    """Return one row for each vessel segment."""
    network = tumour.network
    length = network.segment_length_um
    own = lengths(network.capsules) * network.capsules[:, 6] * 2
    wide = np.bincount(network.segment, own, len(network)) / np.maximum(length, 1e-9)
    return pd.DataFrame(
        {
            "segment": np.arange(len(network)) + 1,
            "first_node": network.ends[:, 0],
            "last_node": network.ends[:, 1],
            "length_um": length,
            "chord_um": chords(network) if len(network) else length,
            "diameter_um": wide,
            "perfused": network.perfused,
            "leaking": network.leaking,
            "permeability_um_s": network.permeability_um_s,
        }
    )


def links(tumour: Tumour) -> pd.DataFrame:
    """Return one row for each straight link of all segments."""
    columns = ["z0_um", "y0_um", "x0_um", "z1_um", "y1_um", "x1_um", "radius_um"]
    table = pd.DataFrame(tumour.network.capsules.round(4), columns=columns)
    table.insert(0, "segment", tumour.network.segment + 1)
    return table


def describe_tumour(tumour: Tumour, inside: NDArray[np.bool_]) -> dict[str, Any]:
    """Return what a tumour is made of, and what is measured on it.

    Parameters
    ----------
    tumour
        What is described.
    inside
        Its cells of the grid.
    """
    values: dict[str, Any] = {
        "seed": tumour.seed,
        "size_um": list(tumour.shape.size_um),
        "first_cell_centre_um": tumour.grid.step_um / 2,
        "cell_um": tumour.grid.step_um,
        "radius_um": tumour.shape.radius_um,
        "outline_waves": tumour.shape.waves.tolist(),
        "oxygen": vars(tumour.oxygen_plan),
        "carrier": vars(tumour.carrier_plan),
        "laws": sorted(tumour.laws),
        "macrophages_z_y_x_radius_um": tumour.macrophages.balls.round(3).tolist(),
        "mean": {f: float(tumour.field(f)[inside].mean()) for f in _FIELDS},
    }
    if len(tumour.network):
        values["network"] = vars(measure(tumour.network, tumour.shape, SHELLS))
    return values


def write_section(
    folder: Path, name: str, specimen: Specimen, instrument: Instrument
) -> None:
    """Write what is true of one instrument's section, its description last."""
    kind = name.removeprefix(specimen.name + "_")
    maps = instrument.truth(specimen, instrument.settings)
    for number, (field, values) in enumerate(maps.items()):
        identifier = fixed_uuid(specimen.seed, 20 + number)
        path = folder / f"{name}_{field}.ome.tif"
        write_plane(path, values, instrument.pitch_um, identifier, field)
    _write_table(folder / f"{name}_transform.csv", transform(specimen))
    text = json.dumps(describe(specimen, instrument) | {"kind": kind}, indent=1)
    write_text(folder / f"{name}.json", text)


def write_block(
    folder: Path,
    name: str,
    block: TumourBlock,
    instrument: BlockInstrument,
    task: Task | None = None,
) -> None:
    """Write what is true of one volume of an uncut block, its description last."""
    maps = instrument.truth(block, instrument.settings, task)
    view = instrument.view(block, instrument.settings)
    for number, (field, found) in enumerate(maps.items()):
        z, y, x = (p * s for p, s in zip(view.pitch_um, found.step, strict=True))
        whole = np.issubdtype(found.values.dtype, np.integer)
        values = found.values if whole else _rounded(found.values)
        identifier = fixed_uuid(block.seed, 20 + number)
        path = folder / f"{name}_{field}.ome.tif"
        write_stack(path, values, (z, y, x), identifier, *_channels(values, field))
    about = {
        "block": block.name,
        "seed": block.seed,
        "level": block.level,
        "batch": block.batch,
        "image_to_tumour": image_to_tumour(view),
        "voxels": list(view.shape),
        "voxel_um": list(view.pitch_um),
        "map_step_voxels": {field: list(found.step) for field, found in maps.items()},
        "instrument": instrument.describe(),
    }
    write_text(folder / f"{name}.json", json.dumps(about, indent=1))


def image_to_tumour(view: View) -> dict[str, Any]:
    """Return the map from µm of an image to µm of the tumour, both ``z y x``.

    The place v, with the centre of the first voxel at 0, lies at linear · v + shift.
    """
    linear = view.scale * view.rotation
    return {"linear": linear.tolist(), "shift_um": view.shift.tolist()}


def _channels(values: np.ndarray[Any, Any], field: str) -> list[str]:
    """Return names for the channels of a map, which has one or several."""
    count = len(values) if values.ndim == 4 else 1
    return [field] if count == 1 else [f"{field} {n + 1}" for n in range(count)]


def write_animal(folder: Path, name: str, animal: Animal, scanner: Scanner) -> None:
    """Write what is true of one scanner's volumes, their description last."""
    maps = scanner.truth(animal, scanner.settings)
    z, y, x = (1e3 * size for size in scanner.voxels.size_mm)
    for number, (field, values) in enumerate(maps.items()):
        identifier = fixed_uuid(animal.stream(70), number)
        path = folder / f"{name}_{field}.ome.tif"
        write_stack(path, values, (z, y, x), identifier, field)
    films = scanner.films(animal, scanner.settings) if scanner.films else {}
    for number, (field, values) in enumerate(films.items(), len(maps)):
        rows, columns = (
            whole / part
            for whole, part in zip(
                scanner.voxels.shape[1:], values.shape[1:], strict=True
            )
        )
        identifier = fixed_uuid(animal.stream(70), number)
        path = folder / f"{name}_{field}.ome.tif"
        pitch = (1.0, y * rows, x * columns)
        write_stack(path, values, pitch, identifier, field, axes="TYX")
    about: dict[str, Any] = {
        "animal": animal.name,
        "level": animal.level,
        "batch": animal.batch,
        "lesion_centre_ras_mm": animal.lesion.centre.tolist(),
        "lesion_half_axes_ras_mm": animal.lesion.half_axes.tolist(),
        "first_voxel_lps_zyx_mm": list(scanner.voxels.first_mm),
        "instrument": scanner.describe(),
    }
    if scanner.about:
        about |= scanner.about(animal, scanner.settings)
    write_text(folder / f"{name}.json", json.dumps(about, indent=1))


def transform(specimen: Specimen) -> pd.DataFrame:
    """Return where an even grid of the slide's places lay in the tumour."""
    axes = [np.arange(0.0, n + 1e-9, _GRID_UM) for n in specimen.size_um]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    inside = specimen.in_space(places)
    columns = ["slide_y_um", "slide_x_um", "z_um", "y_um", "x_um"]
    table = pd.DataFrame(np.hstack([places, inside]).round(4), columns=columns)
    return table.assign(tissue=specimen.tissue(places))


def describe(specimen: Specimen, instrument: Instrument) -> dict[str, Any]:
    """Return section, mounting and instrument in plain values."""
    mounted = specimen.mounted
    more = instrument.about
    return {
        "section": specimen.name,
        "seed": specimen.seed,
        "depth_um": mounted.section.depth_um,
        "level": specimen.level,
        "batch": specimen.batch,
        "slide_to_section": {
            "linear": mounted.linear.tolist(),
            "shift_um": mounted.shift.tolist(),
            "tears_y_x_angle_half_length_width": mounted.tears.tolist(),
            "folds_y_x_angle_half_length_width": mounted.folds.tolist(),
            "waves_ay_ax_fy_fx_phase": mounted.waves.tolist(),
        },
        "bubbles_y_x_radius_um": mounted.bubbles.tolist(),
        "instrument": instrument.describe(),
        "map_pitch_um": list(instrument.pitch_um),
        **(more(specimen, instrument.settings) if more else {}),
    }


def _rounded(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return single precision with 12 binary digits, which takes a third as much."""
    mantissa, exponent = np.frexp(values)
    short = np.round(mantissa * 2**_DIGITS) / 2**_DIGITS
    return np.ldexp(short, exponent).astype(np.float32)


def _write_table(path: Path, table: pd.DataFrame) -> None:
    with complete(path) as (draft,):
        table.to_csv(draft, index=False, lineterminator="\n")
