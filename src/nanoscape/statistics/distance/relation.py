"""Whether a drug has to do with the distance to vessels at all."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.compute import Task, at_spacing
from nanoscape.compute.blocks import read_crop
from nanoscape.compute.resample import onto
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.areas import mask_of, masks_of
from nanoscape.statistics.distance.distance_map import distance_map
from nanoscape.statistics.nulls.pooling import pooled
from nanoscape.statistics.nulls.shift_curves import ShiftCurves, shift_curves
from nanoscape.statistics.nulls.shifts import Floats, rim_to_core
from nanoscape.statistics.zones import check_areas, without_role

LARGEST_HELD = 2**24
"""Pixels of the drug's image that are held in memory."""

CELLS = {1: 512, 2: 256, 3: 48}
"""Cells along the longest side, by number of axes."""

QUESTIONS = ("related at all", "related beyond the rim-to-core pattern")

_FEWEST = 10.0


@dataclass(frozen=True)
class VesselRelation:
    """Whether a drug has to do with the distance to vessels.

    Attributes
    ----------
    answers
        One row for each of the two questions, with p-values.
    curves
        Mean of the drug by distance, less what the question leaves out, with the
        bands of chance.
    """

    answers: Table
    curves: Table


@operation(version=1, title="Related to vessels?")
def vessel_relation(
    drug: Annotated[Image, Role("Drug")],
    vessels: Annotated[Labels, Role("Vessels")],
    tissue: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    bin_width: Annotated[
        float | None, Option(unit="µm", minimum=0.1, label="Bin width")
    ] = None,
    largest_distance: Annotated[
        float, Option(unit="µm", minimum=1.0, label="Largest distance")
    ] = 150.0,
    level: Annotated[
        float, Option(minimum=0.001, maximum=0.5, label="Outside the bands by chance")
    ] = 0.05,
    task: Task | None = None,
) -> VesselRelation:
    """Ask whether the drug has to do with the distance to vessels, twice.

    *At all*: also when both only follow the same pattern from the rim of the tissue to
    its core. *Beyond the rim-to-core pattern*: a cubic trend with depth in the tissue
    is taken out of both first. Chance is every shift of the drug's map against the
    vessels, compared over the part of the tissue that remains; the whole curve is
    judged at once.

    Parameters
    ----------
    drug
        Image of the drug or its carrier. Pixels without a value are left out.
    vessels
        All vessels of the field, or the perfused ones.
    tissue
        Where to measure; its edge is where depth begins. Everywhere by default.
    exclude
        Areas to leave out, such as necrosis, folds and tears.
    bin_width
        Width of a bin of distance. Auto: a fifteenth of the largest distance, and
        not less than a cell.
    largest_distance
        Where the curve ends.
    level
        Share of curves of chance that leave the bands.
    task
        Progress.

    Returns
    -------
    VesselRelation
        Answers and curves.

    Raises
    ------
    CannotCompute
        If there are no vessels, or nothing of the drug was measured near them.
    WrongInput
        If the objects lie in different spaces or the drug is a series in time.
    """
    check_areas(drug, tissue, exclude)
    if drug.spatial_axes != vessels.spatial_axes:
        raise WrongInput(
            f"{drug.name} has the axes {drug.spatial_axes} and {vessels.name} the "
            f"axes {vessels.spatial_axes}",
            "two sections or two volumes",
        )
    task = task or Task()
    first, second = task.split(3, 2)
    distances = distance_map(vessels, task=first)
    fields = _fields(drug, vessels, distances, tissue, exclude)
    width = max(bin_width or largest_distance / 15, fields.cell)
    shapes, edges = fields.shapes(width, largest_distance)
    if not any(shape[fields.used].sum() >= _FEWEST for shape in shapes):
        raise CannotCompute(
            f"{drug.name} was measured nowhere within {largest_distance:.0f} µm of "
            f"{vessels.name}",
            "some measured tissue near vessels",
            "check that the images overlap",
        )
    second.step(0, 2, "shifting the drug")
    every = [np.ones(fields.used.shape)]
    results = [shift_curves(fields.drug, shapes, fields.used, every, level)]
    second.step(1, 2, "shifting the drug")
    beyond = rim_to_core(fields.tissue)
    results.append(shift_curves(fields.drug, shapes, fields.used, beyond, level))
    seen = len(beyond) > 1
    rows = [
        _answer(question, found, fields, drug, level)
        for question, found in zip(QUESTIONS, results, strict=True)
    ]
    if not seen:
        rows[1]["reason"] = rows[1]["reason"] or "no edge of the tissue is seen"
    frames = [
        _curve(question, found, fields, shapes, edges)
        for question, found in zip(QUESTIONS, results, strict=True)
    ]
    notes = _notes(fields.cell, width, level)
    tags, name = without_role(drug.tags), f"{drug.name} and distance to {vessels.name}"
    return VesselRelation(
        Table(data=pd.DataFrame(rows), name=name, notes=notes, tags=tags),
        Table(
            data=pd.concat(frames, ignore_index=True),
            name=f"{name}, curves",
            notes=notes,
            tags=tags,
        ),
    )


