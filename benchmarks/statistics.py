"""Spatial statistics against PySAL, scikit-image and SciPy, on one thread."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import skimage
from scipy import ndimage

from benchmarks import Result, best_of
from nanoscape.compute import Threads, using
from nanoscape.model import Image
from nanoscape.statistics.agreement.codistribution import codistribution
from nanoscape.statistics.raster.autocorrelation import autocorrelation
from nanoscape.statistics.raster.hot_spots import hot_spots

SIDE = 500


def _field(seed: int, side: int = SIDE) -> Any:
    rng = np.random.default_rng(seed)
    return ndimage.gaussian_filter(rng.random((side, side)), 2.0)


def _ours(function: Callable[[], Any]) -> float:
    """Time on one thread; the first run compiles and does not count."""
    with using(Threads(workers=1)):
        function()
        return best_of(function)


def _result(name: str, work: str, ours: float, peer: Any, goal: float) -> Result:
    label, version, theirs = peer
    return Result(name, work, ours, label, version, theirs, theirs / ours, goal)


def autocorrelation_2d() -> Iterator[Result]:
    """Time Moran's I; PySAL's weights are made beforehand and not counted."""
    import esda
    import libpysal

    values = _field(0)
    image = Image.from_array(values, "yx", spacing=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weights = libpysal.weights.lat2W(SIDE, SIDE, rook=False)
        esda.Moran(values.ravel(), weights, transformation="B", permutations=9)
        theirs = {
            count: best_of(
                lambda count=count: esda.Moran(
                    values.ravel(), weights, transformation="B", permutations=count
                ),
                1,
            )
            for count in (0, 999)
        }
    for count, goal in ((0, 100.0), (999, 20.0)):
        ours = _ours(lambda count=count: autocorrelation(image, permutations=count))
        yield _result(
            "autocorrelation_2d",
            f"Moran's I of {SIDE}×{SIDE}, queen, {count} permutations, one thread (s)",
            ours,
            ("esda.Moran", esda.__version__, theirs[count]),
            goal,
        )


def hot_spots_2d() -> Iterator[Result]:
    """Time Gi* with p-values, classes and correction against PySAL's z alone."""
    import esda
    import libpysal

    values = _field(1)
    image = Image.from_array(values, "yx", spacing=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weights = libpysal.weights.lat2W(SIDE, SIDE, rook=False)
        run = lambda: esda.G_Local(  # noqa: E731
            values.ravel(), weights, transform="B", permutations=0, star=True
        )
        theirs = best_of(run, 1)
        expected = run().Zs.reshape(values.shape)
    ours = _ours(lambda: hot_spots(image))
    gap = np.abs(hot_spots(image).score.data.compute() - expected).max()
    yield _result(
        "hot_spots_2d",
        f"Gi* of {SIDE}×{SIDE}, queen, one thread (s), largest difference {gap:.1g}",
        ours,
        ("esda.G_Local", esda.__version__, theirs),
        300.0,
    )
    run = lambda: esda.G_Local(  # noqa: E731
        values.ravel(), weights, transform="B", permutations=999, star=True
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = best_of(run, 1)
    yield _result(
        "hot_spots_2d",
        f"the same with 999 conditional permutations of {SIDE}×{SIDE} (s)",
        _ours(lambda: hot_spots(image, permutations=999)),
        ("esda.G_Local", esda.__version__, theirs),
        20.0,
    )


def codistribution_2d() -> Iterator[Result]:
    """Time all coefficients, thresholds and p-values against four coefficients."""
    from skimage import measure

    first, second = _field(2, 1024), _field(3, 1024)
    images = [Image.from_array(v, "yx", spacing=1.0) for v in (first, second)]

    def peer() -> None:
        masks = [v > 0.5 for v in (first, second)]
        measure.pearson_corr_coeff(first, second)
        measure.manders_coloc_coeff(first, masks[1])
        measure.manders_coloc_coeff(second, masks[0])
        measure.manders_overlap_coeff(first, second)

    ours = _ours(lambda: codistribution(*images, thresholds="given"))
    yield _result(
        "codistribution_2d",
        "nine coefficients and p-values of 1024² against four coefficients (s)",
        ours,
        ("skimage.measure", skimage.__version__, best_of(peer)),
        30.0,
    )


BENCHMARKS = {
    "autocorrelation_2d": autocorrelation_2d,
    "hot_spots_2d": hot_spots_2d,
    "codistribution_2d": codistribution_2d,
}
