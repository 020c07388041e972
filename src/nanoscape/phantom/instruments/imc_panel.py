"""The metals of an imaging mass cytometer, and how one is counted as another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nanoscape.phantom.mcd_file import Metal

FloatArray = NDArray[np.float64]

PANEL = (
    Metal("ArAr", 80, "ArAr80"),
    Metal("Xe", 131, "Xe131"),
    Metal("Ba", 138, "Ba138"),
    Metal("Pr", 141, "aSMA"),
    Metal("Eu", 151, "CD31"),
    Metal("Gd", 158, "E-cadherin"),
    Metal("Tb", 159, "F4/80"),
    Metal("Er", 166, "CAIX"),
    Metal("Er", 168, "Ki-67"),
    Metal("Lu", 175, "pimonidazole"),
    Metal("Yb", 176, "Histone H3"),
    Metal("Ir", 191, "DNA1"),
    Metal("Ir", 193, "DNA2"),
    Metal("Au", 197, "gold"),
)
"""Argon dimers and xenon come with the gas, barium with the glass; the others label."""

NAMES = tuple(metal.label for metal in PANEL)

GAS = ("ArAr80", "Xe131")
"""Channels whose counts do not come from the slide."""

IRIDIUM_191 = 0.373
"""Share of ¹⁹¹Ir in natural iridium (IUPAC 2013, doi:10.1515/pac-2015-0503)."""


def spillover(up: float, down: float, oxide: float) -> FloatArray:
    """Return the share of each metal's ions (column) that each channel (row) counts.

    Parameters
    ----------
    up, down
        To the next higher and the next lower mass: tails of a mass peak.
    oxide
        To 16 higher: the metal's oxide. Gas does not make any here.

    Returns
    -------
    ndarray
        Shape ``(channel, channel)``; the share that a channel keeps is 1, since
        sensitivities are stated for what it counts.
    """
    mass = np.array([metal.mass for metal in PANEL])
    apart = mass[:, None] - mass[None]
    found = np.select(
        [apart == 0, apart == 1, apart == -1, apart == 16], [1.0, up, down, oxide], 0.0
    )
    gas = [NAMES.index(name) for name in GAS]
    found[:, gas] = np.eye(len(PANEL))[:, gas]
    return found
