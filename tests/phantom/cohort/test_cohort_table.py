from __future__ import annotations

import numpy as np
import pytest

from nanoscape.errors import WrongInput
from nanoscape.phantom.cohort import (
    AssayPlan,
    CohortPlan,
    Group,
    cohort_table,
    cohort_tables,
)
from nanoscape.phantom.cohort.table import draw_terms
from nanoscape.phantom.streams import COHORT, sub_seed

PLAN = CohortPlan(
    groups=(Group("control"), Group("null"), Group("treated", 1.6)),
    animals=6,
    lesions=2,
    sections=3,
    animal_sd=0.25,
    lesion_sd=0.15,
    section_sd=0.10,
)
REPLICATES = 1000


def mean_squares(y: np.ndarray) -> tuple[float, float, float]:
    """Return those of animals within groups, of lesions and of sections."""
    groups, animals, lesions, sections = y.shape
    lesion, animal = y.mean(axis=3), y.mean(axis=(2, 3))
    group = y.mean(axis=(1, 2, 3))
    of_animals = ((animal - group[:, None]) ** 2).sum() * lesions * sections
    of_lesions = ((lesion - animal[..., None]) ** 2).sum() * sections
    of_sections = ((y - lesion[..., None]) ** 2).sum()
    return (
        of_animals / (groups * (animals - 1)),
        of_lesions / (groups * animals * (lesions - 1)),
        of_sections / (groups * animals * lesions * (sections - 1)),
    )


def test_variance_components_come_back_within_sampling_error() -> None:
    """Nested analysis of variance of 1,000 replicates, each level by itself.

    The variance of a mean square with f degrees of freedom is 2 E² / f, from which
    the standard error of each component's mean follows without the sample.
    """
    found = []
    for table in cohort_tables(7, REPLICATES, PLAN):
        y = np.log(table.sections["level"].to_numpy()).reshape(PLAN.shape)
        found.append(mean_squares(y))
    animal, lesion, section = np.array(found).T
    groups, animals, lesions, sections = PLAN.shape
    e_section = PLAN.section_sd**2
    e_lesion = e_section + sections * PLAN.lesion_sd**2
    e_animal = e_lesion + lesions * sections * PLAN.animal_sd**2
    spread = [
        2 * e_animal**2 / (groups * (animals - 1)),
        2 * e_lesion**2 / (groups * animals * (lesions - 1)),
        2 * e_section**2 / (groups * animals * lesions * (sections - 1)),
    ]
    cases = [
        (
            (animal - lesion) / (lesions * sections),
            PLAN.animal_sd**2,
            (spread[0] + spread[1]) / (lesions * sections) ** 2,
        ),
        (
            (lesion - section) / sections,
            PLAN.lesion_sd**2,
            (spread[1] + spread[2]) / sections**2,
        ),
        (section, PLAN.section_sd**2, spread[2]),
    ]
    for estimates, true, variance in cases:
        error = np.sqrt(variance / REPLICATES)
        assert abs(estimates.mean() - true) < 3 * error
        assert error < 0.03 * true
        # The estimates scatter as the theory says, too.
        assert estimates.var() == pytest.approx(variance, rel=0.2)


def test_the_null_pair_does_not_differ_and_the_effect_is_the_known_one() -> None:
    means = []
    for table in cohort_tables(11, REPLICATES, PLAN):
        y = np.log(table.sections["level"].to_numpy()).reshape(PLAN.shape)
        means.append(y.mean(axis=(1, 2, 3)))
    control, null, treated = np.array(means).T
    animal = PLAN.animal_sd**2 + PLAN.lesion_sd**2 / 2 + PLAN.section_sd**2 / 6
    error = np.sqrt(2 * animal / PLAN.animals / REPLICATES)
    assert abs((null - control).mean()) < 3 * error
    assert abs((treated - control).mean() - np.log(1.6)) < 3 * error
    assert (null - control).std() == pytest.approx(error * np.sqrt(REPLICATES), rel=0.1)


def test_a_replicate_depends_on_its_own_number_alone() -> None:
    few = list(cohort_tables(3, 2, PLAN))
    many = list(cohort_tables(3, 4, PLAN))
    for one, other in zip(few, many, strict=False):
        for name in ("sections", "lesions", "truth"):
            assert getattr(one, name).equals(getattr(other, name))
    assert cohort_table(3, PLAN).sections.equals(few[0].sections)
    assert not many[1].sections.equals(many[2].sections)
    assert not cohort_table(4, PLAN).sections.equals(few[0].sections)


def test_rows_name_what_they_are_about() -> None:
    table = cohort_table(1, PLAN)
    rows = table.sections
    assert len(rows) == 3 * 6 * 2 * 3
    assert not rows.duplicated(["subject", "lesion", "section"]).any()
    assert rows.groupby("group")["subject"].nunique().to_dict() == {
        "control": 6,
        "null": 6,
        "treated": 6,
    }
    terms = ["group_ln", "animal_ln", "lesion_ln", "section_ln"]
    total = table.truth[terms].sum(axis=1)
    np.testing.assert_allclose(np.exp(total), rows["level"], rtol=1e-12)
    per_animal = table.truth.groupby("subject")["animal_ln"].nunique()
    assert (per_animal == 1).all()
    own = draw_terms(sub_seed(sub_seed(1, COHORT, 0), 0), PLAN)
    assert own["section_ln"].shape == PLAN.shape


def test_assays_find_the_level_of_their_lesion() -> None:
    """Without bias, and scattering as balance, counts and extraction do."""
    plan = CohortPlan(
        (Group("one"),), 40, 1, 1, animal_sd=0.0, lesion_sd=0.0, section_sd=0.5
    )
    assays = AssayPlan()
    pieces = [table.lesions for table in cohort_tables(5, 50, plan, assays)]
    carrier = np.concatenate([p["carrier_percent_per_g"] for p in pieces])
    drug = np.concatenate([p["drug_ng_per_g"] for p in pieces])
    many = len(carrier)
    assert many == 2000
    assert carrier.mean() == pytest.approx(assays.carrier_percent_per_g, rel=0.002)
    spread = np.hypot(assays.recovery_cv, assays.lcms_cv)
    assert drug.std() / drug.mean() == pytest.approx(spread, rel=0.06)
    assert abs(drug.mean() / assays.drug_ng_per_g - 1) < 3 * spread / np.sqrt(many)
    counts = np.concatenate([p["counts"] for p in pieces])
    # 6 %ID/g of 50 mg, decayed for a day, at the stated efficiency.
    left = 8e6 * 0.5 ** (24 / 12.7006)
    assert counts.mean() == pytest.approx(left * 0.06 * 0.05 * 0.2 * 60 + 30, rel=0.02)


def test_drug_below_the_limit_is_not_reported() -> None:
    plan = CohortPlan((Group("control"), Group("none", 1e-4)), 3, 1, 1)
    lesions = cohort_table(2, plan).lesions
    assert lesions.groupby("group")["drug_ng_per_g"].count().to_dict() == {
        "control": 3,
        "none": 0,
    }


def test_impossible_cohorts_are_refused() -> None:
    with pytest.raises(WrongInput, match="at least one"):
        CohortPlan(animals=0)
    with pytest.raises(WrongInput, match="ratio"):
        CohortPlan(groups=(Group("a", 0.0),))
    with pytest.raises(WrongInput, match="negative"):
        CohortPlan(lesion_sd=-0.1)
    with pytest.raises(WrongInput, match="replicates"):
        list(cohort_tables(1, -1))