@dataclass(frozen=True, eq=False)
class _Fields:
    """Drug, distances and tissue, averaged over cells."""

    drug: Floats
    distance: NDArray[np.float32]
    inside: NDArray[np.bool_]
    used: NDArray[np.bool_]
    tissue: NDArray[np.bool_]
    factor: int
    cell: float

    def shapes(self, width: float, largest: float) -> tuple[list[Floats], Floats]:
        """Return the share of each cell that lies in each bin of distance."""
        count = math.floor(largest / width + 1e-9)
        edges = np.arange(count + 1, dtype=np.float64) * width
        whole = pooled(self.inside.astype(np.float64), self.factor)
        safe = np.where(whole > 0, whole, 1.0)
        shapes = []
        for low, high in itertools.pairwise(edges):
            held = self.inside & (self.distance >= low) & (self.distance < high)
            shapes.append(pooled(held.astype(np.float64), self.factor) / safe)
        return shapes, edges


def _fields(
    drug: Image,
    vessels: Labels,
    distances: Image,
    tissue: Labels | Regions | None,
    exclude: list[Labels | Regions] | None,
) -> _Fields:
    sides = [
        n * step for n, step in zip(drug.shape, drug.spacing.values(), strict=True)
    ]
    most = CELLS[len(sides)]
    drug = at_spacing(drug, max(max(sides) / most / 2, max(vessels.spacing.values())))
    if math.prod(drug.spatial_shape) > LARGEST_HELD:
        raise CannotCompute(
            f"{drug.name} has {math.prod(drug.spatial_shape):,} pixels and no coarser "
            "level",
            f"a level of at most {LARGEST_HELD:,} pixels",
            "save it with a pyramid, or cut out a part",
        )
    whole = tuple(slice(0, n) for n in drug.spatial_shape)
    values = read_crop(drug.data, whole).astype(np.float64)
    distance = read_crop(onto(distances, drug), whole)
    lumen = read_crop(mask_of(vessels, drug), whole) != 0
    seen = np.ones(values.shape, bool)
    if tissue is not None:
        seen = read_crop(mask_of(tissue, drug), whole) != 0
    for mask in masks_of(exclude, drug):
        seen &= read_crop(mask, whole) == 0
    inside = seen & ~lumen & np.isfinite(values) & np.isfinite(distance)
    factor = max(1, -(-max(drug.spatial_shape) // most))
    weight = pooled(inside.astype(np.float64), factor)
    used = weight >= 0.5
    means = pooled(np.where(inside, values, 0.0), factor) / np.where(used, weight, 1.0)
    return _Fields(
        drug=np.where(used, means, 0.0),
        distance=distance,
        inside=inside,
        used=used,
        tissue=pooled(seen.astype(np.float64), factor) > 0.5,
        factor=factor,
        cell=max(drug.spacing.values()) * factor,
    )


def _answer(
    question: str, found: ShiftCurves, fields: _Fields, drug: Image, level: float
) -> dict[str, Any]:
    p = found.bands.p_mad
    answer = "untested" if math.isnan(p) else "yes" if p <= level else "no"
    return {
        "question": question,
        "drug": drug.name,
        "answer": answer,
        "p": p,
        "p_dclf": found.bands.p_dclf,
        "n_cells": int(fields.used.sum()),
        "n_independent_shifts": found.independent,
        "cell_um": fields.cell,
        "reason": found.reason,
    }


def _curve(
    question: str,
    found: ShiftCurves,
    fields: _Fields,
    shapes: list[Floats],
    edges: Floats,
) -> pd.DataFrame:
    weights = np.array([float(shape[fields.used].sum()) for shape in shapes])
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.array([float((s * fields.drug).sum()) for s in shapes]) / weights
    bands = found.bands
    return pd.DataFrame(
        {
            "question": question,
            "from_um": edges[:-1],
            "to_um": edges[1:],
            "n_cells": weights,
            "mean": mean,
            "excess": found.excess,
            "low": bands.low,
            "high": bands.high,
            "low_global": bands.low_global,
            "high_global": bands.high_global,
        }
    )


def _notes(cell: float, width: float, level: float) -> tuple[str, ...]:
    return (
        f"Cells of {cell:.3g} µm, distances in bins of {width:.3g} µm from the wall; "
        "the inside of vessels is left out.",
        "Null model: all shifts of the drug's map that leave a third of the tissue "
        "or more, variance corrected for the overlap. p: largest standardised "
        "deviation of the whole curve (MAD); p_dclf: mean squared one.",
        f"Bands hold {1 - level:.3g} of all shifts, in one bin (low, high) or as a "
        "whole curve (global), around the mean of shifts.",
        "One map is one sample: compare animals.",
    )
