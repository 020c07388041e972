"""What a transducer receives from a breathing animal, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from nanoscape.compute import tile_generator
from nanoscape.phantom.animal import Animal
from nanoscape.phantom.instruments.speckle import Spread, scatterers
from nanoscape.phantom.instruments.ultrasound_plane import GEL_MM, Anatomy, anatomy
from nanoscape.phantom.instruments.ultrasound_settings import MODES, Mode, Ultrasound
from nanoscape.phantom.streams import hash_unit

FloatArray = NDArray[np.float64]

_MARGIN_MM = 1.2
_TISSUE, _BUBBLES, _BREATHS, _NOISE = 92, 93, 94, 95
_FWHM = float(np.sqrt(8 * np.log(2)))


def motion(animal: Animal, us: Ultrasound) -> FloatArray:
    """Return how far tissue has moved in each frame, down and across, in mm.

    It rests at the end of each breath and moves as sin⁶; breaths differ by a tenth.

    Returns
    -------
    ndarray
        Shape ``(t, 2)``.
    """
    time = us.time_s
    breath = np.floor(time / us.breath_s + 1e-9)
    phase = np.maximum(time / us.breath_s - breath, 0.0)
    key = animal.stream(_BREATHS)
    depth = np.array([0.9 + 0.2 * hash_unit(key, int(n), 0) for n in breath])
    way = (depth * np.sin(np.pi * phase) ** 6)[:, None] * np.array(us.breath_mm)
    drifted = (time / max(time[-1], 1e-9))[:, None] * np.array(us.drift_mm)
    found: FloatArray = way + drifted
    return found


def bolus(since_s: FloatArray, transit_s: FloatArray, us: Ultrasound) -> FloatArray:
    """Return the bolus function at some time after its arrival.

    A lognormal of the stated mean and area, and a plateau of what comes round again.

    Parameters
    ----------
    since_s
        After the arrival; 0 is returned before.
    transit_s
        Mean of the lognormal.
    us
        Area, spread and plateau.
    """
    t = np.maximum(since_s, 1e-9)
    s = us.bolus_spread
    away = np.log(t / transit_s) + s**2 / 2
    first = us.bolus_s * np.exp(-(away**2) / (2 * s**2)) / (t * s * np.sqrt(2 * np.pi))
    again = us.recirculation * (1 - np.exp(-t / us.mixing_s)) * np.exp(-t / us.loss_s)
    return np.where(since_s > 0, first + again, 0.0)


@dataclass(frozen=True, eq=False)
class Scan:
    """A plane that is being scanned, on a grid with a margin for what moves."""

    animal: Animal
    us: Ultrasound
    mode: Mode

    @property
    def _edge(self) -> int:
        return int(np.ceil(_MARGIN_MM / self.us.pixel_mm))

    @cached_property
    def anatomy(self) -> Anatomy:
        """What lies at rest on the grid, margin included."""
        return anatomy(self.animal, self.depth_mm, self._across_mm)

    @property
    def depth_mm(self) -> FloatArray:
        """Depth of the rows of the grid."""
        rows = self.us.shape[0]
        steps = np.arange(-self._edge, rows + self._edge, dtype=np.float64)
        return (steps + 0.5) * self.us.pixel_mm

    @property
    def _across_mm(self) -> FloatArray:
        wide, pixel = self.us.shape[1], self.us.pixel_mm
        steps = np.arange(-self._edge, wide + self._edge, dtype=np.float64)
        return (steps - (wide - 1) / 2) * pixel

    @property
    def number(self) -> int:
        """0 for B-mode and 1 for contrast mode."""
        return MODES.index(self.mode)

    def inner(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values of the grid without the margin."""
        edge = self._edge
        return values[edge:-edge, edge:-edge]

    @cached_property
    def spread(self) -> Spread:
        """The point spread on the grid."""
        us = self.us
        sigma = us.lateral_at(self.depth_mm) / _FWHM / us.pixel_mm
        return Spread(
            us.axial_mm / _FWHM / us.pixel_mm, sigma, us.shape[1] + 2 * self._edge
        )

    @cached_property
    def loss(self) -> FloatArray:
        """What is left of intensity on the way to tissue at rest and back."""
        found = self.anatomy
        way = 2 * self.us.attenuation_db_mm * found.below_skin_mm
        return 10 ** (-(way + self.us.shadow_db * found.shaded) / 10)

    @cached_property
    def gain(self) -> FloatArray:
        """By which the receiver multiplies each row, shape ``(h, 1)``."""
        deep = np.maximum(self.us.depth_mm - GEL_MM, 0.0)
        found: FloatArray = 10 ** (2 * self.us.gain_db_mm * deep / 10)
        return found[:, None]

    @cached_property
    def tissue(self) -> FloatArray:
        """Intensity of tissue at rest before the receiver."""
        left = self.us.tissue_left if self.number else 1.0
        return left * self.anatomy.scatter * self.loss

    @cached_property
    def _tissue_spectrum(self) -> NDArray[np.complex128]:
        generator = np.random.default_rng(self.animal.stream(_TISSUE))
        sent = np.sqrt(self.tissue) * scatterers(generator, self.tissue.shape)
        return np.asarray(fft.fft2(sent))

    @cached_property
    def _motion(self) -> FloatArray:
        return motion(self.animal, self.us) / self.us.pixel_mm

    def shift(self, frame: int) -> tuple[float, float]:
        """Return how far tissue has moved in a frame, in pixels."""
        down, across = self._motion[frame]
        return float(down), float(across)

    def bubbles(self, frame: int) -> FloatArray:
        """Return the intensity of bubbles in tissue that is at rest."""
        us, here = self.us, self.anatomy
        since = us.time_s[frame] - us.injected_s - here.delay_s
        full = us.bubbles if self.number else us.bubbles_bmode
        return full * here.rbv * bolus(since, here.transit_s, us) * self.loss

    def expected(self, frame: int) -> FloatArray:
        """Return the mean intensity of a frame, without speckle, ``(h, w)``."""
        there = self.tissue + self.bubbles(frame)
        mean = self.inner(self.spread.mean(there, self.shift(frame)))
        found: FloatArray = (mean + self.us.noise[self.number]) * self.gain
        return found

    def intensity(self, frame: int) -> FloatArray:
        """Return the intensity of a frame with speckle and noise, ``(h, w)``.

        Tissue keeps its scatterers; bubbles flow, so that each frame has new ones.
        """
        generator = tile_generator(self.animal.stream(_BUBBLES), frame)
        there = np.sqrt(self.bubbles(frame))
        flowing = fft.fft2(there * scatterers(generator, there.shape))
        echo = self.spread.field(self._tissue_spectrum + flowing, self.shift(frame))
        generator = tile_generator(self.animal.stream(_NOISE, self.number), frame)
        level = np.sqrt(self.us.noise[self.number])
        heard = self.inner(echo) + level * scatterers(generator, self.us.shape)
        found: FloatArray = np.abs(heard) ** 2 * self.gain
        return found

    def grey(self, intensity: FloatArray) -> NDArray[np.uint8]:
        """Return what is shown of an intensity: its logarithm in 8 bits."""
        white, deep = self.us.white[self.number], self.us.range_db[self.number]
        decibel = 10 * np.log10(np.maximum(intensity, 1e-30) / white)
        return np.clip(np.rint(255 * (1 + decibel / deep)), 0, 255).astype(np.uint8)
