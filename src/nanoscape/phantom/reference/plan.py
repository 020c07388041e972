"""What a reference study is made of."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import get_args

from nanoscape.errors import UnreadableFile, WrongInput
from nanoscape.phantom.cohort import SMALL, CohortPlan
from nanoscape.phantom.files import write_text
from nanoscape.phantom.instruments.registry import NAMES, USUAL
from nanoscape.phantom.tumour import NetworkPlan
from nanoscape.phantom.tumour.tumour import SIZE_UM, LawName

PLAN_FILE = "phantom.json"

_SMALLEST_UM = 900.0


@dataclass(frozen=True)
class ReferencePlan:
    """What is asked for.

    Attributes
    ----------
    seed
        The same seed gives the same bytes.
    size_um
        Side of the block that each tumour fills.
    slide_pixel_um
        Pixels of slide scanners.
    cohort
        Groups, animals, lesions and sections, and how they vary.
    instruments
        Their names.
    law
        How carrier and drug move; see
        :func:`nanoscape.phantom.tumour.tumour.make_tumour`.
    vessels
        Of each tumour.
    """

    seed: int = 1
    size_um: float = SIZE_UM[1]
    slide_pixel_um: float = 1.3
    cohort: CohortPlan = SMALL
    instruments: tuple[str, ...] = USUAL
    law: LawName = "diffusion"
    vessels: NetworkPlan = field(default_factory=NetworkPlan)

    def __post_init__(self) -> None:
        unknown = [name for name in self.instruments if name not in NAMES]
        if unknown:
            raise WrongInput(
                f"an instrument named {unknown[0]}", f"one of {', '.join(NAMES)}"
            )
        laws = [name for part in get_args(LawName) for name in get_args(part) or [part]]
        if self.law not in laws:
            raise WrongInput(f"a law named {self.law}", f"one of {', '.join(laws)}")
        if self.size_um < _SMALLEST_UM:
            raise WrongInput(
                f"a tumour of {self.size_um:g} µm", f"at least {_SMALLEST_UM:g} µm"
            )
        if not 0.1 <= self.slide_pixel_um <= 10:
            raise WrongInput(
                f"slides with pixels of {self.slide_pixel_um:g} µm", "0.1 to 10 µm"
            )

    @property
    def block_um(self) -> tuple[float, float, float]:
        """Extent of a tumour's block along ``z y x``."""
        return SIZE_UM[0], self.size_um, self.size_um


def claim(out: Path, plan: ReferencePlan) -> None:
    """Note in a folder what is made there, so that it can be gone on with.

    Which instruments are asked for may change: theirs are added.

    Raises
    ------
    WrongInput
        If the folder holds something else.
    UnreadableFile
        If the note cannot be read.
    """
    values = asdict(plan)
    del values["instruments"]
    text = json.dumps(values, indent=1)
    note = out / PLAN_FILE
    if note.is_file():
        try:
            same = json.loads(note.read_text("utf-8")) == json.loads(text)
        except (OSError, ValueError) as error:
            raise UnreadableFile(f"{note} cannot be read") from error
        if not same:
            raise WrongInput(
                f"{out} holds a phantom that was asked for with other arguments",
                "the same ones, to go on with it",
                "choose another folder",
            )
    elif out.exists() and any(out.iterdir()):
        raise WrongInput(f"{out} is not empty", "a new folder", "choose another folder")
    else:
        write_text(note, text)
