"""Whether groups of subjects differ."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd

from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Table
from nanoscape.operation import Option, operation
from nanoscape.statistics.levels.gather import LEVELS, gathered
from nanoscape.statistics.levels.sample_size import subjects_needed
from nanoscape.statistics.levels.subjects import subject_means
from nanoscape.statistics.levels.two_groups import compare, holm


@dataclass(frozen=True)
class GroupComparison:
    """Groups of subjects.

    Attributes
    ----------
    comparison
        One row for each value and pair of groups.
    subjects
        One row for each value and subject.
    """

    comparison: Table
    subjects: Table


@operation(version=1, title="Compare groups")
def compare_groups(
    tables: list[Table],
    *,
    value: Annotated[str, Option(label="Columns of values")] = "",
    control: Annotated[str, Option(label="Compare only with")] = "",
    confidence: Annotated[
        float, Option(minimum=0.5, maximum=0.999, label="Confidence", advanced=True)
    ] = 0.95,
    power: Annotated[
        float,
        Option(
            minimum=0.5, maximum=0.999, label="Power of a next study", advanced=True
        ),
    ] = 0.8,
    seed: Annotated[int, Option(minimum=0, label="Random seed", advanced=True)] = 0,
) -> GroupComparison:
    """Compare groups by one value for each subject.

    All that was measured of a subject is averaged first, step by step: sections in
    lesions, lesions in the subject. Neither pixels nor sections are replicates.

    Parameters
    ----------
    tables
        Results; subject and group, and where there are several the lesion and the
        section, are columns of them or tags of the whole table.
    value
        Columns of values, separated by commas; may stay empty when there is only one
        of numbers.
    control
        Group with which all others are compared; all pairs by default.
    confidence
        Of the intervals.
    power
        For the number of subjects that a next study needs to find such a difference.
    seed
        Seed of the random permutations, where there are too many to try them all.

    Returns
    -------
    GroupComparison
        Differences with intervals, effect sizes, and p-values corrected for all rows.

    Raises
    ------
    CannotCompute
        If there are fewer than two groups.
    WrongInput
        If a table has no such column, does not say which subject or group it is of,
        or a subject lies in two groups.
    """
    columns = [part.strip() for part in value.split(",")] if value else [""]
    rows: list[dict[str, Any]] = []
    parts = []
    for column in columns:
        frame = gathered(tables, column, ("group", "subject"), LEVELS[1:])
        means = subject_means(frame, LEVELS)
        means.insert(0, "value", column or "value")
        parts.append(means)
        for first, second in _pairs(means, control):
            rows.append(_row(means, first, second, confidence, power, seed))
    data = pd.DataFrame(rows)
    for name in ("p", "p_permutation"):
        data[f"{name}_holm"] = holm(data[name].to_numpy(np.float64))
    subjects = pd.concat(parts, ignore_index=True)
    notes = _notes(subjects, confidence, len(data))
    return GroupComparison(
        Table(data=data, name="comparison of groups", notes=notes),
        Table(data=subjects, name="subjects", notes=notes[:1]),
    )


def _pairs(means: pd.DataFrame, control: str) -> list[tuple[str, str]]:
    groups = sorted(means["group"].unique())
    if len(groups) < 2:
        raise CannotCompute(
            f"all subjects are in one group, {groups[0]}",
            "at least two groups",
            "fill in the groups in the sheet of the study",
        )
    if not control:
        return list(itertools.combinations(groups, 2))
    if control not in groups:
        raise WrongInput(
            f"there is no group {control!r}", f"one of {', '.join(groups)}"
        )
    return [(control, group) for group in groups if group != control]


def _row(
    means: pd.DataFrame,
    first: str,
    second: str,
    confidence: float,
    power: float,
    seed: int,
) -> dict[str, Any]:
    a, b = (
        means.loc[means["group"] == group, "mean"].to_numpy(np.float64)
        for group in (first, second)
    )
    found = compare(a, b, confidence, seed)
    needed = subjects_needed(abs(found.g), power) if found.g == found.g else None
    return {
        "value": means["value"].iloc[0],
        "first": first,
        "second": second,
        "n_first": len(a),
        "n_second": len(b),
        "mean_first": float(a.mean()),
        "mean_second": float(b.mean()),
        "standard_deviation_first": _deviation(a),
        "standard_deviation_second": _deviation(b),
        "difference": found.difference,
        "difference_low": found.low,
        "difference_high": found.high,
        "hedges_g": found.g,
        "hedges_g_low": found.g_low,
        "hedges_g_high": found.g_high,
        "t": found.t,
        "degrees_of_freedom": found.freedom,
        "p": found.p,
        "p_permutation": found.p_permutation,
        "subjects_per_group_next": math.nan if needed is None else needed,
        "reason": found.reason,
    }


def _deviation(values: Any) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else math.nan


def _notes(subjects: pd.DataFrame, confidence: float, tests: int) -> tuple[str, ...]:
    n = subjects["subject"].nunique()
    total = int(subjects.groupby("value")["n_values"].sum().max())
    return (
        f"n = {n} subjects ({total} values, averaged within each subject).",
        f"difference: second less first, with the interval of {confidence:.3g} of "
        "Welch's t test; Hedges' g: over the common standard deviation; "
        "p_permutation: over ways to deal out the subjects.",
        f"p_..._holm: corrected for the {tests} rows of this table (Holm).",
        "subjects_per_group_next is for planning the next study with an effect as "
        "large as this estimate, not for judging this one.",
    )
