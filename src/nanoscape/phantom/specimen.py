"""A mounted section as an instrument finds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from nanoscape.phantom.streams import INSTRUMENT, sub_seed
from nanoscape.phantom.tumour import Mounted, Tissue, Tumour
from nanoscape.phantom.tumour.mounting import Located

FloatArray = NDArray[np.float64]

SUBSTANCES = ("mobile", "carrier", "encapsulated", "free")
"""Fields that scale with the level of a section."""


class Artefact(IntFlag):
    """Bits of an artefact mask."""

    TEAR = 1
    FOLD = 2
    BUBBLE = 4
    SEAM = 8
    LOST = 16
    SPECK = 32


@dataclass(frozen=True, eq=False)
class Specimen:
    """One section on the stage of one instrument.

    Places are ``(y, x)`` in µm of the slide, whose corner is at 0.

    Attributes
    ----------
    name
        Subject, lesion and section, such as ``"m1_l1_s1"``.
    seed
        Names the section and the instrument.
    mounted
        The section on its slide.
    level
        What the substances of this section are multiplied with.
    batch
        Number of the day of measurement.
    """

    name: str
    seed: int
    mounted: Mounted
    level: float = 1.0
    batch: int = 0

    @property
    def tumour(self) -> Tumour:
        """From which the section was cut."""
        return self.mounted.section.tumour

    @property
    def size_um(self) -> tuple[float, float]:
        """Height and width of what is imaged."""
        return self.mounted.section.size_um

    def stream(self, *purpose: int) -> int:
        """Return the seed of one purpose of the instrument."""
        return sub_seed(self.seed, INSTRUMENT, *purpose)

    def in_space(self, slide_um: FloatArray) -> FloatArray:
        """Return where places ``(n, 2)`` lay in the tumour, ``(z, y, x)``."""
        return self.mounted.section.places(self.mounted.to_section(slide_um))

    def values(
        self, names: Sequence[str], slide_um: FloatArray, known: Located | None = None
    ) -> dict[str, FloatArray]:
        """Return fields at places ``(n, 2)``, scaled by the section's level.

        Where the places lay in the tumour is looked up if it is not known.
        """
        found = self.mounted.values(names, slide_um, known)
        for name in SUBSTANCES:
            if name in found:
                found[name] *= self.level
        return found

    def tissue(
        self, slide_um: FloatArray, known: Located | None = None
    ) -> NDArray[np.uint8]:
        """Return the :class:`Tissue` at places ``(n, 2)``; none in a tear.

        Where the places lay in the tumour is looked up if it is not known.
        """
        known = known or self.mounted.locate(slide_um)
        kind = self.tumour.tissue(known.inside_um, known.depth_um)
        kind[self.mounted.torn(slide_um)] = Tissue.OUTSIDE
        return kind

    def artefacts(
        self, slide_um: FloatArray, *, optical: bool, pitch_um: float = 0.0
    ) -> NDArray[np.uint8]:
        """Return the :class:`Artefact` bits at places ``(n, 2)``.

        Parameters
        ----------
        slide_um
            Where.
        optical
            Whether bubbles and seams count, which only a slide scanner sees.
        pitch_um
            Distance of the places, so that no seam is lost between them.
        """
        mounted = self.mounted
        bits = np.where(mounted.torn(slide_um), Artefact.TEAR, 0)
        bits |= np.where(mounted.folded(slide_um), Artefact.FOLD, 0)
        if optical:
            bits |= np.where(mounted.under_bubble(slide_um), Artefact.BUBBLE, 0)
            bits |= np.where(mounted.on_seam(slide_um, pitch_um / 2), Artefact.SEAM, 0)
        return bits.astype(np.uint8)


@dataclass(frozen=True)
class Pixels:
    """Square or oblong pixels over a slide; the first one's centre is at its corner.

    Attributes
    ----------
    shape
        Rows and columns.
    pitch_um
        Distance of rows and of columns.
    """

    shape: tuple[int, int]
    pitch_um: tuple[float, float]

    @classmethod
    def over(
        cls, size_um: tuple[float, float], pitch_um: tuple[float, float]
    ) -> Pixels:
        """Return the pixels that cover a slide."""
        rows, columns = (
            int(n // p) + 1 for n, p in zip(size_um, pitch_um, strict=True)
        )
        return cls((rows, columns), pitch_um)

    def places(self, samples: int = 1) -> FloatArray:
        """Return places that sample each pixel evenly, row by row of samples.

        Returns
        -------
        ndarray
            Shape ``(rows · samples · columns · samples, 2)``.
        """
        inner = (np.arange(samples) + 0.5) / samples - 0.5
        y, x = (
            ((np.arange(n)[:, None] + inner) * pitch).ravel()
            for n, pitch in zip(self.shape, self.pitch_um, strict=True)
        )
        grid = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1)
        return grid.reshape(-1, 2)

    def fine_shape(self, samples: int) -> tuple[int, int]:
        """Return rows and columns of the samples."""
        return self.shape[0] * samples, self.shape[1] * samples

    def means(self, values: NDArray[np.floating], samples: int) -> FloatArray:
        """Return the mean of each pixel's samples, given in any of both shapes."""
        rows, columns = self.shape
        parts = values.reshape(rows, samples, columns, samples)
        mean: FloatArray = parts.mean(axis=(1, 3))
        return mean
