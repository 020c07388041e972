"""A cohort as a table, without images: thousands of replicates in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.errors import WrongInput
from nanoscape.phantom.cohort.assays import AssayPlan, assay
from nanoscape.phantom.cohort.plan import COHORT, CohortPlan
from nanoscape.phantom.streams import COHORT as STREAM
from nanoscape.phantom.streams import sub_seed

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CohortTable:
    """One replicate of a cohort.

    Attributes
    ----------
    sections
        What images give: one row for each section with ``group``, ``subject``,
        ``lesion``, ``section`` and ``level``, without noise of measurement.
    lesions
        What is measured of each lesion's tissue, see
        :func:`nanoscape.phantom.cohort.assays.assay`.
    truth
        Rows of ``sections`` with the terms ``group_ln``, ``animal_ln``, ``lesion_ln``
        and ``section_ln``, whose sum is the logarithm of ``level``.
    """

    sections: pd.DataFrame
    lesions: pd.DataFrame
    truth: pd.DataFrame


def cohort_table(
    seed: int, plan: CohortPlan | None = None, assays: AssayPlan | None = None
) -> CohortTable:
    """Draw one cohort.

    Parameters
    ----------
    seed
        The same seed gives the same cohort.
    plan, assays
        What is asked for; defaults if None.
    """
    return _tabulated(sub_seed(seed, STREAM, 0), plan or COHORT, assays or AssayPlan())


def cohort_tables(
    seed: int,
    replicates: int,
    plan: CohortPlan | None = None,
    assays: AssayPlan | None = None,
) -> Iterator[CohortTable]:
    """Draw independent cohorts one by one.

    The first is that of :func:`cohort_table`; each depends on the seed and its own
    number alone, so that more replicates do not change those before.

    Parameters
    ----------
    seed
        Seed of all.
    replicates
        Their number.
    plan, assays
        What is asked for; defaults if None.

    Raises
    ------
    WrongInput
        If the number is negative.
    """
    if replicates < 0:
        raise WrongInput(f"{replicates} replicates", "0 or more")
    plan, assays = plan or COHORT, assays or AssayPlan()
    for number in range(replicates):
        yield _tabulated(sub_seed(seed, STREAM, number), plan, assays)


def draw_terms(seed: int, plan: CohortPlan) -> dict[str, FloatArray]:
    """Draw the terms of the logarithm of each section's level.

    Each has the shape ``(groups, animals, lesions, sections)``.
    """
    generator = np.random.default_rng(seed)
    groups, animals, lesions, sections = plan.shape
    ratio = np.log([group.ratio for group in plan.groups])
    drawn = {
        "group_ln": ratio[:, None, None, None],
        "animal_ln": plan.animal_sd
        * generator.standard_normal((groups, animals, 1, 1)),
        "lesion_ln": plan.lesion_sd
        * generator.standard_normal((groups, animals, lesions, 1)),
        "section_ln": plan.section_sd
        * generator.standard_normal((groups, animals, lesions, sections)),
    }
    return {name: np.broadcast_to(term, plan.shape) for name, term in drawn.items()}


def _tabulated(seed: int, plan: CohortPlan, assays: AssayPlan) -> CohortTable:
    terms = draw_terms(sub_seed(seed, 0), plan)
    group, animal, lesion, section = (n.ravel() for n in np.indices(plan.shape))
    names = np.array([g.name for g in plan.groups])
    subject = group * plan.animals + animal + 1
    labels = pd.DataFrame(
        {
            "group": names[group],
            "subject": [f"m{n}" for n in subject],
            "lesion": [f"l{n + 1}" for n in lesion],
            "section": [f"s{n + 1}" for n in section],
        }
    )
    flat = {name: term.ravel() for name, term in terms.items()}
    level = np.exp(sum(flat.values()))
    whole = terms["group_ln"] + terms["animal_ln"] + terms["lesion_ln"]
    first = section == 0
    measured = assay(
        np.exp(whole.ravel()[first]), assays, np.random.default_rng(sub_seed(seed, 1))
    )
    pieces = labels.loc[first, ["group", "subject", "lesion"]].reset_index(drop=True)
    return CohortTable(
        labels.assign(level=level),
        pd.concat([pieces, measured], axis=1),
        labels.assign(**flat),
    )
