"""``python -m benchmarks.study_accuracy [SEED …]``: sections against their truth.

Vessel masks by diameter class beside Otsu's threshold, the perfused fraction, and
the decay length of the carrier with the true and with the found perfused vessels.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage
from skimage.filters import threshold_otsu

from benchmarks import Benchmark
from nanoscape.demo.analysis import sample_recipe
from nanoscape.demo.truth import CLASSES, compare_with_truth, dice_by_class
from nanoscape.model import Study
from nanoscape.phantom import make_study
from nanoscape.phantom.truth import read_truth
from nanoscape.statistics.distance.distance_profile import distance_profile
from nanoscape.workflow import Session, run_recipe

SEEDS = (501, 502, 503, 504, 505)
SIZE = 1536

BENCHMARKS: dict[str, Benchmark] = {}
"""None: what is measured here is not time."""


def backgrounds(image: Any) -> dict[str, Any]:
    """Return the image less its background, estimated in four ways."""
    smooth = ndimage.gaussian_filter(image, 1.0)
    wide = ndimage.gaussian_filter(image, 60.0)
    found = {"less Gaussian 60 px": image - wide, "smoothed, same": smooth - wide}
    for name, values in (("opened 81 px", image), ("smoothed, opened 81 px", smooth)):
        opened = ndimage.grey_opening(values, size=(81, 81))
        found[name] = values - ndimage.gaussian_filter(opened, 20.0)
    return found


def section_rows(root: Path) -> list[dict[str, Any]]:
    """Analyse one study and return its figures."""
    study = Study.load(root)
    run = run_recipe(sample_recipe(), study)
    rows = compare_with_truth(root, run)
    session = Session(study)
    for name, truth in read_truth(root).sections.items():
        image = session[f"{name}_slide/CD31"].data.compute().astype(np.float64)
        classes = np.asarray(truth.mask("vessels").data)
        for variant, flat in backgrounds(image).items():
            mask = flat > threshold_otsu(flat)
            for number, score in dice_by_class(mask, classes, truth).items():
                figure = f"Otsu, {variant}: Dice of vessels of {CLASSES[number]}"
                rows.append(_row(name, figure, score, 1.0))
        profile = distance_profile(
            session[f"{name}_slide/carrier"],
            truth.mask("perfused"),
            session[f"{name}_tissue"],
            [session[f"{name}_necrosis"]],
        )
        length = float(profile.summary.data["decay_length_um"].iloc[0])
        true = truth.values["carrier"]["decay_length_um"]
        figure = "decay length of the carrier, true perfused mask"
        rows.append(_row(name, figure, length, true))
    return rows


def _row(section: str, figure: str, measured: float, truth: float) -> dict[str, Any]:
    return {"section": section, "figure": figure, "measured": measured, "truth": truth}


def main() -> None:
    """Print each figure of each section, the means, and the largest error."""
    seeds = [int(word) for word in sys.argv[1:]] or list(SEEDS)
    rows: list[dict[str, Any]] = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "study"
            make_study(root, seed=seed, size=SIZE, subjects=1, sections=1)
            rows += [row | {"section": f"seed {seed}"} for row in section_rows(root)]
    frame = pd.DataFrame(rows)
    numbers = frame.pivot(index="figure", columns="section", values="measured")
    numbers["mean"] = numbers.mean(axis=1)
    numbers["truth"] = frame.groupby("figure")["truth"].mean()
    error = (frame["measured"] - frame["truth"]).abs()
    numbers["largest error"] = error.groupby(frame["figure"]).max()
    print(numbers.round(3).to_string())


if __name__ == "__main__":
    main()
