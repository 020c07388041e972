"""Which vessels carried blood: overlap of numbered vessels with a perfusion dye."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import dask.array as da
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.compute import Task, map_blocks, reduce_blocks
from nanoscape.compute.resample import onto
from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Labels, Table
from nanoscape.model.raster import single_level
from nanoscape.operation import Option, Role, operation
from nanoscape.segmentation.calibrate import added, counts_of, quantile_of, spread_of
from nanoscape.segmentation.hessian import Floats, kernel_radius, smoothed
from nanoscape.segmentation.objects import object_sums
from nanoscape.segmentation.prepare import at_working_spacing, check_image

_BACKGROUND_UM = 20.0
_MARGIN_UM = 3.0
_NOISE_LIMIT = 4.0
_SHARE_OF_TYPICAL = 0.15
"""Thin vessels hold little dye; the stain of the walls shines less into its channel."""


@dataclass(frozen=True)
class Perfused:
    """Perfused vessels and what was measured of all of them.

    Attributes
    ----------
    perfused
        The perfused vessels, with the numbers they had.
    per_vessel
        One row per vessel: overlap with the dye, and whether it is perfused.
    summary
        Perfused fractions of the whole image, by number and by area.
    """

    perfused: Annotated[Labels, Role("Perfusion")]
    per_vessel: Table
    summary: Table


@operation(version=2, title="Find perfused vessels")
def perfused_vessels(
    vessels: Annotated[Labels, Role("Vessels")],
    perfusion: Annotated[Image, Role("Perfusion")],
    *,
    threshold: Annotated[
        float | None, Option(minimum=0.0, label="Smallest dye signal")
    ] = None,
    smallest_overlap: Annotated[
        float, Option(minimum=0.0, maximum=1.0, step=0.05, label="Smallest overlap")
    ] = 0.3,
    task: Task | None = None,
) -> Perfused:
    """Tell which vessels were perfused, from a dye such as lectin.

    The dye's local background, taken from the tissue between the vessels, is
    subtracted. A vessel is perfused when enough of it carries dye.

    Parameters
    ----------
    vessels
        Numbered vessels.
    perfusion
        Image of the injected dye, in the same space; it may lie on another grid.
    threshold
        Signal above the local background, in the unit of the dye image, from
        which a pixel carries dye. A larger value counts fewer vessels. Auto: 15 %
        of the typical signal in vessels, and at least four times the noise.
    smallest_overlap
        Share of a vessel that must carry dye for it to count as perfused. A
        larger value counts fewer vessels.
    task
        Progress.

    Raises
    ------
    WrongInput
        If the two lie in different spaces, or the dye image is no single plane or
        volume.
    CannotCompute
        If there are no vessels, or none lies where the dye was measured.
    """
    check_image(perfusion, "perfused vessels")
    parts = (task or Task()).split(1, 6, 1, 1, 1, 1)
    spacing = tuple(vessels.spacing.values())
    perfusion = at_working_spacing(perfusion, max(spacing), parts[0])
    signal = _above_background(vessels, onto(perfusion, vessels, order=1), parts[1])
    limit, origin = threshold, "given"
    if limit is None:
        limit, origin = _threshold(vessels, signal, parts[2]), "measured"
    count = int(max(reduce_blocks(_largest, [vessels.data], task=parts[2])))
    if count == 0:
        raise CannotCompute(
            f"{vessels.name} holds no vessels, so there is none to be perfused",
            "at least one",
            "find vessels with other settings, or leave this section out",
        )
    with_dye = object_sums(
        vessels.data, count, signal > np.float32(limit), task=parts[3]
    )
    measured = object_sums(vessels.data, count, da.isfinite(signal), task=parts[4])
    if not measured.marked.any():
        raise CannotCompute(
            f"{perfusion.name} covers none of the vessels of {vessels.name}",
            "images of the same place",
            "check the registration",
        )
    exists = measured.pixels > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        overlap = with_dye.marked / measured.marked
    perfused = exists & (overlap >= smallest_overlap) & (with_dye.marked > 0)
    rows = measured.table(vessels.grid_to_space)
    rows["overlap_fraction"] = overlap[1:]
    rows["perfused"] = perfused[1:]
    rows = rows[exists[1:]].reset_index(drop=True)
    data = map_blocks(
        _only,
        [vessels.data],
        dtype=np.int32,
        arguments=(perfused,),
        task=parts[5],
        text="keeping perfused vessels",
    )
    labels = vessels.replace(
        levels=single_level(data, vessels.spatial_axes),
        name=f"perfused {vessels.name}",
        tags=vessels.tags.having("user", role="Perfusion"),
        table=rows[rows["perfused"]].reset_index(drop=True),
    )
    unit = f"{limit:.4g} {perfusion.quantity.unit}"
    notes = (
        f"A pixel carries dye from {unit} above the local background ({origin}).",
        f"A vessel is perfused from an overlap of {smallest_overlap:g}.",
    )
    return Perfused(
        labels,
        Table(data=rows, name=f"perfusion of {vessels.name}", notes=notes),
        _summary(rows, with_dye.marked, measured.marked, limit, vessels.name, notes),
    )


def _summary(
    rows: pd.DataFrame,
    with_dye: NDArray[np.int64],
    measured: NDArray[np.int64],
    limit: float,
    name: str,
    notes: tuple[str, ...],
) -> Table:
    seen = rows[np.isfinite(rows["overlap_fraction"])]
    size = seen.columns[1]
    area = float(seen[size].sum())
    perfused = seen[seen["perfused"]]
    data = pd.DataFrame(
        {
            "vessels": [len(seen)],
            "perfused_vessels": [len(perfused)],
            "perfused_fraction_by_number": [len(perfused) / len(seen)],
            "perfused_fraction_by_vessel_area": [float(perfused[size].sum()) / area],
            "perfused_fraction_by_dye_area": [
                int(with_dye.sum()) / int(measured.sum())
            ],
            "threshold": [limit],
        }
    )
    meaning: tuple[str, ...] = (
        "By number: perfused vessels / vessels. By vessel area: area of perfused "
        "vessels / area of vessels. By dye area: vessel area that carries dye / "
        "vessel area.",
    )
    missing = len(rows) - len(seen)
    if missing:
        meaning += (f"{missing} vessels lie where the dye was not measured.",)
    return Table(data=data, name=f"perfused fraction of {name}", notes=notes + meaning)


def _above_background(vessels: Labels, dye: da.Array, task: Task) -> da.Array:
    """Return the dye, lightly smoothed, less its mean between the vessels near by."""
    steps = tuple(vessels.spacing.values())
    wide = tuple(_BACKGROUND_UM / step for step in steps)
    margin = tuple(math.ceil(_MARGIN_UM / step) for step in steps)
    halo = tuple(kernel_radius(s) + m + 4 for s, m in zip(wide, margin, strict=True))
    return map_blocks(
        _corrected,
        [vessels.data, dye],
        dtype=np.float32,
        halo=halo,
        arguments=(wide, margin),
        task=task,
        text="subtracting the background",
    )


def _corrected(
    labels: NDArray[Any],
    dye: NDArray[Any],
    wide: tuple[float, ...],
    margin: tuple[int, ...],
) -> Floats:
    from scipy import ndimage

    values = dye.astype(np.float32)
    known = np.isfinite(values)
    values = np.where(known, values, np.float32(0))
    # Light that spreads beyond a vessel's wall is not background.
    size = tuple(2 * m + 1 for m in margin)
    near = ndimage.maximum_filter((labels != 0).astype(np.uint8), size=size)
    free = (known & (near == 0)).astype(np.float32)
    weight = smoothed(free, wide)
    background = smoothed(free * values, wide) / np.maximum(weight, np.float32(1e-6))
    fine = (0.7,) * values.ndim
    share = smoothed(known.astype(np.float32), fine)
    light = smoothed(values, fine) / np.maximum(share, np.float32(1e-6))
    usable = known & (weight > np.float32(1e-4))
    return np.where(usable, light - background, np.float32(np.nan))


def _threshold(vessels: Labels, signal: da.Array, task: Task) -> float:
    parts = reduce_blocks(_signal_counts, [vessels.data, signal], task=task)
    outside, inside = added(parts)
    noise = _NOISE_LIMIT * spread_of(outside)
    lowest = int(np.float32(noise).view(np.uint32) >> 16)
    clear = inside.copy()
    clear[: lowest + 1] = 0
    return max(noise, _SHARE_OF_TYPICAL * quantile_of(clear, 0.5))


def _signal_counts(labels: NDArray[Any], signal: Floats) -> NDArray[np.int64]:
    known = np.isfinite(signal)
    outside = np.abs(signal[known & (labels == 0)])
    inside = signal[known & (labels != 0)]
    return np.stack([counts_of(outside), counts_of(inside[inside > 0])])


def _largest(labels: NDArray[Any]) -> int:
    return int(labels.max())


def _only(labels: NDArray[Any], keep: NDArray[np.bool_]) -> NDArray[np.int32]:
    return np.where(keep[labels], labels, 0).astype(np.int32)
