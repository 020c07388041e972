"""One lesion of a reference study: its tumour and the sections cut from it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from nanoscape.phantom.animal import Animal
from nanoscape.phantom.block import TumourBlock
from nanoscape.phantom.lesion import make_lesion
from nanoscape.phantom.reference.plan import ReferencePlan
from nanoscape.phantom.specimen import Specimen
from nanoscape.phantom.streams import sub_seed
from nanoscape.phantom.tumour import MountPlan, Tumour, cut, make_tumour, mount
from nanoscape.phantom.tumour.growth import check_room
from nanoscape.phantom.tumour.shape import make_shape
from nanoscape.phantom.tumour.tumour import SIZE_UM

GAP_UM = 12.0
"""Distance of adjacent sections, of which each instrument gets one."""

_SECTIONS = 100
_BLOCKS = 90


@dataclass
class LesionWork:
    """A lesion that is being measured; its tumour is made when it is needed.

    Attributes
    ----------
    name
        Subject and lesion, such as ``"m1_l1"``.
    seed
        Of this lesion.
    plan
        Of the study.
    levels
        Of its sections.
    level
        Of the whole lesion.
    batch
        Day of measurement.
    """

    name: str
    seed: int
    plan: ReferencePlan
    levels: tuple[float, ...]
    level: float
    batch: int
    _made: Future[Tumour] | Tumour | None = field(default=None, repr=False)

    def check(self) -> None:
        """Refuse a plan that leaves no room for vessels, before anything is made.

        Raises
        ------
        CannotCompute
            If there is none.
        """
        shape = make_shape(self.seed, self.plan.block_um)
        check_room(shape, self.plan.vessels)

    def start(self, submit: Callable[..., Future[Tumour]]) -> None:
        """Begin to make the tumour beside other work."""
        if self._made is None:
            self._made = submit(self._make)

    @property
    def tumour(self) -> Tumour:
        """The tumour."""
        if self._made is None:
            self._made = self._make()
        elif isinstance(self._made, Future):
            self._made = self._made.result()
        return self._made

    def forget(self) -> None:
        """Free the tumour's memory."""
        self._made = None

    def section_name(self, section: int) -> str:
        """Return the name of a section, such as ``"m1_l1_s1"``."""
        return f"{self.name}_s{section + 1}"

    def depth_um(self, section: int, instrument: int) -> float:
        """Return where a section for an instrument is cut."""
        middle = SIZE_UM[0] * (section + 0.5) / len(self.levels)
        return middle + GAP_UM * (instrument - 2)

    def specimen(self, section: int, instrument: int) -> Specimen:
        """Return a section on the stage of an instrument, by its number."""
        seed = sub_seed(self.seed, _SECTIONS + section, instrument)
        # Sections for mass spectrometry lie on their slides with the other face up.
        treatment = MountPlan(mirror=instrument == 3)
        flat = cut(self.tumour, self.depth_um(section, instrument))
        return Specimen(
            self.section_name(section),
            seed,
            mount(seed, flat, treatment),
            self.levels[section],
            self.batch,
        )

    def block(self, instrument: int) -> TumourBlock:
        """Return the uncut block on the stage of an instrument, by its number."""
        seed = sub_seed(self.seed, _BLOCKS, instrument)
        return TumourBlock(self.name, seed, self.tumour, self.level, self.batch)

    def animal(self) -> Animal:
        """Return the animal in a scanner."""
        lesion = make_lesion(self.seed)
        return Animal(self.name, self.seed, lesion, self.level, self.batch)

    def _make(self) -> Tumour:
        return make_tumour(
            self.seed,
            size_um=self.plan.block_um,
            vessels=self.plan.vessels,
            law=self.plan.law,
        )
