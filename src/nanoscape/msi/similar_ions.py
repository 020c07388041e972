"""Ions that lie where another one lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.compute import Task
from nanoscape.errors import CannotCompute
from nanoscape.model import Image, ImageGroup, Spectra, Table, Tags
from nanoscape.msi.grid import at_spectra, grids_of, image_of
from nanoscape.msi.peak_list import intensities, ions_to_compare, isotope_of
from nanoscape.msi.targets import Target
from nanoscape.operation import Option, Role, operation

Measure = Literal["cosine above the median", "cosine", "Pearson"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SimilarIons:
    """Ions ranked by how alike their images are to one image.

    Attributes
    ----------
    images
        Images of the most similar ones.
    ranking
        One row for each ion, the most similar first.
    """

    images: ImageGroup
    ranking: Table


@operation(version=1, title="Similar ions")
def similar_ions(
    image: Annotated[Image, Role(label="Image to compare with")],
    spectra: Spectra,
    targets: Annotated[Table | None, Role(label="List of ions")] = None,
    *,
    measure: Annotated[Measure, Option(label="Alike by")] = "cosine above the median",
    number: Annotated[
        int, Option(minimum=1, maximum=5000, label="Peaks to compare")
    ] = 200,
    shown: Annotated[int, Option(minimum=1, maximum=50, label="Images to show")] = 5,
    tolerance_ppm: Annotated[
        float, Option(unit="ppm", minimum=1e-3, maximum=1e5, label="Tolerance")
    ] = 5.0,
    task: Task | None = None,
) -> SimilarIons:
    """Rank ions by how alike their images are to one image.

    Parameters
    ----------
    image
        Image of an ion, or any other on the pixels of the spectra.
    spectra
        Spectra of a mass spectrometry image.
    targets
        Ions to compare. Without a list, the strongest peaks of the mean spectrum.
    measure
        "cosine": of the angle between both images. "cosine above the median": the
        same after all below the median of its image was set to zero. "Pearson": the
        correlation.
    number
        How many peaks of the mean spectrum are compared where there is no list.
    shown
        How many images are made.
    tolerance_ppm
        Half width of the window around each ion.
    task
        Progress.

    Returns
    -------
    SimilarIons
        Images and ranking.

    Raises
    ------
    CannotCompute
        If the image is empty, or there is no other ion.
    WrongInput
        If the image lies on another grid.

    Notes
    -----
    The cosine above the median agreed best with experts in Ovchinnikova et al. 2020,
    doi:10.1093/bioinformatics/btaa085. It ranks; it is no test, because neighbouring
    pixels are alike.
    """
    values = at_spectra(image, spectra).astype(np.float64)
    held = np.isfinite(values)
    if not held.any() or not (values[held] != 0).any():
        raise CannotCompute(f"{image.name} is empty", "an image of some ion")
    first, second = (task or Task()).split(1, 1)
    known = ions_to_compare(spectra, targets, number, tolerance_ppm, first)
    ions = known
    own = image.tags.get("ion")
    if own is not None:
        ions = [i for i in ions if abs(i.mz / own - 1) * 1e6 > tolerance_ppm]
    if not ions:
        raise CannotCompute("there is no other ion to compare with", "more ions")
    rows: list[dict[str, Any]] = []
    best: list[tuple[float, int, Target, Floats]] = []
    for part, block in intensities(spectra, ions, second):
        for ion, theirs in zip(part, block, strict=True):
            score = similarity(values[held], theirs[held], measure)
            rows.append(_row(ion, theirs, score, known))
            best.append((-score, len(rows), ion, theirs))
        best = sorted(best, key=lambda entry: entry[:2])[:shown]
    data = pd.DataFrame(rows).sort_values("similarity", ascending=False, kind="stable")
    name = f"ions similar to {image.name}"
    return SimilarIons(
        images=ImageGroup(
            images=tuple(_image(spectra, ion, v, -s) for s, _, ion, v in best),
            coordinate="ion",
            name=name,
            tags=spectra.tags,
        ),
        ranking=Table(
            data=data.reset_index(drop=True),
            name=name,
            notes=(
                f"Alike by {measure}, over {int(held.sum())} pixels.",
                "A ranking and no test: neighbouring pixels are alike, and ions of one "
                "tissue are alike to each other.",
                "isotope_of_mz: an ion that lies one ¹³C below, of which this may be "
                "the isotopologue.",
            ),
            tags=spectra.tags,
        ),
    )


def similarity(one: Floats, other: Floats, measure: Measure) -> float:
    """Return how alike two images are; 0 where one of them is empty.

    Parameters
    ----------
    one, other
        Values of the same pixels.
    measure
        As :func:`similar_ions` takes it.
    """
    if measure == "Pearson":
        one, other = one - one.mean(), other - other.mean()
    elif measure == "cosine above the median":
        one, other = (np.where(a > np.median(a), a, 0.0) for a in (one, other))
    norm = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / norm) if norm > 0 else 0.0


def _row(
    ion: Target, values: Floats, score: float, ions: list[Target]
) -> dict[str, Any]:
    return {
        "name": ion.label,
        "mz": ion.mz,
        "similarity": score,
        "isotope_of_mz": isotope_of(ion.mz, ions),
        "pixel_fraction": float((values > 0).mean()),
        "mean_intensity": float(values.mean()),
    }


def _image(spectra: Spectra, ion: Target, values: Floats, score: float) -> Image:
    (grid,) = grids_of(spectra, values[np.newaxis])
    known = Tags.of(
        "header", ion=ion.mz, tolerance_ppm=ion.tolerance_ppm, similarity=score
    )
    tags = spectra.tags.merged(known)
    if ion.name:
        tags = tags.having("user", analyte=ion.label)
    return image_of(spectra, grid, ion.label, "ion intensity", tags)
