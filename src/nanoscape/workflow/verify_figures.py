"""Known values of levels of variance, lattices, boards and laws."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from nanoscape.model import Image, Labels, Table
from nanoscape.workflow.verify_check import CLOSED, Check, check, run


def levels_checks() -> Iterator[Check]:
    """Yield checks of variance components."""
    triples = [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [7.0, 8.0, 9.0]]
    rows = _components(triples)
    name = "one way of {1,2,3}, {2,4,6}, {7,8,9}"
    yield check(
        f"mean square between, {name}", rows["mean_square"][0], 28, 1e-9, CLOSED
    )
    yield check(f"mean square within, {name}", rows["mean_square"][1], 2, 1e-9, CLOSED)
    yield check(f"variance between, {name}", rows["variance"][0], 26 / 3, 1e-5, CLOSED)
    yield check(f"ICC, {name}", rows["icc"][0], 0.8125, 1e-6, CLOSED)
    shrout = [
        [9.0, 2.0, 5.0, 8.0],
        [6.0, 1.0, 3.0, 2.0],
        [8.0, 4.0, 6.0, 8.0],
        [7.0, 1.0, 2.0, 6.0],
        [10.0, 5.0, 6.0, 9.0],
        [6.0, 2.0, 4.0, 7.0],
    ]
    rows = _components(shrout)
    source = "Shrout and Fleiss 1979, doi:10.1037/0033-2909.86.2.420"
    found = rows["mean_square"]
    yield check(
        "mean square between, Shrout and Fleiss", found[0], 11.2417, 5e-5, source
    )
    yield check("mean square within, Shrout and Fleiss", found[1], 6.2639, 5e-5, source)
    yield check("ICC(1,1), Shrout and Fleiss", rows["icc"][0], 0.16574, 5e-6, source)


def lattice_checks() -> Iterator[Check]:
    """Yield checks of boards, ramps and lattices of vessels."""
    y, x = np.mgrid[:4, :4]
    wide = np.mgrid[:8, :8][1]
    for name, values, moran, geary in (
        ("board of 4 × 4", (y + x) % 2, -1.0, 1.875),
        ("halves of 4 × 4", x // 2, 2 / 3, 0.3125),
        ("halves of 8 × 8", wide // 4, 6 / 7, math.nan),
    ):
        image = Image.from_array(values.astype(np.float64), "yx", spacing=1.0)
        options = {"weights": "rook", "permutations": 0}
        row = run("statistics.autocorrelation", image, **options).data.iloc[0]
        yield check(f"Moran's I, {name}", row["moran_i"], moran, 1e-12, CLOSED)
        if math.isfinite(geary):
            yield check(f"Geary's C, {name}", row["geary_c"], geary, 1e-12, CLOSED)
    ramp = Image.from_array(np.arange(1.0, 6)[None], "yx", spacing=1.0)
    curve = run("statistics.variogram", ramp, largest_distance=3.0).curves.data
    for step, expected in ((1, 0.5), (2, 2.0), (3, 4.5)):
        found = curve["variogram"].iloc[step - 1]
        yield check(f"variogram of 1 to 5 at {step}", found, expected, 1e-12, CLOSED)
    yield from _shares()


def _shares() -> Iterator[Check]:
    y, x = np.mgrid[:600, :600]
    step = 100 * math.sqrt(3) / 2
    hexagons = np.zeros((600, 600), bool)
    for row in range(7):
        columns = np.arange(0, 700, 100) + 50 * (row % 2)
        columns = columns[columns < 600]
        hexagons[min(round(row * step), 599), columns] = True
    lattices = {
        "square lattice of 100 µm": (
            (y % 100 == 0) & (x % 100 == 0),
            {25: math.pi / 16, 50: math.pi / 4},
        ),
        "stripes of 100 µm": (x % 100 == 0, {25: 0.5}),
    }
    for name, (mask, shares) in lattices.items():
        vessels = Labels.from_array(mask, "yx", spacing=1.0)
        far = run("statistics.distance_map", vessels, from_wall=False).data.compute()
        cell = far[200:400, 200:400]
        for radius, expected in shares.items():
            found = ((cell < radius).mean() + (cell <= radius).mean()) / 2
            label = f"share within {radius} µm, {name}"
            yield check(label, found, expected, 2e-3, CLOSED)
    vessels = Labels.from_array(hexagons, "yx", spacing=1.0)
    far = run("statistics.distance_map", vessels, from_wall=False).data.compute()
    cell = far[round(2 * step) : round(4 * step), 200:400]
    name = "hexagonal lattice of 100 µm"
    yield check(f"mean distance, {name} (µm)", cell.mean(), 35.102, 0.1, CLOSED)
    yield check(f"largest distance, {name} (µm)", cell.max(), 57.735, 0.5, CLOSED)


def law_checks() -> Iterator[Check]:
    """Yield checks of unevenness over quantiles of known laws."""
    from scipy import stats

    share = (np.arange(100_000) + 0.5) / 100_000
    laws = {
        "lognormal, σ = 0.5": (np.exp(0.5 * stats.norm.ppf(share)), 0.27633, 0.53294),
        "lognormal, σ = 1": (np.exp(stats.norm.ppf(share)), 0.52050, 1.31083),
        "exponential": (-np.log1p(-share), 0.5, 1.0),
        "uniform": (share, 1 / 3, 1 / math.sqrt(3)),
    }
    for name, (values, gini, variation) in laws.items():
        image = Image.from_array(values[None], "yx", spacing=1.0)
        row = run("statistics.heterogeneity", image).data.iloc[0]
        yield check(f"Gini, {name}", row["gini"], gini, 2e-4, CLOSED)
        found = row["coefficient_of_variation"]
        label = f"coefficient of variation, {name}"
        yield check(label, found, variation, 0.01 * variation, CLOSED)


def _components(groups: Sequence[Sequence[float]]) -> pd.DataFrame:
    each = [len(group) for group in groups]
    frame = pd.DataFrame(
        {
            "subject": np.repeat(np.arange(len(groups)).astype(str), each),
            "value": np.concatenate(groups),
        }
    )
    tables = [Table(data=frame, name="values")]
    found = run("statistics.variance_components", tables, value="value")
    return found.components.data
