"""The ions that are compared: those of a list, or the strongest peaks there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task
from nanoscape.errors import CannotCompute
from nanoscape.model import Spectra, Table
from nanoscape.msi.find_ions import measured_mz
from nanoscape.msi.ion_image import prepare, window_intensities, windows_around
from nanoscape.msi.spectrum import mean_spectrum
from nanoscape.msi.targets import Target, targets_from

_MOST_VALUES = 2**25
_BIN = 0.01
_ISOTOPE_STEP = 1.00335483507
"""Mass difference of ¹³C and ¹²C."""


def ions_to_compare(
    spectra: Spectra,
    targets: Table | None,
    number: int,
    tolerance_ppm: float,
    task: Task,
) -> list[Target]:
    """Return the ions of a list, or the strongest peaks of the mean spectrum.

    Parameters
    ----------
    spectra
        Spectra of all pixels.
    targets
        A list as :func:`~nanoscape.msi.targets.targets_from` takes it.
    number
        How many peaks are taken where there is no list.
    tolerance_ppm
        Half width of the window around each.
    task
        Progress.

    Raises
    ------
    CannotCompute
        If the spectra hold no peak.
    """
    if targets is not None:
        return targets_from("", targets, "[M+H]+", tolerance_ppm)
    first, second = task.split(1, 1)
    mean = mean_spectrum(spectra, bin_width=_BIN, task=first).data
    mzs = mean["mz"].to_numpy(np.float64)
    heights = mean["mean_intensity"].to_numpy(np.float64)
    coarse = [
        Target("", mz, _BIN / mz * 1e6)
        for mz in peaks_in(mzs, heights, number, tolerance_ppm)
    ]
    if not coarse:
        raise CannotCompute(f"{spectra.name} holds no peak", "intensities above zero")
    found = [
        measured_mz(spectra, target, values)
        for part, block in intensities(spectra, coarse, second)
        for target, values in zip(part, block, strict=True)
    ]
    # Two bins of one peak come to the same m/z.
    refined: list[float] = []
    for mz in sorted(mz for mz in found if mz > 0):
        if not refined or (mz / refined[-1] - 1) * 1e6 > tolerance_ppm:
            refined.append(mz)
    return [Target("", mz, tolerance_ppm) for mz in refined]


def peaks_in(
    mzs: NDArray[np.float64],
    heights: NDArray[np.float64],
    number: int,
    tolerance_ppm: float,
) -> NDArray[np.float64]:
    """Return the m/z of the highest places of a spectrum that lie apart.

    Parameters
    ----------
    mzs, heights
        A spectrum, by rising m/z.
    number
        How many at most.
    tolerance_ppm
        How near to a higher one a place is taken for its flank; at least two bins.
    """
    taken = np.zeros(len(mzs), bool)
    found: list[float] = []
    for at in np.argsort(-heights, kind="stable"):
        if heights[at] <= 0 or len(found) == number:
            break
        if taken[at]:
            continue
        found.append(float(mzs[at]))
        reach = max(2 * _BIN, mzs[at] * tolerance_ppm * 1e-6)
        low, high = np.searchsorted(mzs, [mzs[at] - reach, mzs[at] + reach])
        taken[low:high] = True
    return np.array(found)


def intensities(
    spectra: Spectra, ions: Sequence[Target], task: Task
) -> Iterator[tuple[Sequence[Target], NDArray[np.float64]]]:
    """Yield runs of ions with their intensities, shape ``(ions, spectra)``."""
    prepare(spectra, task)
    most = max(_MOST_VALUES // len(spectra), 1)
    starts = range(0, len(ions), most)
    for start, part in zip(starts, task.split(*[1.0] * len(starts)), strict=True):
        chosen = ions[start : start + most]
        windows = windows_around(
            np.array([ion.mz for ion in chosen]),
            np.array([ion.tolerance_ppm for ion in chosen]),
        )
        yield chosen, window_intensities(spectra, windows, "sum", part)


def isotope_of(mz: float, ions: Sequence[Target]) -> float:
    """Return the m/z of the ion of which this one may hold one ¹³C more, or NaN."""
    for ion in ions:
        gap = abs(mz - ion.mz - _ISOTOPE_STEP)
        if gap <= 1e-6 * (ion.tolerance_ppm * mz) + 1e-9:
            return ion.mz
    return float("nan")
