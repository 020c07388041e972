"""Ions that tell two areas, or two groups of animals, apart."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Table
from nanoscape.operation import Option, operation

Design = Literal["areas of the same animals", "groups of animals"]
Floats = NDArray[np.float64]
_COLUMNS = ("mz", "mean_first", "mean_second")


@operation(version=1, title="Discriminating ions")
def discriminating_ions(
    tables: list[Table],
    *,
    design: Annotated[Design, Option(label="Compare")] = "areas of the same animals",
    tolerance_ppm: Annotated[
        float, Option(unit="ppm", minimum=1e-3, maximum=1e5, label="One ion within")
    ] = 10.0,
    false_discoveries: Annotated[
        float, Option(minimum=0.001, maximum=0.5, label="Share of false discoveries")
    ] = 0.05,
) -> Table:
    """Ask of which ions two areas, or two groups, hold different amounts.

    Animals are compared and never pixels: what was measured of an animal is averaged
    first.

    Parameters
    ----------
    tables
        What *Ions of two areas* gave, of sections of several animals; each says by its
        tags or columns which subject, and for groups which group, it is of.
    design
        "areas of the same animals": the first area against the second, by the signed
        ranks of the differences within animals. "groups of animals": the first area
        of one group against that of the other, by the ranks of animals.
    tolerance_ppm
        How near m/z of different sections must be to be one ion.
    false_discoveries
        Expected share of false ones among the ions that are said to differ.

    Returns
    -------
    table
        One row for each ion, the clearest first.

    Raises
    ------
    CannotCompute
        If there are fewer than two animals, or not two groups.
    WrongInput
        If a table is of something else, or does not say of which animal.

    Notes
    -----
    Within animals the difference is (a − b) / (a + b), which is monotonic in the ratio
    and defined where one mean is zero. The test is Wilcoxon's signed rank test, between
    groups that of Mann and Whitney, both exact for few animals without ties. q is p
    adjusted by Benjamini and Hochberg 1995 (doi:10.1111/j.2517-6161.1995.tb02031.x).
    With n animals the smallest possible p within animals is 2 / 2ⁿ: five animals or
    fewer cannot reach 0.05.
    """
    if not tables:
        raise WrongInput("no table was given", "tables of Ions of two areas")
    within = design == "areas of the same animals"
    frame = _gathered(tables, within)
    frame["ion"] = matched(frame["mz"].to_numpy(np.float64), tolerance_ppm)
    levels = [n for n in ("ion", "group", "subject") if n in frame]
    means = frame.groupby(levels, sort=True)[[*_COLUMNS, "pixel_auc"]].mean()
    means = means.reset_index()
    subjects = means["subject"].nunique()
    if subjects < 2:
        raise CannotCompute(
            f"there is {subjects} animal", "at least two, and six for a test",
            "measure more animals; sections and pixels are no replicates",
        )  # fmt: skip
    groups = _groups(means) if not within else ()
    names = frame.groupby("ion")["name"].first()
    rows = []
    for ion, part in means.groupby("ion", sort=True):
        row = _within(part) if within else _between(part, groups)
        mz = float(part["mz"].mean())
        rows.append({"name": names[ion], "mz": mz} | row)
    data = pd.DataFrame(rows)
    data["q"] = adjusted(data["p"].to_numpy(np.float64))
    data["differs"] = data["q"] <= false_discoveries
    effect = data["effect"].abs()
    data = data.assign(_effect=-effect).sort_values(["p", "_effect"], kind="stable")
    return Table(
        data=data.drop(columns="_effect").reset_index(drop=True),
        name="discriminating ions",
        notes=_notes(within, groups, subjects, len(tables), data, false_discoveries),
    )


def matched(mzs: Floats, tolerance_ppm: float) -> NDArray[np.int64]:
    """Return the number of the ion of each m/z: near ones have the same.

    Ions are cut where sorted m/z leave a gap wider than the tolerance, so that the
    order of the tables does not matter.
    """
    order = np.argsort(mzs, kind="stable")
    rising = mzs[order]
    gaps = np.diff(rising) / rising[:-1] * 1e6 > tolerance_ppm
    found = np.empty(len(mzs), np.int64)
    found[order] = np.concatenate([[0], np.cumsum(gaps)])
    return found


def adjusted(p: Floats) -> Floats:
    """Return p-values adjusted for false discoveries; NaN is not tested."""
    q = np.full(len(p), np.nan)
    held = np.isfinite(p)
    if held.any():
        q[held] = stats.false_discovery_control(p[held])
    return q


def _gathered(tables: list[Table], within: bool) -> pd.DataFrame:
    parts = []
    for table in tables:
        if any(name not in table.data for name in (*_COLUMNS, "pixel_auc", "name")):
            raise WrongInput(
                f"{table.name} holds no ions of two areas",
                "means of two areas for each m/z",
                "run Ions of two areas first",
            )
        part = table.data[["name", *_COLUMNS, "pixel_auc"]].copy()
        for level in ("subject",) if within else ("subject", "group"):
            if level in table.data:
                part[level] = table.data[level].astype(str)
            elif level in table.tags:
                part[level] = str(table.tags[level])
            else:
                raise WrongInput(
                    f"{table.name} does not say which {level} it is of",
                    f"a column or a tag {level!r}",
                    "fill in the sheet of the study",
                )
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _groups(means: pd.DataFrame) -> tuple[str, ...]:
    groups = tuple(sorted(means["group"].unique()))
    if len(groups) != 2:
        raise CannotCompute(f"there are {len(groups)} groups", "two groups of animals")
    return groups


def _within(part: pd.DataFrame) -> dict[str, Any]:
    one, two = (part[n].to_numpy(np.float64) for n in ("mean_first", "mean_second"))
    total = one + two
    held = total > 0
    difference = (one[held] - two[held]) / total[held]
    p = math.nan
    if held.sum() >= 2:
        p = 1.0 if not difference.any() else float(_signed_rank(difference))
    return {
        "n_subjects": int(held.sum()),
        "mean_first": float(one.mean()),
        "mean_second": float(two.mean()),
        "effect": float(np.median(difference)) if held.any() else math.nan,
        "pixel_auc": float(part["pixel_auc"].mean()),
        "p": p,
    }


def _signed_rank(difference: Floats) -> float:
    # Zeros are left out by Wilcoxon's own rule; all signs are tried for few animals.
    kept = difference[difference != 0]
    if len(kept) < 2:
        return 1.0
    ranks = stats.rankdata(np.abs(kept))
    if len(kept) > 15:
        return float(stats.wilcoxon(kept, method="asymptotic").pvalue)
    signs = 1 - 2 * ((np.arange(2 ** len(kept))[:, None] >> np.arange(len(kept))) & 1)
    observed = abs(float(np.sign(kept) @ ranks))
    return float(np.mean(np.abs(signs @ ranks) >= observed - 1e-9))


def _between(part: pd.DataFrame, groups: tuple[str, ...]) -> dict[str, Any]:
    one, two = (
        part.loc[part["group"] == group, "mean_first"].to_numpy(np.float64)
        for group in groups
    )
    row: dict[str, Any] = {
        "n_subjects": len(one) + len(two),
        f"mean_{groups[0]}": float(one.mean()) if one.size else math.nan,
        f"mean_{groups[1]}": float(two.mean()) if two.size else math.nan,
    }
    p = effect = math.nan
    if one.size and two.size:
        test = stats.mannwhitneyu(one, two, alternative="two-sided")
        p = float(test.pvalue)
        # The share of pairs of animals of which that of the first group has more.
        effect = 2 * float(test.statistic) / (one.size * two.size) - 1
    return row | {"effect": effect, "p": p}


def _notes(
    within: bool,
    groups: tuple[str, ...],
    subjects: int,
    sections: int,
    data: pd.DataFrame,
    rate: float,
) -> tuple[str, ...]:
    notes = [f"n = {subjects} subjects ({sections} tables), {len(data)} ions."]
    if within:
        notes.append(
            "effect: median over subjects of (first − second) / (first + second); p by "
            "Wilcoxon's signed ranks. pixel_auc is of single pixels and describes only."
        )
        if subjects < 6:
            notes.append(
                f"With {subjects} subjects p cannot be below {2 / 2**subjects:.3g}."
            )
    else:
        notes.append(
            f"effect: Cliff's delta, above 0 where {groups[0]} has more than "
            f"{groups[1]}; p by the ranks of Mann and Whitney."
        )
    notes.append(f"differs: q is at most {rate:g} (Benjamini and Hochberg).")
    return tuple(notes)
