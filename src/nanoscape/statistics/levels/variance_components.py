"""Where the variance lies: between subjects, lesions, sections, or within."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd

from nanoscape.errors import CannotCompute
from nanoscape.model import Table
from nanoscape.operation import Option, operation
from nanoscape.statistics.levels.anova import Anova, anova
from nanoscape.statistics.levels.gather import LEVELS, gathered
from nanoscape.statistics.levels.intervals import drawn_components, interval
from nanoscape.statistics.levels.nest import Floats, Nest, nested
from nanoscape.statistics.levels.reml import reml
from nanoscape.statistics.levels.sample_size import designs

Method = Literal["REML", "ANOVA"]


@dataclass(frozen=True)
class VarianceComponents:
    """Where the variance lies.

    Attributes
    ----------
    components
        One row for each level: variance, share, intraclass correlation, intervals.
    designs
        Subjects that a comparison of two groups would need, by what is measured in
        each.
    """

    components: Table
    designs: Table


@operation(version=1, title="Variance by level")
def variance_components(
    tables: list[Table],
    *,
    value: Annotated[str, Option(label="Column of the value")] = "",
    method: Annotated[Method, Option(label="Method")] = "REML",
    noise: Annotated[
        float | None, Option(minimum=0.0, label="Standard deviation of the noise")
    ] = None,
    confidence: Annotated[
        float, Option(minimum=0.5, maximum=0.999, label="Confidence", advanced=True)
    ] = 0.95,
    difference: Annotated[
        float, Option(minimum=0.001, label="Difference to find, share of the mean")
    ] = 0.5,
    power: Annotated[
        float, Option(minimum=0.5, maximum=0.999, label="Power", advanced=True)
    ] = 0.8,
) -> VarianceComponents:
    """Split the variance of a value into that of subjects, lesions and sections.

    The model is a mean plus independent effects of subject, lesion in subject and
    section in lesion. The intraclass correlation of a level is the share of the
    variance that values of one of its groups have in common.

    Parameters
    ----------
    tables
        Results; the subject, and where there are several the lesion and the section,
        are columns of them or tags of the whole table.
    value
        Column of the value; may stay empty when there is only one of numbers.
    method
        Restricted maximum likelihood, or mean squares, whose components may be below
        zero. They agree when groups are of one size and no component is below zero.
    noise
        Standard deviation of the noise of a single value, from repeated
        measurements. It is taken out of the lowest level.
    confidence
        Of the intervals.
    difference
        Difference of two groups that a coming study should find, over the mean.
    power
        Probability to find it.

    Returns
    -------
    VarianceComponents
        Components, and a hint how many subjects a study needs.

    Raises
    ------
    CannotCompute
        If there are fewer than two subjects, or one value from each.
    WrongInput
        If a table has no such column, or does not say which subject it is of.
    """
    frame = gathered(tables, value, LEVELS[:1], LEVELS[1:])
    nest = nested(frame, LEVELS)
    if not nest.levels or len(nest.starts[0]) < 2:
        raise CannotCompute(
            f"there are {frame['subject'].nunique()} subjects with {len(frame)} values",
            "at least two subjects, and several values of some of them",
        )
    found = anova(nest)
    components = reml(nest) if method == "REML" else found.components
    data = _rows(nest, found, components, noise, confidence)
    notes = _notes(nest, method, frame, noise, confidence)
    mean = float(frame["value"].mean())
    return VarianceComponents(
        Table(
            data=data,
            name=f"variance of {value or 'the value'} by level",
            notes=notes,
        ),
        Table(
            data=designs(nest, components, mean, difference, power),
            name="subjects needed for a comparison",
            notes=(
                f"Subjects in each of two groups to find a difference of "
                f"{difference:.3g} of the mean with a power of {power:.3g} at 5 %, "
                "two-sided t test on the means of subjects. The variances are "
                "estimates: plan with more. Not for results that are known already.",
            ),
        ),
    )


def _rows(
    nest: Nest,
    found: Anova,
    components: Floats,
    noise: float | None,
    confidence: float,
) -> pd.DataFrame:
    names = (*nest.levels, nest.residual)
    counts = [len(first) for first in nest.starts] + [len(nest.values)]
    drawn = drawn_components(found)
    kept = np.maximum(components, 0.0)
    totals, drawn_kept = kept.sum(), np.maximum(drawn, 0.0)
    drawn_totals = drawn_kept.sum(axis=1)
    rows = []
    for k, name in enumerate(names):
        low, high = interval(drawn_kept[:, k], confidence)
        row: dict[str, Any] = {
            "level": name,
            "n_groups": counts[k],
            "degrees_of_freedom": found.freedom[k],
            "mean_square": found.mean_squares[k],
            "variance": components[k],
            "variance_low": low,
            "variance_high": high,
            "standard_deviation": math.sqrt(kept[k]),
            "share_of_variance": kept[k] / totals if totals else math.nan,
        }
        row |= _correlation(kept, drawn_kept, drawn_totals, k, confidence)
        row["reason"] = _reason(components, k, totals)
        rows.append(row)
    data = pd.DataFrame(rows)
    if noise is not None:
        data["variance_without_noise"], data["noise_reason"] = _quiet(kept, noise)
        quiet = data["variance_without_noise"].to_numpy()
        upper = np.cumsum(quiet) / quiet.sum()
        upper[-1] = math.nan
        data["icc_without_noise"] = upper
    return data


def _correlation(
    kept: Floats, drawn: Floats, totals: Floats, k: int, confidence: float
) -> dict[str, float]:
    """Return what values of one group have in common, of the highest levels down."""
    names = ("icc", "icc_low", "icc_high")
    if k == len(kept) - 1 or not kept.sum():
        return dict.fromkeys(names, math.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = drawn[:, : k + 1].sum(axis=1) / totals
    low, high = interval(shares[np.isfinite(shares)], confidence)
    icc = float(kept[: k + 1].sum() / kept.sum())
    return dict(zip(names, (icc, low, high), strict=True))


def _reason(components: Floats, k: int, total: float) -> str:
    if total == 0:
        return "all values are equal"
    if components[k] < 0:
        return "below zero: chance of few groups"
    if components[k] <= 1e-9 * total:
        return "no more than what the level below explains"
    return ""


def _quiet(kept: Floats, noise: float) -> tuple[Floats, list[str]]:
    quiet, reasons = kept.copy(), [""] * len(kept)
    left = kept[-1] - noise**2
    if left < 0:
        quiet[-1] = math.nan
        reasons[-1] = "the noise is larger than the spread"
    else:
        quiet[-1] = left
    return quiet, reasons


def _notes(
    nest: Nest,
    method: str,
    frame: pd.DataFrame,
    noise: float | None,
    confidence: float,
) -> tuple[str, ...]:
    missing = frame.attrs["n_not_measured"]
    notes = [
        f"n = {len(nest.starts[0])} {nest.levels[0]}s ({len(frame)} values"
        + (f", {missing} without a value left out)." if missing else ")."),
        f"Method: {method}. Intervals of {confidence:.3g}: generalised pivots of the "
        f"mean squares; icc: share of the variance that values of one group have in "
        "common.",
        *nest.merged,
    ]
    if noise is None:
        notes.append("The lowest level holds the noise of the measurement.")
    return tuple(notes)
