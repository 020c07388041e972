"""The ions of compounds: images, mass errors and agreement of isotopes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.compute import Task
from nanoscape.model import Image, ImageGroup, Spectra, Table, Tags
from nanoscape.model.roles import guess_role
from nanoscape.msi.grid import grids_of, image_of
from nanoscape.msi.ion_image import (
    Statistic,
    prepare,
    window_intensities,
    windows_around,
)
from nanoscape.msi.targets import Target, targets_from
from nanoscape.operation import Option, Role, operation

_MOST_VALUES = 2**26
"""Intensities held at once; beyond, the spectra are passed again for the rest."""
_WEIGHED = 500
"""Spectra, those with most of an ion, by which its m/z is measured."""


@dataclass(frozen=True)
class FoundIons:
    """Ions of compounds.

    Attributes
    ----------
    images
        One image for each ion.
    ions
        One row for each, with its m/z, mass error and isotope scores.
    """

    images: ImageGroup
    ions: Table


@operation(version=1, title="Ions of compounds")
def find_ions(
    spectra: Spectra,
    targets: Annotated[Table | None, Role(label="List of ions")] = None,
    *,
    compounds: Annotated[str, Option(label="Formulas or m/z")] = "",
    adducts: Annotated[str, Option(label="Adducts")] = "[M+H]+, [M+Na]+, [M+K]+",
    tolerance_ppm: Annotated[
        float, Option(unit="ppm", minimum=1e-3, maximum=1e5, label="Tolerance")
    ] = 5.0,
    statistic: Annotated[Statistic, Option(label="Intensity is the")] = "sum",
    isotopes: Annotated[
        int, Option(minimum=1, maximum=8, label="Isotopologues", advanced=True)
    ] = 4,
    task: Task | None = None,
) -> FoundIons:
    """Make the images of the ions of compounds, by their formulas.

    All ions are taken in one pass over the spectra. Whether an ion is the one that was
    asked for is told by its mass error and by its isotopes.

    Parameters
    ----------
    spectra
        Spectra of a mass spectrometry image.
    targets
        A list with the columns "formula" or "mz", and "name", "adduct" and "ppm" where
        they are known.
    compounds
        Formulas or m/z, separated by commas; each may have a name in front, as in
        "doxorubicin = C27H29NO11, 760.5851".
    adducts
        Tried for each formula that has none of its own in the list, such as "[M+H]+,
        [M-H2O+H]+, [M+Cl]-".
    tolerance_ppm
        Half width of the window around each m/z.
    statistic
        Whether intensities in the window are added or the highest one is taken.
    isotopes
        How many isotopologues, the strongest ones, are compared with the spectra.
    task
        Progress.

    Returns
    -------
    FoundIons
        Images with m/z, adduct and ppm in their tags, and a table.

    Raises
    ------
    WrongInput
        If a formula, adduct or m/z cannot be read, or none is given.

    Notes
    -----
    ``isotope_cosine`` is the cosine between the summed intensities of the
    isotopologues and their theoretical shares, ``isotope_correlation`` the mean of
    Pearson's correlations of their images with that of the strongest, weighted by
    these shares: the spectral and spatial measures of Palmer et al. 2017,
    doi:10.1038/nmeth.4072, in plain form. Both are 1 for the ion itself.
    """
    wanted = targets_from(compounds, targets, adducts, tolerance_ppm)
    reading, weighing = (task or Task()).split(9, 1)
    prepare(spectra, reading)
    images: list[Image] = []
    rows: list[dict[str, Any]] = []
    windows = [_windows(target, isotopes) for target in wanted]
    parts = list(_in_memory(windows, len(spectra)))
    for part, own in zip(parts, reading.split(*[1.0] * len(parts)), strict=True):
        mzs = np.concatenate([windows[number].mz for number in part])
        widths = [[wanted[n].tolerance_ppm] * len(windows[n].mz) for n in part]
        found = window_intensities(
            spectra, windows_around(mzs, np.concatenate(widths)), statistic, own
        )
        at = 0
        for number in part:
            window = windows[number]
            values = found[at : at + len(window.mz)]
            at += len(window.mz)
            weighing.step(number, len(wanted), "weighing ions")
            rows.append(_row(spectra, wanted[number], window, values))
            image = _image(spectra, wanted[number], values[window.main], rows[-1])
            images.append(image)
    data = pd.DataFrame(rows)
    return FoundIons(
        images=ImageGroup(
            images=tuple(_with_roles(images, data)),
            coordinate="ion",
            name=f"{len(images)} ions of {spectra.name}",
            tags=spectra.tags,
        ),
        ions=Table(
            data=data,
            name=f"ions of {spectra.name}",
            notes=_NOTES,
            tags=spectra.tags,
        ),
    )


_NOTES = (
    "mz_measured is the mean m/z of the peaks in the window, weighted by intensity, "
    f"over the {_WEIGHED} spectra that hold most; error_ppm is it less mz.",
    "isotope_cosine and isotope_correlation are 1 where isotopologues have the "
    "strength and the pattern in space that the formula asks for.",
)


@dataclass(frozen=True, eq=False)
class _Windows:
    """Where the isotopologues of a target are, and which one is shown."""

    mz: NDArray[np.float64]
    shares: NDArray[np.float64]
    main: int


def _windows(target: Target, most: int) -> _Windows:
    if target.ion is None:
        return _Windows(np.array([target.mz]), np.ones(1), 0)
    mz, shares = target.ion.isotopologues(most)
    main = int(np.argmin(np.abs(mz - target.mz)))
    if abs(mz[main] - target.mz) > 0.4 / _charge(target):
        # The asked-for one is not among the strongest: it is shown all the same.
        mz, shares = np.append(mz, target.mz), np.append(shares, 0.0)
        main = len(mz) - 1
    mz = mz.copy()
    mz[main] = target.mz
    return _Windows(mz, shares, main)


def _charge(target: Target) -> int:
    assert target.ion is not None
    digits = target.ion.adduct.rpartition("]")[2][:-1]
    return int(digits) if digits.isdecimal() else 1


def _in_memory(windows: Sequence[_Windows], spectra: int) -> Iterator[list[int]]:
    """Yield runs of targets whose intensities are held at once."""
    part: list[int] = []
    held = 0
    for number, window in enumerate(windows):
        if part and (held + len(window.mz)) * spectra > _MOST_VALUES:
            yield part
            part, held = [], 0
        part.append(number)
        held += len(window.mz)
    if part:
        yield part


def _row(
    spectra: Spectra, target: Target, window: _Windows, values: NDArray[np.float64]
) -> dict[str, Any]:
    main = values[window.main]
    held = main > 0
    mz = measured_mz(spectra, target, main)
    cosine, correlation = isotope_scores(values, window.shares, window.main)
    return {
        "name": target.name or target.label,
        "formula": target.ion.formula if target.ion else "",
        "adduct": target.ion.adduct if target.ion else "",
        "mz": target.mz,
        "tolerance_ppm": target.tolerance_ppm,
        "mz_measured": mz,
        "error_ppm": (mz / target.mz - 1) * 1e6,
        "n_pixels": int(held.sum()),
        "pixel_fraction": float(held.mean()),
        "mean_intensity": float(np.nanmean(main)),
        "n_isotopologues": int((window.shares > 0).sum()) if target.ion else 0,
        "isotope_cosine": cosine if target.ion else math.nan,
        "isotope_correlation": correlation if target.ion else math.nan,
    }


def measured_mz(spectra: Spectra, target: Target, values: NDArray[np.float64]) -> float:
    """Return the mean m/z of an ion, NaN where there is none.

    Parameters
    ----------
    spectra
        Spectra of all pixels.
    target
        Where it is looked for.
    values
        Its intensity in each spectrum.
    """
    (low,), (high,) = windows_around([target.mz], target.tolerance_ppm)
    strongest = np.argsort(-values, kind="stable")[:_WEIGHED]
    total = moment = 0.0
    for index in np.sort(strongest[values[strongest] > 0]).tolist():
        mzs, intensities = (np.asarray(a, float) for a in spectra.source.read(index))
        inside = (mzs >= low) & (mzs <= high) & (intensities > 0)
        total += float(intensities[inside].sum())
        # Differences, because products with m/z would lose digits.
        moment += float((intensities[inside] * (mzs[inside] - target.mz)).sum())
    return target.mz + moment / total if total > 0 else math.nan


def isotope_scores(
    values: NDArray[np.float64], shares: NDArray[np.float64], main: int
) -> tuple[float, float]:
    """Return how well isotopologues have the strength and pattern that they should.

    Parameters
    ----------
    values
        Intensities, shape ``(isotopologues, spectra)``.
    shares
        Theoretical shares; those of zero are not compared.
    main
        The one with which patterns are compared.

    Returns
    -------
    cosine, correlation
        NaN where only one is compared, or nothing is there.
    """
    compared = shares > 0
    if compared.sum() < 2 or not (values[main] > 0).any():
        return math.nan, math.nan
    totals = values[compared].sum(axis=1)
    wanted = shares[compared]
    norm = np.linalg.norm(totals) * np.linalg.norm(wanted)
    cosine = float(totals @ wanted / norm) if norm > 0 else math.nan
    others = [n for n in np.flatnonzero(compared) if n != main]
    found = [_pearson(values[main], values[n]) for n in others]
    return cosine, float(np.average(found, weights=shares[others]))


def _pearson(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return Pearson's correlation; 0 where one of both is the same everywhere."""
    a, b = one - one.mean(), other - other.mean()
    norm = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / norm) if norm > 0 else 0.0


def _image(
    spectra: Spectra, target: Target, values: NDArray[np.float64], row: dict[str, Any]
) -> Image:
    (grid,) = grids_of(spectra, values[np.newaxis])
    known = {
        name: row[name]
        for name in ("error_ppm", "isotope_cosine", "isotope_correlation")
        if not math.isnan(row[name])
    }
    known |= {name: row[name] for name in ("formula", "adduct") if row[name]}
    tags = spectra.tags.merged(
        Tags.of("header", ion=target.mz, tolerance_ppm=target.tolerance_ppm, **known)
    )
    if target.name:
        tags = tags.having("user", analyte=target.label)
    return image_of(spectra, grid, target.label, "ion intensity", tags)


def _with_roles(images: Sequence[Image], data: pd.DataFrame) -> Iterator[Image]:
    """Yield images; of the ions of a compound the strongest gets its role."""
    strongest = set(data.groupby("name", sort=False)["mean_intensity"].idxmax())
    for number, image in enumerate(images):
        role = guess_role(str(data["name"].iloc[number]))
        if role and number in strongest and data["n_pixels"].iloc[number]:
            image = image.replace(tags=image.tags.having("guess", role=role))
        yield image
