"""Expected error of a landmark fit at places that were not clicked.

Two things put a place wrong: the map is not exactly the right one, because clicks
are not exact and because the tissue is deformed at the landmarks; and the tissue is
deformed at the place itself, which a linear map cannot follow. With the variance
``f`` of one landmark's misfit along one axis, of which ``u`` is deformation, the
error at a place ``p`` has the covariance ``f K(p) + u I``: ``K`` is the prediction
covariance of linear regression, which for rigid maps is the target registration
error of Fitzpatrick, West and Maurer (1998, doi:10.1109/42.736021).

``f`` and ``u`` are not known but estimated from few residuals, so the 95 % bound is
that of the predictive distribution, averaged over what they may be (Gelman 2006,
doi:10.1214/06-BA117A, for the half-Cauchy prior).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.spatial import Delaunay
from scipy.special import gammainc
from scipy.stats import chi2

from nanoscape.registration.linear_fit import Model, sensitivity

FloatArray = NDArray[np.float64]

_STEPS = 40
_FLAT = 1e-6


@dataclass(frozen=True, eq=False)
class Variances:
    """What the variances may be, as weighted pairs.

    Attributes
    ----------
    weights
        Probability of each pair; they add up to one.
    landmark
        Variance of one landmark's misfit along one axis, in µm².
    place
        The part of it that a new place has too: deformation, in µm².
    best
        The best single estimate of both.
    """

    weights: FloatArray
    landmark: FloatArray
    place: FloatArray
    best: tuple[float, float]


def misfit_variances(
    squares: float, freedom: int, click_error: float | None, deforms: bool
) -> Variances:
    """Return what the residuals say of the variances.

    Parameters
    ----------
    squares
        Sum of squared residuals, in µm².
    freedom
        Number of residuals minus number of parameters, at least one.
    click_error
        Standard deviation of a click along one axis in µm. Without it, all of the
        misfit counts as deformation, which makes the error too large rather than
        too small.
    deforms
        Whether there is deformation at all; if not, all misfit is that of clicks.
    """
    middle = (np.arange(_STEPS) + 0.5) / _STEPS
    if click_error is None or click_error <= 0:
        landmark = squares / chi2.isf(middle, freedom)
        weights = np.full(_STEPS, 1 / _STEPS)
        place = landmark
        # The mean over what it may be is infinite for few pairs; this is unbiased.
        best = (squares / freedom, squares / freedom)
    else:
        # Half-Cauchy: the deformation is of the order of the click error, or more.
        place = (click_error * np.tan(np.pi / 2 * middle)) ** 2
        landmark = place + click_error**2
        score = -freedom / 2 * np.log(landmark) - squares / (2 * landmark)
        weights = np.exp(score - score.max())
        weights /= weights.sum()
        best = (float(weights @ landmark), float(weights @ place))
    if not deforms:
        return Variances(weights, landmark, np.zeros(_STEPS), (best[0], 0.0))
    return Variances(weights, landmark, place, best)


def prediction_covariance(
    places: FloatArray, landmarks: FloatArray, linear: FloatArray, model: Model
) -> FloatArray:
    """Return ``K`` at places: covariance of the map for unit variance of misfit.

    Parameters
    ----------
    places, landmarks
        Places of the moving space, shapes ``(m, d)`` and ``(n, d)``.
    linear, model
        The fitted map.

    Returns
    -------
    numpy.ndarray
        Shape ``(m, d, d)``.
    """
    centre = landmarks.mean(axis=0)
    size = np.sqrt(((landmarks - centre) ** 2).mean())
    at_landmarks = sensitivity((landmarks - centre) / size, linear, model)
    at_places = sensitivity((places - centre) / size, linear, model)
    information = np.einsum("nip,niq->pq", at_landmarks, at_landmarks)
    covariance = np.linalg.inv(information)
    result: FloatArray = np.einsum("mip,pq,mjq->mij", at_places, covariance, at_places)
    return result


def area_nodes(landmarks: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return places that fill the convex hull of landmarks, and their weights.

    Landmarks on a line fill the line, landmarks in a plane of space the plane.

    Returns
    -------
    places, weights
        Shapes ``(m, d)`` and ``(m,)``; the weights are shares of the area.
    """
    centre = landmarks.mean(axis=0)
    _, sizes, axes = np.linalg.svd(landmarks - centre, full_matrices=False)
    axes = axes[sizes > _FLAT * sizes[0]]
    flat = (landmarks - centre) @ axes.T
    if len(axes) == 1:
        order = np.argsort(flat[:, 0])
        simplices = np.stack([order[:-1], order[1:]], axis=1)
    else:
        simplices = Delaunay(flat).simplices
    corners = flat[simplices]
    edges = corners[:, 1:] - corners[:, :1]
    volumes = np.abs(np.linalg.det(edges))
    lattice = _lattice_in_simplex(len(axes), 4 if len(simplices) < 100 else 2)
    places = np.einsum("kc,scd->skd", lattice, corners).reshape(-1, len(axes))
    weights = np.repeat(volumes / volumes.sum() / len(lattice), len(lattice))
    return places @ axes + centre, weights


def expected_error(variances: Variances, K: FloatArray, weights: FloatArray) -> float:
    """Return the root of the mean squared error over weighted places, in µm."""
    landmark, place = variances.best
    mean_trace = (weights * np.trace(K, axis1=1, axis2=2)).sum()
    return float(np.sqrt(landmark * mean_trace + place * K.shape[1]))


def error_bound(
    variances: Variances, K: FloatArray, weights: FloatArray, share: float = 0.95
) -> float:
    """Return the distance below which a share of the weighted places stays, in µm.

    The squared length of a Gaussian vector is taken as a scaled χ² with the same
    mean and variance (Satterthwaite 1946, doi:10.2307/3002019).
    """
    ndim = K.shape[1]
    f, u = variances.landmark[:, None], variances.place[:, None]
    trace = np.trace(K, axis1=1, axis2=2)
    mean = f * trace + u * ndim
    largest = float(np.sqrt(mean.max()))
    if largest == 0:
        return 0.0
    square = f**2 * (K * K).sum(axis=(1, 2)) + 2 * f * u * trace + u**2 * ndim
    shape, scale = mean**2 / square / 2, 2 * square / mean
    mass = variances.weights[:, None] * weights

    def missing(distance: float) -> float:
        return float((mass * gammainc(shape, distance**2 / scale)).sum()) - share

    return float(brentq(missing, 0.0, 20 * largest, xtol=1e-7 * largest))


def _lattice_in_simplex(ndim: int, parts: int) -> FloatArray:
    """Return barycentric coordinates of places that stand for a whole simplex.

    Their mean and covariance are those of the simplex, so that squares are averaged
    exactly.
    """
    steps = np.indices((parts,) * ndim).reshape(ndim, -1).T
    steps = steps[steps.sum(axis=1) < parts]
    inner = (steps + 1 / (ndim + 1)) / parts
    lattice = np.column_stack([inner, 1 - inner.sum(axis=1)])
    middle = 1 / (ndim + 1)
    exact = ndim / ((ndim + 1) ** 2 * (ndim + 2))
    return middle + (lattice - middle) * np.sqrt(exact / lattice[:, 0].var())
