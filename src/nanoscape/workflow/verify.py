"""Inputs with known answers, computed by the operations as they are installed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.model import Image, Labels, Quantity, Tags
from nanoscape.workflow.verify_amounts import amounts_checks
from nanoscape.workflow.verify_check import CLOSED, Check, check, run
from nanoscape.workflow.verify_figures import lattice_checks, law_checks, levels_checks
from nanoscape.workflow.verify_kinetics import kinetics_checks
from nanoscape.workflow.verify_points import points_checks
from nanoscape.workflow.verify_texture import phantom, texture_checks

_IBSI = "IBSI digital phantom, doi:10.1148/radiol.2020191145"


def verify() -> list[Check]:
    """Compute inputs with published or closed-form answers.

    Returns
    -------
    list of dict
        For each check its ``name``, the ``value`` found, the one ``expected``, the
        absolute ``tolerance``, the ``source`` of the expectation, and whether it
        ``passed``.
    """
    parts = (
        _unevenness,
        _histogram,
        _patterns,
        _agreement,
        _distances,
        _lattices,
        _profiles,
        _uptake,
        law_checks,
        lattice_checks,
        points_checks,
        levels_checks,
        kinetics_checks,
        texture_checks,
        amounts_checks,
    )
    return [found for part in parts for found in part()]


def _unevenness() -> Iterator[Check]:
    row = run("statistics.heterogeneity", phantom(), bin_width=1.0).data.iloc[0]
    yield check("IBSI mean", row["mean"], 2.148649, 5e-7, _IBSI)
    found = row["coefficient_of_variation"]
    yield check("IBSI coefficient of variation", found, 0.812198, 5e-7, _IBSI)
    yield check("IBSI entropy (bits)", row["entropy_bits"], 1.27, 5e-3, _IBSI)
    found = row["quartile_coefficient_of_dispersion"]
    name = "IBSI quartile coefficient of dispersion"
    yield check(name, found, 0.6, 1e-12, _IBSI)
    found = row["standard_deviation"] ** 2
    yield check("IBSI variance", found, 3.05, 5e-3, _IBSI)
    expected = 0.38339282678905323
    source = "closed form over the values of the IBSI digital phantom"
    yield check("Gini of the IBSI phantom", row["gini"], expected, 1e-12, source)
    cases = {
        "equal values": (np.ones(4), 0.0),
        "one of four holds all": (np.array([0.0, 0, 0, 1]), 0.75),
        "1 to 5": (np.arange(1.0, 6), 4 / 15),
        "1 to 100": (np.arange(1.0, 101), 0.33),
    }
    for name, (sample, gini) in cases.items():
        found = _row(sample[None])["gini"]
        yield check(f"Gini of {name}", found, gini, 1e-12, CLOSED)
    found = _row(np.arange(1.0, 6)[None])["theil"]
    expected = 0.11968759358350917
    yield check("Theil of 1 to 5", found, expected, 1e-12, "PySAL inequality 1.1.2")
    halves = np.array([[0.0, 0, 0, 10, 10, 10]])
    image = Image.from_array(halves, "yx", spacing=1.0)
    areas = Labels.from_array(1 + (halves > 0), "yx", spacing=1.0)
    row = run("statistics.theil_decomposition", image, areas).summary.data.iloc[0]
    name = "Theil between an empty and a full half"
    yield check(name, row["theil_between"], math.log(2), 1e-12, CLOSED)


def _histogram() -> Iterator[Check]:
    row = run("statistics.first_order", phantom(), bin_width=1.0).data.iloc[0]
    for column, expected, tolerance in (
        ("skewness", 1.08, 5e-3),
        ("excess_kurtosis", -0.355, 5e-4),
        ("median", 1.0, 0.0),
        ("p10", 1.0, 0.0),
        ("p90", 4.0, 0.0),
        ("interquartile_range", 3.0, 0.0),
        ("mean_absolute_deviation", 1.55, 5e-3),
        ("robust_mean_absolute_deviation", 1.11, 5e-3),
        ("median_absolute_deviation", 1.15, 5e-3),
        ("energy", 567.0, 1e-9),
        ("root_mean_square", 2.77, 5e-3),
        ("uniformity", 0.512, 5e-4),
        ("volume_at_intensity_10", 0.324, 5e-4),
        ("volume_at_intensity_90", 0.0946, 5e-5),
        ("intensity_at_volume_10", 5.0, 0.0),
        ("intensity_at_volume_90", 2.0, 0.0),
        ("volume_at_intensity_10_less_90", 0.23, 5e-3),
        ("intensity_at_volume_10_less_90", 3.0, 0.0),
        ("histogram_mean", 2.15, 5e-3),
        ("histogram_variance", 3.05, 5e-3),
        ("histogram_skewness", 1.08, 5e-3),
        ("histogram_excess_kurtosis", -0.355, 5e-4),
        ("histogram_mode", 1.0, 0.0),
        ("histogram_quartile_coefficient_of_dispersion", 0.6, 1e-12),
        ("histogram_maximum_gradient", 8.0, 0.0),
        ("histogram_maximum_gradient_level", 3.0, 0.0),
        ("histogram_minimum_gradient", -50.0, 0.0),
        ("histogram_minimum_gradient_level", 1.0, 0.0),
    ):
        name = f"IBSI {column.replace('_', ' ')}"
        yield check(name, row[column], expected, tolerance, _IBSI)


def _patterns() -> Iterator[Check]:
    options: dict[str, Any] = {"permutations": 0}
    table = run(
        "statistics.autocorrelation", phantom(), weights="inverse distance", **options
    )
    row = table.data.iloc[0]
    yield check("IBSI Moran's I", row["moran_i"], 0.0397, 3e-4, _IBSI)
    yield check("IBSI Geary's C", row["geary_c"], 0.974, 6e-3, _IBSI)
    yield from _six_points()
    source = "PySAL esda on a lattice of 3 × 3"
    nine = np.arange(1.0, 10).reshape(3, 3)
    row = _alike(nine, weights="rook", **options)
    for name, column, expected in (
        ("Moran's I", "moran_i", 0.5),
        ("variance of Moran's I, normality", "moran_variance_normality", 0.053125),
        (
            "variance of Moran's I, randomisation",
            "moran_variance_randomisation",
            0.0596875,
        ),
        ("Geary's C", "geary_c", 1 / 3),
    ):
        name = f"{name}, 1 to 9, rook"
        yield check(name, row[column], expected, 1e-12, source)
    row = _alike(nine, weights="queen", standardise="rows", **options)
    name = "Moran's I, 1 to 9, queen, weights by row"
    yield check(name, row["moran_i"], 0.3555555555555555, 1e-12, source)
    source = "PySAL esda on a lattice of 5 × 5"
    powers = np.arange(25.0).reshape(5, 5) ** 1.5
    row = _alike(powers, weights="queen", standardise="rows", **options)
    name = "Moran's I of n to the power of 1.5, weights by row"
    yield check(name, row["moran_i"], 0.7453014926578829, 1e-12, source)
    halves = Labels.from_array(np.repeat([1, 2], 8).reshape(4, 4), "yx", spacing=1.0)
    joins = run("statistics.join_counts", halves, weights="rook").data["joins"]
    for name, value, expected in zip(
        ("BB", "BW", "WW"), joins, (10, 4, 10), strict=True
    ):
        yield check(f"joins {name} of halves of 4 × 4", value, expected, 0, source)
    image = Image.from_array(powers, "yx", spacing=1.0)
    scores = run("statistics.hot_spots", image).score.data.compute()
    for (y, x), expected in (
        ((0, 0), -2.38201812),
        ((0, 4), -1.85741679),
        ((4, 0), 1.71736199),
        ((4, 4), 2.87459117),
        ((2, 2), -0.40669365),
    ):
        name = f"Gi* of n to the power of 1.5, row {y}, column {x}"
        yield check(name, scores[y, x], expected, 1e-6, source)


def _six_points() -> Iterator[Check]:
    values = np.full((5, 7), math.nan)
    rows, columns = np.array([0, 0, 0, 2, 2, 4]), np.array([0, 2, 6, 1, 4, 4])
    values[rows, columns] = [2, 3, 3.2, 5, 8, 7]
    image = Image.from_array(values, "yx", spacing=5.0)
    options: dict[str, Any] = {"weights": "within radius", "radius": 15.0}
    table = run("statistics.autocorrelation", image, permutations=0, **options)
    row = table.data.iloc[0]
    source = "PySAL esda, six points with weights within 15"
    for name, column, expected, tolerance in (
        ("Getis and Ord's G", "getis_ord_g", 0.5570977917981073, 1e-12),
        ("p of Getis and Ord's G", "g_p", 2 * 0.17293565873591432, 1e-9),
        ("Moran's I", "moran_i", 0.038527, 5e-7),
        ("Geary's C", "geary_c", 0.896466, 5e-7),
    ):
        yield check(f"{name} of six points", row[column], expected, tolerance, source)
    for name, own, expected_z in (
        ("Gi*", True, (-1.397276, -0.289178, 0.650650, -0.289178, 1.234521, 2.024243)),
        ("Gi", False, (-1.013673, -0.043616, 1.315587, -0.314127, 1.153740, 1.778339)),
    ):
        found = run("statistics.hot_spots", image, radius=15.0, with_self=own)
        scores = found.score.data.compute()[rows, columns]
        for number, (value, z) in enumerate(zip(scores, expected_z, strict=True), 1):
            yield check(f"{name} of point {number} of six", value, z, 1e-6, source)


def _agreement() -> Iterator[Check]:
    tiles = {
        letter: np.tile(np.reshape(values, (2, 2)).astype(np.float64), (8, 8))
        for letter, values in {
            "a": [0, 1, 0, 1],
            "b": [0, 1, 1, 0],
            "c": [1, 0, 1, 0],
            "d": [1, 2, 3, 4],
            "e": [1, 2, 4, 3],
        }.items()
    }
    for pair, columns in {
        "ab": {"pearson": 0.0, "icq": 0.0, "manders_m1": 0.5, "manders_m2": 0.5},
        "ac": {"pearson": -1.0, "icq": -0.5, "manders_m1": 0.0},
        "ad": {"manders_m1": 1.0, "manders_m2": 0.6},
        "ae": {"manders_m1": 1.0, "manders_m2": 0.5},
    }.items():
        images = [Image.from_array(tiles[k], "yx", spacing=1.0) for k in pair]
        table = run("statistics.codistribution", *images, thresholds="given")
        row = table.data.iloc[0]
        for column, expected in columns.items():
            name = f"{column} of the tiles {pair[0]} and {pair[1]}"
            source = "tests of pewlib, github.com/djdt/pewlib"
            yield check(name, row[column], expected, 1e-12, source)


def _alike(values: NDArray[np.float64], **options: Any) -> Any:
    image = Image.from_array(values, "zyx"[-values.ndim :], spacing=1.0)
    return run("statistics.autocorrelation", image, **options).data.iloc[0]


def _row(values: NDArray[np.float64], **options: Any) -> Any:
    image = Image.from_array(values, "zyx"[-values.ndim :], spacing=1.0)
    return run("statistics.heterogeneity", image, **options).data.iloc[0]


def _distances() -> Iterator[Check]:
    rng = np.random.default_rng(0)
    seeds = rng.random((9, 24, 31)) < 0.01
    steps = np.array([3.0, 1.0, 1.5])
    vessels = Labels.from_array(seeds, "zyx", spacing=steps.tolist())
    found = run("statistics.distance_map", vessels, from_wall=False)
    every = np.argwhere(np.ones_like(seeds)) * steps
    apart = every[:, None] - (np.argwhere(seeds) * steps)[None]
    expected = np.sqrt((apart**2).sum(axis=-1)).min(axis=1)
    gap = np.abs(found.data.compute().ravel() - expected).max()
    name = "largest error of distances in three dimensions (µm)"
    yield check(name, gap, 0.0, 1e-5, "brute force over all pairs")
    tube = np.zeros((1, 21), bool)
    tube[0, 9:12] = True
    wall = run("statistics.distance_map", Labels.from_array(tube, "yx", spacing=2.0))
    name = "distance to the wall of the first pixel outside (µm)"
    yield check(name, wall.data.compute()[0, 12], 1.0, 1e-6, "half a pixel of 2 µm")


def _lattices() -> Iterator[Check]:
    side, period = 600, 100
    y, x = np.mgrid[:side, :side]
    vertices = math.hypot(period, period) / 2
    square = (y % period == 0) & (x % period == 0)
    stripes = x % period == 0
    mean = period / 6 * (math.sqrt(2) + math.log(1 + math.sqrt(2)))
    for name, mask, average, largest in (
        ("square lattice of 100 µm", square, mean, vertices),
        ("stripes of 100 µm", stripes, period / 4, period / 2),
    ):
        vessels = Labels.from_array(mask, "yx", spacing=1.0)
        found = run("statistics.distance_map", vessels, from_wall=False)
        whole = found.data.compute()[100:500, 100:500]
        yield check(f"mean distance, {name} (µm)", whole.mean(), average, 0.01, CLOSED)
        yield check(
            f"largest distance, {name} (µm)", whole.max(), largest, 1e-3, CLOSED
        )


def _profiles() -> Iterator[Check]:
    rng = np.random.default_rng(7)
    side = 700
    y, x = np.mgrid[:side, :side]
    mask = np.zeros((side, side), bool)
    for centre in rng.integers(0, side, (50, 2)):
        mask |= (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= 16
    vessels = Labels.from_array(mask, "yx", spacing=1.0, name="vessels")
    distance = run("statistics.distance_map", vessels).data.compute()
    amplitude, offset, length = 0.7, 0.3, 30.0
    field = amplitude * np.exp(-distance.astype(np.float64) / length) + offset
    drug = Image.from_array(field, "yx", spacing=1.0, name="drug")
    row = run("statistics.distance_profile", drug, vessels).summary.data.iloc[0]
    half = -length * math.log((amplitude - offset) / (2 * amplitude))
    source = "closed form of 0.7 · exp(-d / 30 µm) + 0.3"
    area = amplitude * length * (1 - math.exp(-100 / length)) + 100 * offset
    for name, column, expected in (
        ("decay length", "decay_length_um", length),
        ("half-distance", "half_distance_um", half),
        (
            "half-distance of the excess",
            "excess_half_distance_um",
            length * math.log(2),
        ),
        ("area under the profile to 100 µm", "auc_0_100_um", area),
    ):
        yield check(f"{name} (µm)", row[column], expected, 0.01 * expected, source)


def _uptake() -> Iterator[Check]:
    fluorine, mouse = 6586.2, 25.0
    header = {
        "units": "BQML",
        "decay_correction": "START",
        "injected_dose_unit": "Bq",
        "half_life_s": fluorine,
    }
    ibsi = header | {
        "weight_g": 70e3,
        "injected_dose": 368.08e6,
        "injection_time": "2025-01-01T10:00:00",
        "series_time": "2025-01-01T11:00:00",
        "acquisition_times": "2025-01-01T11:00:00",
    }
    source = "IBSI reference object DRO_0_0, github.com/oncoray/suv_computation"
    found = _uptake_of(3600.0, ibsi)
    yield check("SUV of 3,600 Bq/mL (g/mL)", found, 1.0, 1e-3, source)
    vendor = header | {
        "weight_g": 67e3,
        "injected_dose": 374e6,
        "injection_time": "2020-12-17T08:30:45",
        "series_time": "2020-12-17T10:48:29",
        "acquisition_times": "2020-12-17T10:48:30.351370",
    }
    expected = 0.00042748316187197236
    source = "a Siemens header, github.com/cornerstonejs/calculate-suv"
    found = _uptake_of(1.0, vendor)
    yield check("SUV for each Bq/mL", found, expected, 1e-9 * expected, source)
    at_injection = header | {"decay_correction": "ADMIN", "injected_dose": 5e6}
    name = "SUV 1 of a mouse of 25 g as %ID/g"
    found = _uptake_of(5e6 / mouse, at_injection, "percent_injected_dose")
    yield check(name, found, 4.0, 1e-12, CLOSED)


def _uptake_of(activity: float, header: dict[str, Any], name: str = "suv") -> float:
    image = Image.from_array(
        np.full((1, 1), activity),
        "yx",
        spacing=4000.0,
        quantity=Quantity("activity concentration", "Bq/mL"),
        tags=Tags.of("header", **header),
    )
    return float(run(f"quantify.{name}", image).data.compute()[0, 0])
