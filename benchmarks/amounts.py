"""Amounts that come back from a phantom's laser ablation, beside their truth.

Make the phantom first, then give its folder::

    nanoscape phantom OUT --instruments laser --size 1200 --pixel 4
    python -m benchmarks.amounts OUT

For each section and element it prints the mean of the whole raster with its interval,
the true mean, and the share of readings whose 95 % interval holds the truth, after
drift, background and wash-out were taken away.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nanoscape import io
from nanoscape.quantify.calibration.concentration import concentration
from nanoscape.quantify.calibration.curve import calibration_curve
from nanoscape.quantify.laser.drift import bracketing_standards, correct_drift
from nanoscape.quantify.laser.washout import undo_washout

BENCHMARKS: dict[str, Any] = {}
"""None to be run with the others: this one needs a phantom."""

ELEMENTS = {"Au197": "gold_ug_per_g", "Gd157": "gadolinium_ug_per_g"}


def rows(study: Path) -> Iterator[dict[str, Any]]:
    """Yield what was found in each section."""
    for folder in sorted((study / "images").glob("*_laser")):
        section = folder.name.removesuffix("_laser")
        gelatine = folder.with_name(f"{section}_standards")
        (table,) = io.read(gelatine / "standards.txt")
        for isotope, column in ELEMENTS.items():
            truth = io.read(study / "truth" / f"{folder.name}_{column}.ome.tif")[0]
            known = truth.data.compute().reshape(truth.spatial_shape[-2:])
            lines = io.read(gelatine)[0][isotope]
            found = bracketing_standards(lines, table, column=column)
            sharp = undo_washout(found.standards, found.drift)
            curve = calibration_curve(
                sharp, table=table, column=column, skip_readings=12,
                weights="1/variance",
            ).curve  # fmt: skip
            image = correct_drift(io.read(folder)[0][isotope], found.drift)
            amounts = concentration(undo_washout(image, found.drift), curve)
            mean = amounts.summary.data.iloc[0]
            gap = np.abs(amounts.image.data.compute() - known)
            inside = gap < 1.96 * amounts.error.data.compute()
            yield {
                "section": section,
                "isotope": isotope,
                "true_mean": known.mean(),
                "mean": mean["mean"],
                "low_95": mean["low_95"],
                "high_95": mean["high_95"],
                "readings_held": inside.mean(),
                "lod": mean["lod"],
                "washout_s": found.drift.data["washout_s"][0],
            }


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("study", type=Path)
    for number, row in enumerate(rows(parser.parse_args().study)):
        if number == 0:
            print("  ".join(f"{name:>13}" for name in row))
        cells = (v if isinstance(v, str) else f"{v:.4g}" for v in row.values())
        print("  ".join(f"{cell:>13}" for cell in cells))


if __name__ == "__main__":
    main()
