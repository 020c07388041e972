"""What happens to a section between the knife and the slide.

A mounted section is turned, perhaps mirrored, stretched, torn and folded. Places of
the slide are followed back to the section, so that everything true of the section is
true of the slide at the place where it lies there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import WrongInput
from nanoscape.phantom.streams import TUMOUR_SECTION, sub_seed
from nanoscape.phantom.tumour.section import Section

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_WAVES = 4
_STEPS = 100
_CLOSE_UM = 1e-6
_SETTLED_UM = 1e-9
# How far from a tear or fold the tissue beside it has moved.
_GIVES_WAY_UM = 300.0


@dataclass(frozen=True)
class MountPlan:
    """How a section is treated. All defaults are chosen.

    Attributes
    ----------
    rotation_deg
        Turned by up to this much, to either side.
    mirror
        Whether it lies with its other face up.
    scale
        Largest change of its size, by shrinking or spreading.
    stretch_um
        Root mean square of the smooth displacement, each axis by itself.
    tears, tear_um
        Their number, and their width in the middle.
    folds, fold_um
        Their number, and their width in the middle, below 200 µm.
    bubbles, bubble_um
        Number and radius of bubbles in the mounting medium.
    seam_um, seam_width_um
        Side of the fields that a scanner stitches, and width of the seams.
    """

    rotation_deg: float = 15.0
    mirror: bool = False
    scale: float = 0.02
    stretch_um: float = 20.0
    tears: int = 1
    tear_um: float = 40.0
    folds: int = 1
    fold_um: float = 25.0
    bubbles: int = 2
    bubble_um: float = 80.0
    seam_um: float = 600.0
    seam_width_um: float = 3.0


@dataclass(frozen=True, eq=False)
class Located:
    """Where places of a slide lay in the tumour.

    Attributes
    ----------
    inside_um
        ``(z, y, x)`` in the block, shape ``(n, 3)``.
    depth_um
        How far below the surface, shape ``(n,)``.
    """

    inside_um: FloatArray
    depth_um: FloatArray


@dataclass(frozen=True, eq=False)
class Mounted:
    """A section on its slide. Places of the slide are ``(y, x)`` in µm.

    Attributes
    ----------
    section
        What is mounted.
    linear, shift
        x → A x + b from the slide to the section, before anything is torn, folded
        or stretched; shapes ``(2, 2)`` and ``(2,)``.
    tears, folds
        Rows ``y, x, angle, half length, width`` after this map, shape ``(n, 5)``.
    waves
        Rows ``a_y, a_x, f_y, f_x, φ``: the stretch Σ a cos(2π f · x + φ).
    bubbles
        Rows ``y, x, radius`` on the slide.
    plan
        Seams, and what was asked for.
    """

    section: Section
    linear: FloatArray
    shift: FloatArray
    tears: FloatArray
    folds: FloatArray
    waves: FloatArray
    bubbles: FloatArray
    plan: MountPlan

    def to_section(self, slide_um: FloatArray, layer: int = 0) -> FloatArray:
        """Return where places ``(n, 2)`` of the slide come from.

        Parameters
        ----------
        slide_um
            In a tear, where there is nothing, its rim is returned.
        layer
            Of a fold, 0 for the lowest to 2 for the highest; all are the same place
            elsewhere.
        """
        return self._relaxed(_apply(self.linear, slide_um) + self.shift, layer)

    def to_slide(self, section_um: FloatArray) -> FloatArray:
        """Return where places ``(n, 2)`` of the section lie; NaN inside folds."""
        laid = np.array(section_um, dtype=np.float64)
        moving = np.arange(len(laid))
        for _ in range(_STEPS):
            step = 0.8 * (section_um[moving] - self._relaxed(laid[moving], 0))
            laid[moving] += step
            # Each place stops by itself, whatever others are asked for with it.
            moving = moving[np.abs(step).max(axis=1) > _SETTLED_UM]
            if not len(moving):
                break
        miss = np.abs(section_um - self._relaxed(laid, 0)).max(axis=1)
        laid[(miss > _CLOSE_UM) | _in_any(self.folds, laid)] = np.nan
        turned_back = np.linalg.inv(self.linear).astype(np.float64)
        return _apply(turned_back, laid - self.shift)

    def torn(self, slide_um: FloatArray) -> BoolArray:
        """Tell which places ``(n, 2)`` lie in a tear, where there is no tissue."""
        return _in_any(self.tears, _apply(self.linear, slide_um) + self.shift)

    def folded(self, slide_um: FloatArray) -> BoolArray:
        """Tell which places ``(n, 2)`` lie in a fold, where tissue lies threefold."""
        return _in_any(self.folds, _apply(self.linear, slide_um) + self.shift)

    def under_bubble(self, slide_um: FloatArray) -> BoolArray:
        """Tell which places ``(n, 2)`` lie under a bubble."""
        found = np.zeros(len(slide_um), bool)
        for y, x, radius in self.bubbles:
            dy, dx = slide_um[:, 0] - y, slide_um[:, 1] - x
            found[dy * dy + dx * dx < radius * radius] = True
        return found

    def on_seam(self, slide_um: FloatArray, reach_um: float = 0.0) -> BoolArray:
        """Tell which places ``(n, 2)`` lie on a seam between stitched fields.

        Those count, too, that lie no farther beside one than ``reach_um``.
        """
        side = self.plan.seam_um
        off = np.abs(slide_um - side * np.round(slide_um / side))
        near = off < self.plan.seam_width_um / 2 + reach_um
        return near[:, 0] | near[:, 1]

    def locate(self, slide_um: FloatArray) -> Located:
        """Return where places ``(n, 2)`` of the slide lay in the tumour."""
        inside = self.section.places(self.to_section(slide_um))
        return Located(inside, self.section.tumour.shape.depth(inside))

    def value(self, name: str, slide_um: FloatArray) -> FloatArray:
        """Return a field at places ``(n, 2)`` of the slide; see :meth:`values`."""
        return self.values([name], slide_um)[name]

    def values(
        self, names: Sequence[str], slide_um: FloatArray, known: Located | None = None
    ) -> dict[str, FloatArray]:
        """Return fields at places ``(n, 2)`` of the slide, by name.

        Layers of a fold add up, as they do for an instrument that measures what lies
        on the slide; in a tear they are 0.

        Parameters
        ----------
        names
            Of the fields.
        slide_um
            Shape ``(n, 2)``.
        known
            Where these places lay in the tumour, if that was looked up before.
        """
        tumour, places = self.section.tumour, self.section.places
        known = known or self.locate(slide_um)
        found = tumour.values(names, known.inside_um, known.depth_um)
        folded, torn = self.folded(slide_um), self.torn(slide_um)
        if folded.any():
            for layer in (1, 2):
                above = places(self.to_section(slide_um[folded], layer))
                for name, values in tumour.values(names, above).items():
                    found[name][folded] += values
        for values in found.values():
            values[torn] = 0.0
        return found

    def _relaxed(self, laid_um: FloatArray, layer: int) -> FloatArray:
        """Close tears, unfold folds and take the stretch away."""
        place = laid_um
        for tear in self.tears:
            across, width, normal = _beside(tear, place)
            # The two rims were one line.
            open_um = np.maximum(np.abs(across) - width / 2, 0.0)
            moved = np.sign(across) * width / 2 * np.exp(-open_um / _GIVES_WAY_UM)
            moved = np.where(np.abs(across) < width / 2, across, moved)
            place = place - moved[:, None] * normal
        for fold in self.folds:
            across, width, normal = _beside(fold, place)
            beyond = np.maximum(np.abs(across) - width / 2, 0.0)
            drawn = np.sign(across) * width * np.exp(-beyond / _GIVES_WAY_UM)
            inside = (-width, -2 * across, width)[layer]
            drawn = np.where(np.abs(across) < width / 2, inside, drawn)
            place = place + drawn[:, None] * normal
        stretched = place.copy()
        for a_y, a_x, f_y, f_x, phase in self.waves:
            wave = np.cos(2 * np.pi * (f_y * place[:, 0] + f_x * place[:, 1]) + phase)
            stretched[:, 0] += a_y * wave
            stretched[:, 1] += a_x * wave
        return stretched


def mount(seed: int, section: Section, plan: MountPlan | None = None) -> Mounted:
    """Lay a section on a slide.

    Parameters
    ----------
    seed
        Names the treatment; sections of one tumour take different ones.
    section
        What is mounted.
    plan
        What is asked for; defaults if None.

    Raises
    ------
    WrongInput
        If a fold is too wide to lie flat.
    """
    plan = plan or MountPlan()
    if not 0 <= plan.fold_um < 200:
        raise WrongInput(f"a fold {plan.fold_um} µm wide", "less than 200 µm")
    generator = np.random.default_rng(sub_seed(seed, TUMOUR_SECTION))
    size = np.array(section.size_um)
    angle = np.deg2rad(generator.uniform(-1, 1) * plan.rotation_deg)
    linear = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear *= 1 + generator.uniform(-1, 1) * plan.scale
    if plan.mirror:
        linear[:, 1] *= -1
    shift = size / 2 - _apply(linear, size[None] / 2)[0]
    waves = np.empty((_WAVES, 5))
    waves[:, :2] = generator.choice([-1, 1], (_WAVES, 2)) * plan.stretch_um
    waves[:, :2] *= np.sqrt(2 / _WAVES)
    heading = generator.uniform(0, 2 * np.pi, _WAVES)
    pace = generator.uniform(0.5, 1.0, _WAVES) / size.max()
    waves[:, 2], waves[:, 3] = pace * np.sin(heading), pace * np.cos(heading)
    waves[:, 4] = generator.uniform(0, 2 * np.pi, _WAVES)
    bubbles = np.empty((plan.bubbles, 3))
    bubbles[:, :2] = generator.uniform(0.2, 0.8, (plan.bubbles, 2)) * size
    bubbles[:, 2] = plan.bubble_um * generator.uniform(0.6, 1.4, plan.bubbles)
    return Mounted(
        section,
        linear,
        shift,
        _lines(generator, size, plan.tears, plan.tear_um),
        _lines(generator, size, plan.folds, plan.fold_um),
        waves,
        bubbles,
        plan,
    )


def _lines(
    generator: np.random.Generator, size: FloatArray, count: int, width: float
) -> FloatArray:
    """Draw lines in the middle part: ``y, x, angle, half length, width``."""
    lines = np.empty((count, 5))
    lines[:, :2] = generator.uniform(0.3, 0.7, (count, 2)) * size
    lines[:, 2] = generator.uniform(0, np.pi, count)
    lines[:, 3] = generator.uniform(0.12, 0.25, count) * size.min()
    lines[:, 4] = width
    return lines


def _beside(
    line: FloatArray, places: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the distance across a line, its width there, and its normal."""
    dy, dx = places[:, 0] - line[0], places[:, 1] - line[1]
    sine, cosine = np.sin(line[2]), np.cos(line[2])
    along, across = dy * sine + dx * cosine, dy * cosine - dx * sine
    width = line[4] * np.maximum(1 - (along / line[3]) ** 2, 0.0) ** 2
    return across, width, np.array([cosine, -sine])


def _in_any(lines: FloatArray, places: FloatArray) -> BoolArray:
    found = np.zeros(len(places), bool)
    for line in lines:
        across, width, _ = _beside(line, places)
        found[np.abs(across) < width / 2] = True
    return found


def _apply(linear: FloatArray, places: FloatArray) -> FloatArray:
    """Return A x for each row, without a matrix product, whose sums may be fused."""
    return np.stack(
        [
            linear[0, 0] * places[:, 0] + linear[0, 1] * places[:, 1],
            linear[1, 0] * places[:, 0] + linear[1, 1] * places[:, 1],
        ],
        axis=1,
    )
