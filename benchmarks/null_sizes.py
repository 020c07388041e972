"""How often the null tests reject what is true: ``python -m benchmarks.null_sizes``.

A drug that knows nothing of the vessels should be found related in 5 % of fields,
whatever its grain, and whether or not both follow the same pattern from the rim of
the tissue to its core.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nanoscape.statistics.nulls.shift_curves import shift_curves
from nanoscape.statistics.nulls.shifts import rim_to_core

SIDE, PIXEL_UM, BIN_UM, BINS = 96, 4.0, 10.0, 10
MARGIN = 40

CASES = {
    "independent pixels, related at all": (0.0, False),
    "grain of 8 µm, related at all": (2.0, False),
    "grain of 16 µm, related at all": (4.0, False),
    "independent pixels and shared trend, beyond the trend": (0.0, True),
    "grain of 8 µm and shared trend, beyond the trend": (2.0, True),
    "grain of 16 µm and shared trend, beyond the trend": (4.0, True),
}

BENCHMARKS: dict[str, Any] = {}

Fields = tuple[NDArray[Any], list[NDArray[Any]], NDArray[Any], NDArray[Any]]


def fields(seed: int, grain: float, trend: bool) -> Fields:
    """Return a drug, bins of distance, where it was measured, and the tissue.

    With a trend both the drug and the density of vessels fall from the rim of a round
    tumour to its core, and the drug knows nothing else of the vessels.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    radius = np.hypot(y - SIDE / 2 + 0.5, x - SIDE / 2 + 0.5) / (SIDE / 2)
    tissue = radius < 0.95 if trend else np.ones((SIDE, SIDE), bool)
    rate = 0.012 * radius**1.5 if trend else np.full(tissue.shape, 0.006)
    vessels = ndimage.binary_dilation(rng.random(tissue.shape) < rate)
    drug = rng.normal(0, 1, (SIDE + 2 * MARGIN,) * 2)
    if grain:
        drug = ndimage.gaussian_filter(drug, grain)
        drug /= drug.std()
    drug = drug[MARGIN:-MARGIN, MARGIN:-MARGIN]
    if trend:
        drug = drug + 2 * radius**2
    distance = ndimage.distance_transform_edt(~vessels) * PIXEL_UM
    index = np.floor(distance / BIN_UM)
    shapes = [(index == k).astype(np.float64) for k in range(BINS)]
    return drug, shapes, tissue & ~vessels, tissue


def rejected(seeds: int, grain: float, trend: bool) -> dict[str, float]:
    """Return how often the test at 5 % rejects, and how often there is none."""
    p = []
    for seed in range(seeds):
        drug, shapes, used, tissue = fields(seed, grain, trend)
        nuisance = rim_to_core(tissue) if trend else [np.ones(tissue.shape)]
        bands = shift_curves(drug, shapes, used, nuisance).bands
        p.append((bands.p_mad, bands.p_dclf))
    values = np.array(p)
    tested = np.isfinite(values[:, 0])
    mad, dclf = (values[tested] <= 0.05).mean(axis=0)
    untested = 1 - float(tested.mean())
    return {"p": float(mad), "p_dclf": float(dclf), "untested": untested}


def main() -> int:
    """Print how often each case is rejected."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.null_sizes")
    parser.add_argument("seeds", nargs="?", type=int, default=2000)
    parser.add_argument("--json", action="store_true", help="print JSON")
    chosen = parser.parse_args()
    found = {}
    for name, (grain, trend) in CASES.items():
        found[name] = rejected(chosen.seeds, grain, trend)
        if not chosen.json:
            shares = ", ".join(f"{k} {v:.2%}" for k, v in found[name].items())
            print(f"{name}: {shares} of {chosen.seeds}", flush=True)
    if chosen.json:
        json.dump(found, sys.stdout, indent=1)
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
