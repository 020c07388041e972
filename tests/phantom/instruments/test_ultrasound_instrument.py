from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813
from scipy import ndimage, optimize

from nanoscape import io
from nanoscape.compute import Threads, using
from nanoscape.model import Image
from nanoscape.phantom.animal import Animal
from nanoscape.phantom.instruments import ultrasound, ultrasound_scan
from nanoscape.phantom.instruments.speckle import Spread, scatterers
from nanoscape.phantom.instruments.ultrasound_plane import GEL_MM, Anatomy, plane_of
from nanoscape.phantom.instruments.ultrasound_scan import Scan, bolus, motion
from nanoscape.phantom.instruments.ultrasound_settings import Ultrasound
from nanoscape.phantom.lesion import make_lesion

US = Ultrasound(shape=(256, 224), frames=90, gated=True, drift_mm=(0.0, 0.0))
"""Without motion, so that a pixel has one curve."""

MOVING = Ultrasound(shape=(256, 224), frames=12)


@pytest.fixture(scope="module")
def animal() -> Animal:
    return Animal("m1_l1", 21, make_lesion(21))


@pytest.fixture(scope="module")
def path(animal: Animal, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ultrasound") / "contrast.dcm"
    ultrasound.write(path, animal, US, None, "contrast")
    return path


@pytest.fixture(scope="module")
def intensity(path: Path) -> np.ndarray:
    """The linear intensity of all frames, by the file's own table."""
    return linear(path, US.white[1])


@pytest.fixture(scope="module")
def mean(animal: Animal) -> np.ndarray:
    """What it would be without speckle."""
    scan = Scan(animal, US, "contrast")
    return np.stack([scan.expected(frame) for frame in range(US.frames)])


@pytest.fixture(scope="module")
def truth(animal: Animal) -> dict[str, np.ndarray]:
    return {name: m[0] for name, m in ultrasound.truth(animal, US).items()}


@pytest.fixture(scope="module")
def block(animal: Animal, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """The linear intensity of an even block, as laboratories scan one for tests."""
    path = tmp_path_factory.mktemp("block") / "contrast.dcm"
    us = dataclasses.replace(US, range_db=(60.0, 60.0))

    def even(_: Animal, depth_mm: np.ndarray, lateral_mm: np.ndarray) -> Anatomy:
        one = np.ones((len(depth_mm), len(lateral_mm)))
        below = np.maximum(depth_mm - GEL_MM, 0)[:, None] * one
        none = np.zeros(one.shape)
        return Anatomy(one, below, none > 0, none, 0.4 * one, 14.0 * one, 5.0 * one)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ultrasound_scan, "anatomy", even)
        ultrasound.write(path, animal, us, None, "contrast")
    return linear(path, us.white[1])


def linear(path: Path, white: float) -> np.ndarray:
    """Undo the logarithm through pydicom and the calibration of the region."""
    found = pydicom.dcmread(path)
    (region,) = found.SequenceOfUltrasoundRegions
    assert region.PixelComponentPhysicalUnits == 2  # decibel
    decibel = np.interp(
        found.pixel_array, region.TableOfXBreakPoints, region.TableOfYBreakPoints
    )
    return white * 10 ** (decibel / 10)


def in_range(mean: np.ndarray, number: int) -> np.ndarray:
    """Tell where hardly any speckle is cut off by white or by black."""
    decibel = 10 * np.log10(mean / US.white[number])
    return (decibel > 24 - US.range_db[number]) & (decibel < -10)


def test_the_file_opens_with_the_stated_geometry(path: Path) -> None:
    found = pydicom.dcmread(path)
    assert found.SOPClassUID.name == "Ultrasound Multi-frame Image Storage"
    assert found.pixel_array.shape == (90, 256, 224)
    assert found.pixel_array.dtype == np.uint8
    (region,) = found.SequenceOfUltrasoundRegions
    assert region.PhysicalDeltaX == region.PhysicalDeltaY == pytest.approx(0.004)
    assert float(found.FrameTime) == pytest.approx(1370)
    image = sitk.ReadImage(str(path))
    assert image.GetSize() == (224, 256, 90)
    assert image.GetSpacing()[:2] == pytest.approx((0.04, 0.04))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), found.pixel_array)
    (ours,) = io.read(path)
    assert isinstance(ours, Image)
    np.testing.assert_array_equal(np.asarray(ours.data), found.pixel_array)
    assert ours.spacing == pytest.approx({"y": 40.0, "x": 40.0})
    assert ours.times == pytest.approx(US.time_s)
    assert ours.tags["modality"] == "US"


