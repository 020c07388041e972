"""Kinetics of the phantom from its files: ``python -m benchmarks.dce_phantom STUDY``.

STUDY is made with ``nanoscape phantom STUDY --instruments dce --size 1000``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nanoscape import io
from nanoscape.phantom.instruments.dce import Dce
from nanoscape.quantify.kinetics.dynamic import tofts
from nanoscape.quantify.mri.spoiled_gradient_echo import spoiled_gradient_echo

BENCHMARKS: dict[str, Any] = {}

DCE = Dce()
NAMES = {"ktrans": "ktrans_per_min", "ve": "ve"}


def _volume(path: Path) -> NDArray[Any]:
    (image,) = io.read(path)
    return np.asarray(image.data.compute())


def areas(folder: Path, name: str) -> dict[str, NDArray[np.bool_]]:
    """Return muscle and lesion away from every border and from the hole."""
    ktrans = _volume(folder / f"{name}_dce_ktrans_per_min.ome.tif")
    lost = _volume(folder / f"{name}_dce_artefacts.ome.tif") > 0
    is_muscle = np.isclose(ktrans, DCE.ktrans_per_min[0])
    muscle = is_muscle & ~ndimage.binary_dilation(lost, iterations=3)
    lesion = (ktrans > 0) & ~is_muscle
    return {
        "muscle": ndimage.binary_erosion(muscle, iterations=4),
        "lesion": ndimage.binary_erosion(lesion, iterations=2),
    }


def main() -> None:
    """Print mean differences from the truth, and how often intervals hold it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dce_phantom")
    parser.add_argument("study", type=Path)
    parser.add_argument("name", nargs="?", default="m1_l1")
    chosen = parser.parse_args()
    files = chosen.study / "images"
    (series,), (t1,), (table,) = (
        io.read(files / f"{chosen.name}_{end}")
        for end in ("dce.nii", "t1.nii", "dce_input.csv")
    )
    amount = spoiled_gradient_echo(
        series, t1, t1_unit="ms", t1_error_percent=100 * DCE.t1_error,
        relaxivity=DCE.relaxivity,
        baseline_end_s=DCE.injected_s, flip_angle_deg=DCE.flip_deg,
        repetition_time_ms=DCE.repetition_s * 1e3,
    )  # fmt: skip
    maps = tofts(amount.concentration, table, scale_error=amount.scale_error)
    truth = chosen.study / "truth"
    for where, mask in areas(truth, chosen.name).items():
        for name, file in NAMES.items():
            true = _volume(truth / f"{chosen.name}_dce_{file}.ome.tif")[mask]
            found = getattr(maps, name).data.compute()[mask]
            error = getattr(maps, f"{name}_error").data.compute()[mask]
            inside = np.isfinite(error)
            covered = (np.abs(found - true) < 2.02 * error)[inside].mean()
            mean = np.nanmean(found) / true.mean() - 1
            print(
                f"{name} of {mask.sum()} voxels of {where}: mean {mean:+.1%}, spread "
                f"{np.nanstd(found - true):.2g}, intervals hold it in {covered:.0%}"
            )


if __name__ == "__main__":
    main()
