"""Coherent imaging: how echoes of many scatterers add up to speckle.

Scatterers far below the resolution have random phases. Their sum, weighted by the
point spread, is a complex normal field: its magnitude is Rayleigh distributed and its
intensity exponential (Wagner et al. 1983, doi:10.1109/T-SU.1983.31404).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class Spread:
    """A Gaussian point spread of the amplitude on a grid that is periodic at its ends.

    Attributes
    ----------
    axial
        Standard deviation along depth, in pixels.
    lateral
        The same across, for each row, shape ``(h,)``.
    width
        Columns.
    """

    axial: float
    lateral: FloatArray
    width: int

    def field(
        self, spectrum: ComplexArray, shift: tuple[float, float] = (0.0, 0.0)
    ) -> ComplexArray:
        """Return the field that scatterers give, shape ``(h, w)``.

        The point spread has a sum of squares of 1: evenly scattered intensity stays
        what it is.

        Parameters
        ----------
        spectrum
            Two-dimensional Fourier transform of their amplitudes.
        shift
            By how many pixels they are moved, down and across; the point spread
            stays where it is.
        """
        down, across = _transfer(self.axial, self._y), _transfer(self.lateral, self._x)
        power = np.sqrt((down**2).mean()), np.sqrt((across**2).mean(axis=1))
        moved = np.exp(-1j * (shift[0] * self._y[:, None] + shift[1] * self._x))
        rows = fft.ifft(spectrum * moved * (down / power[0])[:, None], axis=0)
        found: ComplexArray = fft.ifft(rows * across / power[1][:, None], axis=1)
        return found

    def mean(
        self, intensity: FloatArray, shift: tuple[float, float] = (0.0, 0.0)
    ) -> FloatArray:
        """Return the mean intensity that scatterers of some intensity give.

        It is spread by the square of the point spread.
        """
        down = _transfer(self.axial / np.sqrt(2), self._y)
        across = _transfer(self.lateral / np.sqrt(2), self._x)
        moved = np.exp(-1j * (shift[0] * self._y[:, None] + shift[1] * self._x))
        rows = fft.ifft(fft.fft2(intensity) * moved * down[:, None], axis=0)
        found: FloatArray = fft.ifft(rows * across, axis=1).real
        return np.maximum(found, 0.0)

    @property
    def _y(self) -> FloatArray:
        return np.asarray(2 * np.pi * np.fft.fftfreq(len(self.lateral)), np.float64)

    @property
    def _x(self) -> FloatArray:
        return np.asarray(2 * np.pi * np.fft.fftfreq(self.width), np.float64)


def _transfer(sigma: float | FloatArray, omega: FloatArray) -> FloatArray:
    """Return the Fourier transform of Gaussians with a sum of 1, one for each row."""
    wide = np.asarray(sigma)[..., None] if np.ndim(sigma) else sigma
    found: FloatArray = np.exp(-((wide * omega) ** 2) / 2)
    return found


def scatterers(generator: np.random.Generator, shape: tuple[int, int]) -> ComplexArray:
    """Return complex normal numbers with a mean square of 1."""
    real, imaginary = generator.normal(0, np.sqrt(0.5), (2, *shape))
    return real + 1j * imaginary