def test_speckle_is_fully_developed(intensity: np.ndarray, mean: np.ndarray) -> None:
    """Before the logarithm amplitudes are Rayleigh and intensities exponential."""
    frames = slice(20, None)
    ratio = (intensity[frames] / mean[frames])[in_range(mean[frames], 1)]
    assert ratio.size > 500_000
    amplitude = np.sqrt(ratio)
    snr = np.sqrt(np.pi / (4 - np.pi))
    assert snr == pytest.approx(1.91, abs=0.005)
    assert amplitude.mean() / amplitude.std() == pytest.approx(snr, rel=0.01)
    assert ratio.mean() == pytest.approx(1, abs=0.01)
    for part in (0.1, 0.5, 0.9):
        assert np.quantile(ratio, part) == pytest.approx(-np.log(1 - part), rel=0.04)


@pytest.mark.parametrize("depth_mm", [5.0, 8.5])
def test_the_point_spread_is_measured_back_from_speckle(
    block: np.ndarray, depth_mm: float
) -> None:
    """Intensities correlate as exp(−d² / 2σ²), σ that of the amplitude's spread."""
    row = round(depth_mm / US.pixel_mm)
    # While there are many bubbles and noise hardly counts.
    band = block[15:55, row - 25 : row + 25]
    ratio = band / band.mean(axis=(1, 2), keepdims=True) - 1

    def sigma(axis: int, lag: int) -> float:
        moved = np.moveaxis(ratio, axis, 0)
        shared = (moved[:-lag] * moved[lag:]).mean() / ratio.var()
        return float(lag / np.sqrt(-2 * np.log(shared)) * US.pixel_mm)

    fwhm = np.sqrt(8 * np.log(2))
    assert fwhm * sigma(1, 1) == pytest.approx(US.axial_mm, rel=0.05)
    stated = 0.26 * np.sqrt(1 + ((depth_mm - 5) / 4) ** 2)
    assert fwhm * sigma(2, 3) == pytest.approx(stated, rel=0.05)


def test_attenuation_is_made_up_for_as_far_as_stated(block: np.ndarray) -> None:
    rows = (US.depth_mm > GEL_MM + 1) & (US.depth_mm < 9.5)
    level = 10 * np.log10(block[14:, rows].mean(axis=(0, 2)))
    slope = np.polyfit(US.depth_mm[rows], level, 1)[0]
    stated = -2 * (US.attenuation_db_mm - US.gain_db_mm)
    assert slope == pytest.approx(stated, abs=0.02)


def test_the_curve_of_a_block_is_the_bolus(block: np.ndarray) -> None:
    rows = (US.depth_mm > 4) & (US.depth_mm < 6)
    curve = block[:, rows].mean(axis=(1, 2))
    deep = US.depth_mm[rows] - GEL_MM
    seen = 10 ** (-0.2 * (US.attenuation_db_mm - US.gain_db_mm) * deep)

    def model(t: np.ndarray, rbv: float, transit: float, start: float) -> np.ndarray:
        bubbles = rbv * US.bubbles * bolus(t - start, np.float64(transit), US)
        return (bubbles + US.tissue_left) * seen.mean()

    fitted, _ = optimize.curve_fit(
        model, US.time_s, curve, (1, 10, 13), sigma=curve, bounds=(0, 50)
    )
    assert fitted[0] == pytest.approx(0.4, rel=0.03)
    assert fitted[1] == pytest.approx(14.0, rel=0.03)
    assert fitted[2] == pytest.approx(US.injected_s + 5.0, abs=0.25)


def test_scatterers_are_spread_as_stated() -> None:
    """A single one shows the point spread; many even ones keep their intensity."""
    spread = Spread(1.5, np.linspace(2.0, 5.0, 96), 128)
    one = np.zeros((96, 128))
    one[40, 60] = 1.0
    shown = np.abs(spread.field(np.fft.fft2(one), (3.25, -2.0)))
    y, x = ndimage.center_of_mass(shown)
    assert y == pytest.approx(43.25, abs=0.1)  # rows below have a wider spread
    assert x == pytest.approx(58, abs=1e-6)
    row = shown[43]
    across = np.sqrt((row * (np.arange(128) - 58) ** 2).sum() / row.sum())
    assert across == pytest.approx(spread.lateral[43], rel=1e-3)
    generator = np.random.default_rng(1)
    power = [
        (
            np.abs(spread.field(np.fft.fft2(scatterers(generator, one.shape)))) ** 2
        ).mean()
        for _ in range(50)
    ]
    assert np.mean(power) == pytest.approx(1, abs=5 * np.std(power) / np.sqrt(50))
    assert np.std(power) < 0.15
    np.testing.assert_allclose(spread.mean(np.ones((96, 128))), 1, rtol=1e-9)


