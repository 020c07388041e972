"""Measured figures of the sample study beside their truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

from nanoscape.model import Labels
from nanoscape.phantom.truth import SectionTruth, read_truth
from nanoscape.workflow.run import Run

CLASSES = {1: "4 to 10 µm", 2: "10 to 20 µm", 3: "20 to 45 µm"}
"""Diameter classes of the phantom's vessels."""

_SAMPLE_NUCLEI = 500


def compare_with_truth(root: Path, run: Run) -> list[dict[str, Any]]:
    """Return rows of section, figure, measured value, truth and unit.

    Parameters
    ----------
    root
        Folder of the simulated study.
    run
        The analysis of it.
    """
    truth = read_truth(root)
    rows = []
    for (step, scope), outputs in run.results.items():
        if not scope[2]:
            continue
        section = truth.section(scope[0], scope[2])
        for name, measured, true, unit in _rows(step, outputs, section):
            rows.append(
                {
                    "section": section.name,
                    "figure": name,
                    "measured": _plain(measured),
                    "truth": _plain(true),
                    "unit": unit,
                }
            )
    return sorted(rows, key=lambda row: (row["section"], row["figure"]))


def vessel_dice(
    found: Labels, section: SectionTruth, tolerance_um: float = 1.0
) -> dict[int, float]:
    """Return the Dice coefficient of a vessel mask by diameter class.

    Pixels within the tolerance of the other mask count as agreeing. Found pixels
    belong to the class of the nearest true vessel.
    """
    true = np.asarray(section.mask("vessels").data)
    return dice_by_class(on_grid_of(found, section) > 0, true, section, tolerance_um)


def dice_by_class(
    mask: np.ndarray[Any, Any],
    classes: np.ndarray[Any, Any],
    section: SectionTruth,
    tolerance_um: float = 1.0,
) -> dict[int, float]:
    """Return the Dice coefficient of a mask on the truth's own grid, by class."""
    reach = tolerance_um / float(section.values["pixel_um"])
    away, nearest = ndimage.distance_transform_edt(classes == 0, return_indices=True)
    nearest_class = classes[tuple(nearest)]
    from_mask = ndimage.distance_transform_edt(~mask)
    scores = {}
    for number in CLASSES:
        true = classes == number
        mine = mask & (nearest_class == number)
        hit = (mine & (away <= reach)).sum() + (true & (from_mask <= reach)).sum()
        scores[number] = float(hit / max(mine.sum() + true.sum(), 1))
    return scores


def on_grid_of(found: Labels, section: SectionTruth) -> np.ndarray[Any, Any]:
    """Return labels at the pixel centres of the slide's finest level."""
    from nanoscape.compute.resample import onto

    return np.asarray(onto(found, section.mask("vessels")))


def alignment_errors(
    transform: Any, section: SectionTruth, instrument: str
) -> np.ndarray[Any, Any]:
    """Return how far nuclei lie from where the transform puts them, in µm.

    Nuclei took no part in the alignment.
    """
    nuclei = section.table("nuclei")
    nuclei = nuclei.iloc[:: max(1, len(nuclei) // _SAMPLE_NUCLEI)]
    columns = [f"{instrument}_y_um", f"{instrument}_x_um"]
    moving = nuclei[columns].to_numpy()
    fixed = nuclei[["slide_y_um", "slide_x_um"]].to_numpy()
    known = np.isfinite(moving).all(axis=1)
    gaps = transform.apply(moving[known]) - fixed[known]
    return np.asarray(np.linalg.norm(gaps, axis=1))


def _rows(
    step: str, outputs: dict[str, Any], section: SectionTruth
) -> Iterator[tuple[str, float, float, str]]:
    values = section.values
    if step.startswith("align_"):
        instrument = step.removeprefix("align_")
        edge = outputs["edge"]
        errors = alignment_errors(edge.transform, section, instrument)
        error = float(np.sqrt((errors**2).mean()))
        name = f"expected error of the {instrument} alignment"
        yield name, edge.quality.expected_error_um, error, "µm"
        name = f"median error of the {instrument} alignment at nuclei"
        yield name, float(np.median(errors)), 0.0, "µm"
    elif step == "vessels":
        for number, score in vessel_dice(outputs["labels"], section).items():
            yield f"Dice of vessels of {CLASSES[number]}", score, 1.0, ""
    elif step == "perfused":
        table: pd.DataFrame = outputs["summary"].data
        measured = float(table["perfused_fraction_by_vessel_area"].iloc[0])
        yield "perfused fraction of vessel area", measured, _perfused(section), ""
    elif step in ("carrier_profile", "drug_profile"):
        what = step.removesuffix("_profile")
        row = outputs["summary"].data.iloc[0]
        true = values[what]["decay_length_um"]
        yield f"decay length of the {what}", row["decay_length_um"], true, "µm"


def _perfused(section: SectionTruth) -> float:
    vessels = np.asarray(section.mask("vessels").data) > 0
    perfused = np.asarray(section.mask("perfused").data) > 0
    return float((perfused & vessels).sum() / max(vessels.sum(), 1))


def _plain(value: Any) -> float | None:
    """Return a number that JSON can hold."""
    return float(value) if value is not None and np.isfinite(value) else None
