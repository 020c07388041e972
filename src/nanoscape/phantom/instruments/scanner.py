"""What slide scanners have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nanoscape.phantom.specimen import Specimen


@dataclass(frozen=True)
class Scanner:
    """Pixels and point spread of a slide scanner.

    Attributes
    ----------
    pixel_um
        Distance of pixel centres.
    psf_sigma_um
        Standard deviation of the Gaussian point spread.
    """

    pixel_um: float = 1.0
    psf_sigma_um: float = 0.8

    @property
    def halo(self) -> int:
        """Pixels around a tile that spread into it."""
        return int(np.ceil(5 * self.psf_sigma_um / self.pixel_um)) + 1

    def shape(self, specimen: Specimen) -> tuple[int, int]:
        """Return rows and columns of the slide."""
        height, width = (round(n / self.pixel_um) for n in specimen.size_um)
        return height, width