def test_receiver_noise_is_as_stated(animal: Animal, tmp_path: Path) -> None:
    """In the gel, shown with a wide range; deeper it is multiplied by the gain."""
    us = dataclasses.replace(US, frames=4, range_db=(90.0, 90.0), tissue_left=1e-9)
    us = dataclasses.replace(us, bubbles=0.0)
    path = tmp_path / "noise.dcm"
    ultrasound.write(path, animal, us, None, "contrast")
    found = linear(path, us.white[1])
    for first, last in ((0.0, 1.2), (4.0, 4.4), (9.0, 9.4)):
        rows = (us.depth_mm >= first) & (us.depth_mm < last)
        part = found[:, rows]
        deep = max((first + last) / 2 - GEL_MM, 0.0)
        stated = us.noise[1] * 10 ** (0.2 * us.gain_db_mm * deep)
        # The gain within 0.4 mm is 1.16, and even to either side.
        assert part.mean() == pytest.approx(stated, rel=0.015 + 5 / np.sqrt(part.size))
        amplitude = np.sqrt(part)
        assert amplitude.mean() / amplitude.std() == pytest.approx(1.913, rel=0.03)


def test_the_bolus_has_the_stated_area_and_mean() -> None:
    us = Ultrasound(recirculation=0.0)
    time = np.arange(0, 2000, 0.01)
    for transit in (6.0, 25.0):
        curve = bolus(time, np.float64(transit), us)
        area = curve.sum() * 0.01
        assert area == pytest.approx(us.bolus_s, rel=1e-4)
        assert (curve * time).sum() * 0.01 / area == pytest.approx(transit, rel=1e-3)
    assert bolus(np.array([-1.0, 0.0]), np.float64(9.0), us).tolist() == [0, 0]
    late = bolus(np.array([100.0]), np.float64(9.0), Ultrasound())
    plateau = 0.12 * (1 - np.exp(-100 / 15)) * np.exp(-100 / 180)
    assert late == pytest.approx(plateau, abs=1e-4)


def test_volumes_of_the_animal_are_measured_back(
    intensity: np.ndarray, truth: dict[str, np.ndarray]
) -> None:
    """Areas under curves, gain and tissue taken away, by parts of the image."""
    gain = 10 ** (0.2 * US.gain_db_mm * np.maximum(US.depth_mm - GEL_MM, 0))
    inside = (US.depth_mm[:, None] > GEL_MM + 1) & (US.depth_mm[:, None] < 8)
    depth = truth["lesion_depth"]
    found = []
    for part in ((depth > 0.02) & (depth < 0.2), depth == 0):
        patch = part & inside & (truth["artefacts"] == 0)
        curve = (intensity / gain[:, None])[:, patch].mean(axis=1)
        area = (curve[8:] - curve[:8].mean()).sum() * US.step_s
        rest = US.time_s[-1] - US.injected_s
        since = np.arange(0, rest - 4, 0.1)
        transit = np.median(truth["transit_s"][patch])
        whole = bolus(since, transit, US).sum() * 0.1
        stated = (truth["bubbles_per_bolus"][patch]).mean() * whole
        found.append((area, stated))
    for area, stated in found:
        assert area == pytest.approx(stated, rel=0.1)
    assert found[0][0] > 3 * found[1][0]


def test_the_core_enhances_late_and_little(truth: dict[str, np.ndarray]) -> None:
    core, rim = truth["lesion_depth"] > 0.65, truth["lesion_depth"].astype(bool)
    rim &= truth["lesion_depth"] < 0.15
    assert truth["rbv"][core].mean() < 0.3 * truth["rbv"][rim].mean()
    flows = truth["rbv"] > 0.05
    late = truth["arrival_s"]
    assert late[core].max() > late[rim & flows].mean() + 4


