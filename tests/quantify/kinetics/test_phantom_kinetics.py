"""Kinetics of the phantom, from its files to maps, against its truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from nanoscape import io
from nanoscape.model import Image, Labels
from nanoscape.phantom.animal import Animal
from nanoscape.phantom.instruments import dce
from nanoscape.phantom.lesion import make_lesion
from nanoscape.quantify.kinetics.area_curves import kinetics_of_areas
from nanoscape.quantify.kinetics.dynamic import tofts
from nanoscape.quantify.mri.spoiled_gradient_echo import spoiled_gradient_echo

DCE = dce.Dce()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Concentration, arterial input, truth, and areas away from every border."""
    folder = tmp_path_factory.mktemp("kinetics")
    animal = Animal("m1_l1", 11, make_lesion(11))
    dce.write(folder / "dce.nii", animal, DCE)
    dce.write_t1(folder / "t1.nii", animal, DCE)
    dce.write_input(folder / "input.csv", animal, DCE)
    (series,), (t1,), (table,) = (
        io.read(Path(folder / name)) for name in ("dce.nii", "t1.nii", "input.csv")
    )
    amount = spoiled_gradient_echo(
        series, t1, t1_unit="ms", t1_error_percent=3.0,
        relaxivity=DCE.relaxivity, baseline_end_s=58.0,
        flip_angle_deg=DCE.flip_deg, repetition_time_ms=DCE.repetition_s * 1e3,
    )  # fmt: skip
    truth = dce.truth(animal, DCE)
    lost = ndimage.binary_dilation(truth["artefacts"] > 0, iterations=3)
    muscle = np.isclose(truth["ktrans_per_min"], DCE.ktrans_per_min[0]) & ~lost
    lesion = (truth["ktrans_per_min"] > 0) & ~np.isclose(
        truth["ktrans_per_min"], DCE.ktrans_per_min[0]
    )
    return {
        "concentration": amount.concentration,
        "scale_error": amount.scale_error,
        "input": table,
        "truth": truth,
        "muscle": ndimage.binary_erosion(muscle, iterations=4),
        "lesion": ndimage.binary_erosion(lesion, iterations=2),
    }


def area(mask: Any, like: Image) -> Labels:
    return Labels.from_array(
        mask, "zyx", grid_to_space=like.grid_to_space, space=like.space
    )


def test_muscle_and_lesion_come_back(found: dict[str, Any]) -> None:
    """The true input jumps between two frames, which alone makes errors of 1 %."""
    maps = tofts(
        found["concentration"], found["input"], scale_error=found["scale_error"]
    )
    truth, muscle, lesion = found["truth"], found["muscle"], found["lesion"]
    assert muscle.sum() > 1000
    assert lesion.sum() > 50
    ktrans, ve = maps.ktrans.data.compute(), maps.ve.data.compute()
    assert np.nanmean(ktrans[muscle]) == pytest.approx(0.05, rel=0.02)
    assert np.nanmean(ve[muscle]) == pytest.approx(0.12, rel=0.02)
    for name, value in (("ktrans", 0.05), ("ve", 0.12)):
        apart = np.abs(getattr(maps, name).data.compute() - value)[muscle]
        error = getattr(maps, f"{name}_error").data.compute()[muscle]
        covered = (apart < 2.02 * error)[np.isfinite(error)].mean()
        assert 0.9 < covered < 0.98, name
    expected = truth["ktrans_per_min"][lesion]
    assert np.nanmean(ktrans[lesion]) == pytest.approx(expected.mean(), rel=0.1)
    assert np.corrcoef(ktrans[lesion], expected)[0, 1] > 0.95


def test_the_interval_of_muscle_holds_the_truth(found: dict[str, Any]) -> None:
    concentration = found["concentration"]
    row = kinetics_of_areas(
        concentration, found["input"], area(found["muscle"], concentration),
        model="Tofts",
    ).summary.data.iloc[0]  # fmt: skip
    # One per cent is what the input adds that is known only once a frame.
    assert row["ktrans_low_per_min"] < 0.05 * 1.01
    assert row["ktrans_high_per_min"] > 0.05 * 0.99
    assert row["ve_low"] < 0.12 * 1.01
    assert row["ve_high"] > 0.12 * 0.99
