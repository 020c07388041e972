from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk  # noqa: N813
from scipy import integrate, ndimage, optimize

from nanoscape import io
from nanoscape.phantom.animal import Animal
from nanoscape.phantom.instruments import dce
from nanoscape.phantom.lesion import make_lesion

DCE = dce.Dce()
BEFORE = 8


@pytest.fixture(scope="module")
def animal() -> Animal:
    return Animal("m1_l1", 21, make_lesion(21))


@pytest.fixture(scope="module")
def folder(animal: Animal, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dce")
    dce.write(folder / "dce.nii", animal, DCE)
    dce.write_t1(folder / "t1.nii", animal, DCE)
    dce.write_input(folder / "input.csv", animal, DCE)
    return folder


@pytest.fixture(scope="module")
def frames(folder: Path) -> np.ndarray:
    """Samples through nibabel, ``(t, z, y, x)``."""
    return np.asarray(nib.load(folder / "dce.nii").dataobj).T.astype(float)


@pytest.fixture(scope="module")
def muscle(animal: Animal) -> np.ndarray:
    places = DCE.voxels.places()
    deep = np.hypot(places[..., 0] / 13, places[..., 1] / 11) < 0.75
    hole = ndimage.binary_dilation(dce.hole(animal, DCE), iterations=2)
    return deep & (animal.lesion.depth(places) < -0.5) & ~hole


def test_files_open_with_the_stated_geometry(folder: Path, frames: np.ndarray) -> None:
    image = sitk.ReadImage(str(folder / "dce.nii"))
    assert image.GetSize() == (*DCE.voxels.shape[::-1], DCE.frames)
    spacing = (*DCE.voxels.size_mm[::-1], DCE.frame_s)
    assert image.GetSpacing() == pytest.approx(spacing)
    assert image.GetOrigin()[:3] == pytest.approx(DCE.voxels.first_mm[::-1])
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), frames)
    ours = io.read(folder / "dce.nii")[0]
    np.testing.assert_array_equal(np.asarray(ours.data), frames)
    assert ours.times == pytest.approx(DCE.time_s)


def test_noise_is_that_of_magnitudes(frames: np.ndarray, animal: Animal) -> None:
    """Twice the variance in air, as Rayleigh says, and once where signal is high."""
    places = DCE.voxels.places()
    air = np.hypot(places[..., 0] / 13, places[..., 1] / 11) > 1.2
    many = air.sum() * DCE.frames
    power = (frames[:, air] ** 2).mean() / DCE.noise**2
    assert power == pytest.approx(2, abs=5 * 2 / np.sqrt(many) + 1 / 12 / 25**2)
    late = list(dce.seen(animal, DCE))[30]
    bright = late > 20 * DCE.noise
    rest = (frames[30] - late)[bright] / DCE.noise
    assert rest.var() == pytest.approx(1, abs=5 * np.sqrt(2 / bright.sum()))


def test_the_point_spread_comes_back_from_the_mean_frame(
    frames: np.ndarray, animal: Animal
) -> None:
    sharp = DCE.voxels.means(dce.echo(dce.tissue(animal, DCE)["t1_s"], DCE), 2)
    keep = ~ndimage.binary_dilation(dce.hole(animal, DCE), iterations=2)
    keep &= sharp > 0.2 * sharp.max()
    image = frames[:BEFORE].mean(axis=0)

    def miss(fwhm: float) -> float:
        sigma = fwhm / np.sqrt(8 * np.log(2)) / np.array(DCE.voxels.size_mm)
        return float((ndimage.gaussian_filter(sharp, sigma) - image)[keep].std())

    found = optimize.minimize_scalar(miss, bounds=(0.3, 2.0), method="bounded").x
    assert found == pytest.approx(DCE.fwhm_mm, rel=0.03)


def test_ktrans_and_ve_come_back_from_signal_input_and_t1(
    frames: np.ndarray, folder: Path, muscle: np.ndarray
) -> None:
    """With the echo inverted and Tofts' integral done by the trapezoid rule."""
    t1 = np.asarray(nib.load(folder / "t1.nii").dataobj).T[muscle].mean() / 1e3
    signal = frames[:, muscle].mean(axis=1)
    angle, tr = np.deg2rad(DCE.flip_deg), DCE.repetition_s
    e0 = np.exp(-tr / t1)
    before = signal[:BEFORE].mean()
    s = signal / before * (1 - e0) / (1 - np.cos(angle) * e0)
    e = (1 - s) / (1 - np.cos(angle) * s)
    agent = (-np.log(e) / tr - 1 / t1) / DCE.relaxivity
    table = pd.read_csv(folder / "input.csv")
    time = table["time_s"].to_numpy()
    np.testing.assert_allclose(table["plasma_mM"], dce.plasma(DCE, time), atol=1e-6)
    fine = np.arange(0, time[-1] + 0.05, 0.1)
    plasma = dce.plasma(DCE, fine)

    def tofts(when: np.ndarray, ktrans: float, ve: float) -> np.ndarray:
        back = ktrans / 60 / ve
        grown = integrate.cumulative_trapezoid(
            plasma * np.exp(back * fine), fine, initial=0
        )
        return np.interp(when, fine, ktrans / 60 * grown * np.exp(-back * fine))

    (ktrans, ve), _ = optimize.curve_fit(tofts, time, agent, (0.1, 0.2))
    assert ktrans == pytest.approx(DCE.ktrans_per_min[0], rel=0.03)
    assert ve == pytest.approx(DCE.ve[0], rel=0.03)


def test_the_signal_is_lost_where_the_mask_says(
    frames: np.ndarray, animal: Animal, muscle: np.ndarray
) -> None:
    lost = dce.truth(animal, DCE)["artefacts"] > 0
    assert lost.sum() > 40
    assert frames[:, lost].mean() < 0.2 * frames[:, muscle].mean()


def test_the_same_seed_gives_the_same_bytes(
    folder: Path, animal: Animal, tmp_path: Path
) -> None:
    dce.write(tmp_path / "dce.nii", animal, DCE)
    dce.write_t1(tmp_path / "t1.nii", animal, DCE)
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (folder / path.name).read_bytes()
