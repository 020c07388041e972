"""What a cohort is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nanoscape.errors import WrongInput


@dataclass(frozen=True)
class Group:
    """Animals that were treated alike.

    Attributes
    ----------
    name
        Its name.
    ratio
        Its level over that of the first group, a ratio of geometric means.
    """

    name: str
    ratio: float = 1.0


GROUPS = (Group("control"), Group("null"), Group("treated", 1.6))
"""The first two form the null pair; the effect of the third is known."""


@dataclass(frozen=True)
class CohortPlan:
    """Groups, numbers and variances.

    The natural logarithm of a section's level is

    y = ln(ratio of the group) + a + l + s,

    with independent normal terms a of the animal, l of the lesion and s of the
    section. All defaults are chosen.

    Attributes
    ----------
    groups
        At least one.
    animals
        In each group.
    lesions
        Of each animal.
    sections
        Of each lesion.
    animal_sd, lesion_sd, section_sd
        Standard deviations of a, l and s; for small ones a coefficient of variation.
    """

    groups: tuple[Group, ...] = GROUPS
    animals: int = 6
    lesions: int = 1
    sections: int = 2
    animal_sd: float = 0.25
    lesion_sd: float = 0.15
    section_sd: float = 0.10

    def __post_init__(self) -> None:
        numbers = (len(self.groups), self.animals, self.lesions, self.sections)
        if min(numbers) < 1:
            raise WrongInput(
                "a cohort of {} groups of {} animals with {} lesions of {} "
                "sections".format(*numbers),
                "at least one of each",
            )
        if min(group.ratio for group in self.groups) <= 0:
            raise WrongInput("a group ratio of 0 or less", "a positive ratio")
        if min(self.animal_sd, self.lesion_sd, self.section_sd) < 0:
            raise WrongInput("a negative standard deviation", "0 or more")

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Numbers of groups, animals, lesions and sections."""
        return len(self.groups), self.animals, self.lesions, self.sections


COHORT = CohortPlan()
"""Three groups of six animals."""

SMALL = replace(COHORT, groups=(Group("control"), Group("treated", 1.6)), animals=1)
"""Two animals, one of each group, with one lesion and two sections."""
