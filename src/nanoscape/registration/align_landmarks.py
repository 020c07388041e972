"""Align two spaces by landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import f as f_distribution

from nanoscape.errors import CannotCompute
from nanoscape.model import Affine, Edge, Landmarks, Quality, Table
from nanoscape.operation import Option, operation
from nanoscape.registration.click_order import find_click_order
from nanoscape.registration.landmark_warnings import (
    landmark_warnings,
    outlier_warnings,
)
from nanoscape.registration.linear_fit import (
    FloatArray,
    Model,
    fewest_pairs,
    fit,
    parameter_count,
)
from nanoscape.registration.target_error import (
    area_nodes,
    error_bound,
    expected_error,
    misfit_variances,
    prediction_covariance,
)

_FALSE_ALARM = 0.01
_LINE = 0.01
_FINEST_CLICK = 1e-5
_SHAPES = {1: "a line", 2: "a plane"}


@dataclass(frozen=True)
class LandmarkAlignment:
    """Two spaces aligned by landmarks.

    Attributes
    ----------
    edge
        The transform from the moving to the fixed space, with its expected error.
    table
        One row for each landmark: how far it lies from its partner, and how far it
        would lie if it had not been used.
    """

    edge: Edge
    table: Table


@operation(version=1, title="Align by landmarks")
def align_landmarks(
    landmarks: Landmarks,
    *,
    model: Annotated[
        Literal["rigid", "similarity", "affine"] | None, Option(label="Transform")
    ] = None,
    allow_mirror: Annotated[bool, Option(label="The section may be turned over")] = (
        False
    ),
    click_error_um: Annotated[
        float | None, Option(unit="µm", minimum=0, label="Click error")
    ] = None,
    deforms: Annotated[
        bool, Option(label="Tissue may be deformed", advanced=True)
    ] = True,
) -> LandmarkAlignment:
    """Fit the transform that brings places clicked in one image onto another.

    Parameters
    ----------
    landmarks
        Pairs of places that are the same in both images.
    model
        Rigid turns and shifts; similarity also changes the size; affine also
        stretches and shears. A freer transform follows the tissue better but needs
        more pairs. Auto takes rigid for fewer than 4 pairs (5 in a volume),
        similarity for fewer than 6 (8), else affine.
    allow_mirror
        Whether a rigid or similarity transform may exchange left and right, as when
        a section lies face down. An affine transform mirrors whenever the pairs
        ask for it, and says so.
    click_error_um
        How exactly you hit a place, as a standard deviation along one direction, in
        the image where that is harder. Auto takes what the landmarks state. With it
        the expected error tells clicks from deformation; without it, all of the
        misfit counts as deformation, and the expected error is rather too large.
    deforms
        Whether the tissue may be bent or torn between the images, so that the
        transform cannot fit everywhere. Switch off only for one rigid specimen that
        was imaged twice; the expected error then is that of the clicks alone.

    Returns
    -------
    LandmarkAlignment
        The transform with its expected error, and the errors of each landmark.

    Raises
    ------
    CannotCompute
        If there are too few pairs, two at the same place, or all of them on a line.

    Notes
    -----
    Rigid and similarity maps are fitted by Umeyama's method
    (doi:10.1109/34.88573), affine maps by linear regression. The expected error is
    a model of the error at places that were not clicked, over the area that the
    landmarks enclose: see :mod:`nanoscape.registration.target_error`.

    Examples
    --------
    >>> places = [[0, 0], [0, 900], [700, 0], [700, 900.0]]
    >>> pairs = Landmarks(moving=places, fixed=[[y + 5, x] for y, x in places],
    ...                   moving_space="msi", fixed_space="slide")
    >>> align_landmarks(pairs).edge.transform.shift.round(6).tolist()
    [5.0, 0.0]
    """
    ndim = len(landmarks.axes)
    chosen: Model = model or _model_for(len(landmarks), ndim)
    _check(landmarks, chosen)
    moving, fixed = landmarks.moving, landmarks.fixed
    click = landmarks.click_error_um if click_error_um is None else click_error_um

    found = find_click_order(moving, fixed, chosen, may_mirror=allow_mirror)
    mirror = found.mirrored and allow_mirror and chosen != "affine"
    linear, shift = fit(moving, fixed, chosen, mirror=mirror)
    transform = Affine.from_linear(linear, shift, landmarks.axes)
    warnings = landmark_warnings(landmarks, chosen, found, transform, allow_mirror)

    table = _errors(landmarks, chosen, mirror, transform)
    squares = float((table["residual_um"] ** 2).sum())
    freedom = len(landmarks) * ndim - parameter_count(chosen, ndim)
    expected = bound = None
    if freedom > 0:
        variances = misfit_variances(squares, freedom, click, deforms)
        places, weights = area_nodes(moving)
        K = prediction_covariance(places, moving, linear, chosen)
        expected = expected_error(variances, K, weights)
        bound = error_bound(variances, K, weights)
    else:
        warnings.append(
            f"{len(landmarks)} pairs fit any {chosen} transform exactly, so nothing "
            "tells how wrong it is: click at least one more pair."
        )
    if not found.exchanged and found.mirrored == mirror:
        warnings += outlier_warnings(table)
    method = f"landmarks, {chosen}, {len(landmarks)} pairs"
    edge = Edge(
        moving=landmarks.moving_space,
        fixed=landmarks.fixed_space,
        transform=transform,
        quality=Quality(method, expected, bound, tuple(warnings)),
        name=f"{landmarks.moving_space} to {landmarks.fixed_space}",
        tags=landmarks.tags,
    )
    return LandmarkAlignment(edge, _as_table(landmarks, table, click, deforms))


def _model_for(count: int, ndim: int) -> Model:
    similarity, affine = (4, 6) if ndim == 2 else (5, 8)
    if count < similarity:
        return "rigid"
    return "similarity" if count < affine else "affine"


def _check(landmarks: Landmarks, model: Model) -> None:
    ndim = len(landmarks.axes)
    needed = fewest_pairs(model, ndim)
    if len(landmarks) < needed:
        raise CannotCompute(
            f"there are {len(landmarks)} landmark pairs",
            f"at least {needed} for a transform of type {model}",
            "click more pairs or choose a simpler transform",
        )
    for side in ("moving", "fixed"):
        places = getattr(landmarks, side)
        space = getattr(landmarks, f"{side}_space")
        centred = places - places.mean(axis=0)
        size = float(np.abs(centred).max())
        gaps = np.linalg.norm(places[:, None] - places[None], axis=-1)
        first, second = np.nonzero(np.triu(gaps <= 1e-6 * size, 1))
        if len(first):
            names = landmarks.names
            raise CannotCompute(
                f"{names[first[0]]} and {names[second[0]]} lie at the same place in "
                f"{space}",
                "different places",
                "remove one of the two pairs",
            )
        spread = np.linalg.svd(centred, compute_uv=False)
        rank = int((spread > _LINE * spread[0]).sum())
        if rank < needed - 1:
            raise CannotCompute(
                f"the landmarks in {space} lie on {_SHAPES[rank]}",
                f"places beside it for a transform of type {model}",
                "click a pair away from the others",
            )


def _errors(
    landmarks: Landmarks, model: Model, mirror: bool, transform: Affine
) -> pd.DataFrame:
    """Return residual, left-out error and outlier flag of each landmark."""
    moving, fixed = landmarks.moving, landmarks.fixed
    count, ndim = moving.shape
    residuals = fixed - transform.apply(moving)
    left_out = np.full(count, np.nan)
    outlier = np.zeros(count, dtype=bool)
    freedom = (count - 1) * ndim - parameter_count(model, ndim)
    # Rounded coordinates that fit to the last digit hold no outliers.
    floor = (_FINEST_CLICK * np.abs(fixed - fixed.mean(axis=0)).max()) ** 2
    for i in range(count):
        others = np.arange(count) != i
        x, y = moving[others], fixed[others]
        if not _determined(x, model):
            continue
        linear, shift = fit(x, y, model, mirror=mirror)
        error = fixed[i] - linear @ moving[i] - shift
        left_out[i] = np.linalg.norm(error)
        if freedom < 1:
            continue
        rest = y - x @ linear.T - shift
        variance = (rest * rest).sum() / freedom + floor
        K = prediction_covariance(moving[i : i + 1], x, linear, model)[0]
        covariance = variance * (K + np.eye(ndim))
        statistic = error @ np.linalg.solve(covariance, error) / ndim
        chance = f_distribution.sf(statistic, ndim, freedom)
        outlier[i] = chance < _FALSE_ALARM / count
    return pd.DataFrame(
        {
            "landmark": list(landmarks.names),
            "residual_um": np.linalg.norm(residuals, axis=1),
            "left_out_error_um": left_out,
            "outlier": outlier,
        }
    )


def _determined(places: FloatArray, model: Model) -> bool:
    needed = fewest_pairs(model, places.shape[1])
    if len(places) < needed:
        return False
    spread: NDArray[np.float64] = np.linalg.svd(
        places - places.mean(axis=0), compute_uv=False
    )
    return int((spread > 1e-6 * spread[0]).sum()) >= needed - 1


def _as_table(
    landmarks: Landmarks, data: pd.DataFrame, click: float | None, deforms: bool
) -> Table:
    notes = [
        "The left-out error is the distance between a landmark and where the "
        "transform fitted to the others puts it; it includes the error of the click "
        "itself.",
        "An outlier is a left-out error that would occur by chance in less than one "
        "of a hundred sets of landmarks.",
    ]
    if click is None and deforms:
        notes.append(
            "No click error is stated: all of the misfit counts as deformation."
        )
    return Table(
        data=data, name="Landmark errors", notes=tuple(notes), tags=landmarks.tags
    )
