"""Point patterns against astropy, pointpats and SciPy, on one thread."""

from __future__ import annotations

import tracemalloc
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy
from scipy import spatial

from benchmarks import Result, best_of
from nanoscape.compute import Threads, using
from nanoscape.model import Affine, Labels, Points
from nanoscape.statistics.points.curves import Estimator
from nanoscape.statistics.points.ripley import ripley
from nanoscape.statistics.points.set_covariance import set_covariance
from nanoscape.statistics.points.window import Window

POINTS, RADIUS, STEPS, SIDE = 20_000, 0.1, 50, 512


def _places(count: int = POINTS) -> Any:
    return np.random.default_rng(0).random((count, 2))


def _window() -> Window:
    return Window("square", np.ones((SIDE, SIDE), bool), (1 / SIDE, 1 / SIDE))


def _k(places: Any, other: Any = None, radius: float = RADIUS) -> Any:
    """Return K from points and a window, everything included."""
    window = _window()
    radii = np.linspace(0.0, radius, STEPS + 1)
    covariance = set_covariance(window, radius)
    return Estimator(window, radii, "translation", covariance, 0.0)(places, other).k


def _memory() -> float:
    """Return the largest memory of all arrays while K is computed, in MB."""
    places = _places()
    tracemalloc.start()
    _k(places)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 2**20


def ripley_2d() -> Iterator[Result]:
    """Time K with translation correction, 20,000 points and 50 radii."""
    import astropy
    from astropy.stats import RipleysKEstimator

    places = _places()
    mine, memory = _k(places), _memory()
    ours = best_of(lambda: _k(places))
    radii = np.linspace(0.0, RADIUS, STEPS + 1)
    peer = RipleysKEstimator(area=1.0, x_min=0, x_max=1, y_min=0, y_max=1)
    few = _places(2000)
    gap = np.abs(peer(few, radii, mode="translation") - _k(few)).max()
    theirs = best_of(lambda: peer(places, radii, mode="translation"), 1)
    name = f"K of {POINTS:,} points, translation, one thread (s)"
    yield Result(
        "ripley_2d",
        f"{name}, arrays of {memory:.0f} MB; largest difference of 2,000 points "
        f"{gap:.1g}",
        ours,
        "astropy.stats.RipleysKEstimator",
        astropy.__version__,
        theirs,
        theirs / ours,
        150.0,
    )
    tree = spatial.cKDTree(places)
    theirs = best_of(lambda: tree.count_neighbors(tree, radii))
    yield Result(
        "ripley_2d",
        f"{name}; the peer counts without correction",
        ours,
        "scipy.spatial.cKDTree.count_neighbors",
        scipy.__version__,
        theirs,
        theirs / ours,
        1.2,
    )
    other = np.random.default_rng(1).random((POINTS, 2))
    _k(places, other)
    ours = best_of(lambda: _k(places, other))
    beside = spatial.cKDTree(other)
    theirs = best_of(lambda: tree.count_neighbors(beside, radii))
    yield Result(
        "ripley_2d",
        "cross-K of 20,000 and 20,000 points, translation (s); the peer counts "
        "without correction",
        ours,
        "scipy.spatial.cKDTree.count_neighbors",
        scipy.__version__,
        theirs,
        theirs / ours,
        1.2,
    )
    assert np.isfinite(mine).all()


def ripley_pointpats() -> Iterator[Result]:
    """Time K against the peer that has no correction at the edge."""
    import pointpats

    places = _places()
    _k(places)
    ours = best_of(lambda: _k(places))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        radii = np.linspace(0.0, RADIUS, STEPS + 1)
        theirs = best_of(lambda: pointpats.k(places, support=radii), 1)
    yield Result(
        "ripley_pointpats",
        f"K of {POINTS:,} points, translation, against none (s)",
        ours,
        "pointpats.k",
        pointpats.__version__,
        theirs,
        theirs / ours,
        100.0,
    )


def ripley_million() -> Iterator[Result]:
    """Time a million points up to 1 % of the side; the goal is ten seconds."""
    places = _places(1_000_000)
    ours = best_of(lambda: _k(places, radius=0.01), 1)
    yield Result(
        "ripley_million",
        "K of 1,000,000 points to 1 % of the side, translation (s)",
        ours,
        "ten seconds",
        "",
        10.0,
        10.0 / ours,
        1.0,
    )


def ripley_operation() -> Iterator[Result]:
    """Time the whole operation with 99 simulations of 2,000 points."""
    import astropy
    from astropy.stats import RipleysKEstimator

    places = _places(2000)
    place = Affine.from_spacing("yx", 1 / SIDE, [0.5 / SIDE] * 2)
    area = Labels.from_array(np.ones((SIDE, SIDE), int), "yx", grid_to_space=place)
    points = Points(coordinates=places, axes="yx", space="world", name="points")
    options: dict[str, Any] = {"simulations": 99, "largest_radius": RADIUS}
    with using(Threads(workers=1)):
        ripley(points, area, **options)
        ours = best_of(lambda: ripley(points, area, **options), 1)
    peer = RipleysKEstimator(area=1.0, x_min=0, x_max=1, y_min=0, y_max=1)
    radii = np.linspace(0.0, RADIUS, STEPS + 1)
    theirs = 100 * best_of(lambda: peer(places, radii, mode="translation"))
    yield Result(
        "ripley_operation",
        "K, L, g and bands of 2,000 points from 99 simulations, one thread (s), "
        "against 100 times K",
        ours,
        "astropy.stats.RipleysKEstimator",
        astropy.__version__,
        theirs,
        theirs / ours,
        20.0,
    )


BENCHMARKS = {
    "ripley_2d": ripley_2d,
    "ripley_pointpats": ripley_pointpats,
    "ripley_million": ripley_million,
    "ripley_operation": ripley_operation,
}