def test_motion_is_measured_back_from_tissue(animal: Animal, tmp_path: Path) -> None:
    """By the peak of the correlation of frames with the first one."""
    path = tmp_path / "bmode.dcm"
    ultrasound.write(path, animal, MOVING, None, "bmode")
    frames = pydicom.dcmread(path).pixel_array.astype(float)[:, 90:230, 20:-20]
    frames -= frames.mean(axis=(1, 2), keepdims=True)
    first = np.conj(np.fft.fft2(frames[0]))
    moved = motion(animal, MOVING) / MOVING.pixel_mm
    assert np.ptp(moved[:, 0]) > 5
    for frame, true in zip(frames[1:], moved[1:], strict=True):
        match = np.fft.ifft2(np.fft.fft2(frame) * first).real
        peak = np.array(np.unravel_index(match.argmax(), match.shape))
        for axis in (0, 1):
            line = [
                match[tuple((peak + k * np.eye(2, dtype=int)[axis]) % match.shape)]
                for k in (-1, 0, 1)
            ]
            rest = (line[0] - line[2]) / (2 * (line[0] - 2 * line[1] + line[2]))
            whole = (peak[axis] + 50) % match.shape[axis] - 50
            assert whole + rest == pytest.approx(true[axis] - moved[0][axis], abs=0.4)


def test_gated_frames_are_taken_at_rest(animal: Animal) -> None:
    us = dataclasses.replace(MOVING, gated=True)
    assert us.step_s == pytest.approx(1.37)
    drift = np.linspace(0, 1, us.frames)[:, None] * np.array(us.drift_mm)
    np.testing.assert_allclose(motion(animal, us), drift, atol=1e-9)
    assert np.abs(motion(animal, MOVING)).max() > 0.2


def test_a_calcification_throws_a_shadow(
    animal: Animal, truth: dict[str, np.ndarray], tmp_path: Path
) -> None:
    path = tmp_path / "bmode.dcm"
    ultrasound.write(path, animal, dataclasses.replace(US, frames=2), None, "bmode")
    found = linear(path, US.white[0])[0]
    shadow = truth["artefacts"] > 0
    rows, columns = np.nonzero(shadow)
    lesion = slice(rows.min() + 12, rows.min() + 60)
    left, right = columns.min(), columns.max()
    dark = found[lesion, left + 3 : right - 2].mean()
    beside = np.concatenate(
        [found[lesion, left - 14 : left - 4], found[lesion, right + 4 : right + 14]]
    ).mean()
    lost = -10 * np.log10(dark / beside)
    assert lost == pytest.approx(US.shadow_db, abs=3)
    top = rows.min()
    assert found[top - 3 : top + 1, left:right].max() > 5 * beside


def test_films_are_the_means_of_frames(
    animal: Animal, mean: np.ndarray, intensity: np.ndarray
) -> None:
    few = dataclasses.replace(US, frames=3, frame_s=13.0)
    films = ultrasound.films(animal, few)
    assert films["contrast_intensity"].shape == (3, 64, 56)
    scan = Scan(animal, few, "contrast")
    parts = scan.expected(2).reshape(64, 4, 56, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(films["contrast_intensity"][2], parts, rtol=1e-6)
    # And frames scatter around them.
    peak = mean[10:40].mean(axis=0)
    keep = in_range(peak, 1)
    ratio = intensity[10:40].mean(axis=0)[keep].sum() / peak[keep].sum()
    assert ratio == pytest.approx(1, abs=0.02)


def test_the_plane_passes_through_the_lesion(animal: Animal) -> None:
    plane = plane_of(animal)
    away = animal.lesion.centre - plane.origin
    assert away @ plane.across == pytest.approx(0, abs=1e-9)
    assert away[2] == pytest.approx(0, abs=1e-9)
    told = ultrasound.about(animal, US)
    first = np.array(told["first_voxel_lps_zyx_mm"])
    step = np.array(told["rows_run_along_lps_zyx"])
    middle = first + step * (away @ plane.down - US.depth_mm[0])
    middle += np.array(told["columns_run_along_lps_zyx"]) * -US.across_mm[0]
    there = animal.lesion.centre * [-1, -1, 1]
    np.testing.assert_allclose(middle[::-1], there, atol=1e-9)
    assert len(told["moved_down_mm"]) == US.frames


def test_the_same_seed_gives_the_same_bytes(animal: Animal, tmp_path: Path) -> None:
    us = dataclasses.replace(MOVING, frames=3)
    for name in ("one", "two"):
        with using(Threads(workers=len(name) - 2)):
            ultrasound.write(tmp_path / name, animal, us, None, "bmode")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    other = dataclasses.replace(animal, seed=22)
    ultrasound.write(tmp_path / "other", other, us, None, "bmode")
    assert (tmp_path / "one").read_bytes() != (tmp_path / "other").read_bytes()
