from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import optimize

from nanoscape import io
from nanoscape.compute import Threads, using
from nanoscape.phantom.block import TumourBlock
from nanoscape.phantom.instruments import confocal
from nanoscape.phantom.instruments.confocal import (
    BLEED,
    CARRIER,
    CHANNELS,
    LARGEST,
    SUPPORT,
    Confocal,
)
from nanoscape.phantom.instruments.volumes import Map

SETTINGS = Confocal(shape=(10, 180, 200), relative_depth=0.2, gain=32.0)
EVERYWHERE = slice(None), slice(None)


def written(path: Path, block: TumourBlock, settings: Confocal) -> np.ndarray:
    """Write a stack and return its grey values above the offset."""
    with using(Threads(workers=1)):
        confocal.write(path, block, settings)
    return tifffile.imread(path).reshape(len(CHANNELS), *settings.shape)


def photons(block: TumourBlock, settings: Confocal) -> np.ndarray:
    _, rows, columns = settings.shape
    return confocal.tile_photons(block, settings, slice(0, rows), slice(0, columns))


@pytest.fixture(scope="module")
def stack(block: TumourBlock, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("confocal") / "confocal.ome.tif"
    written(path, block, SETTINGS)
    return path


@pytest.fixture(scope="module")
def grey(stack: Path) -> np.ndarray:
    return tifffile.imread(stack).reshape(len(CHANNELS), *SETTINGS.shape)


@pytest.fixture(scope="module")
def expected(block: TumourBlock) -> np.ndarray:
    return photons(block, SETTINGS)


@pytest.fixture(scope="module")
def known(block: TumourBlock) -> dict[str, Map]:
    return confocal.truth(block, SETTINGS)


def test_the_point_spread_measured_on_spots_is_the_stated_one(
    block: TumourBlock, tmp_path: Path
) -> None:
    """Axial and lateral σ, and the shift of lines that are scanned backwards.

    Without dyes spots alone are left; those away from each other and from all borders
    are fitted together, with their places known.
    """
    rich = dataclasses.replace(block, level=30.0)
    dark = dataclasses.replace(SETTINGS, photons=(0.0,) * 5, gain=16.0)
    dark = dataclasses.replace(dark, shape=(20, 230, 230))
    seen = written(tmp_path / "dark.ome.tif", rich, dark)[CARRIER] - dark.offset
    light = confocal.illumination(block, dark, *EVERYWHERE)[CARRIER]
    view = confocal.view_of(rich, dark)
    axes = z, y, x = view.axes()
    found = confocal.spots(rich, dark, view, axes)
    where, high = found[:, :3], np.array([z[-1], y[-1], x[-1]])
    scaled = where / [dark.axial_sigma_um, *[dark.lateral_sigma_um] * 2]
    apart = np.linalg.norm(scaled[:, None] - scaled[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    inside = ((where > [4, 3, 3]) & (where < high - [4, 3, 3])).all(axis=1)
    alone = found[inside & (apart.min(axis=1) > 8.5)]
    assert len(alone) > 70
    away, values, weights = [], [], []
    for at_z, at_y, at_x, amount, _ in alone:
        near = np.ix_(
            *(
                np.abs(a - p) < r
                for a, p, r in zip(
                    axes, (at_z, at_y, at_x), (6.0, 2.5, 2.5), strict=True
                )
            )
        )
        back = np.broadcast_to(np.arange(len(y))[:, None] % 2, seen.shape)[near]
        places = np.meshgrid(*(a.ravel() for a in near), indexing="ij")
        size = np.prod(dark.voxel_um)
        away.append(
            np.stack(
                [
                    places[0] * dark.voxel_um[0] - at_z,
                    places[1] * dark.voxel_um[1] - at_y,
                    places[2] * dark.voxel_um[2] - at_x,
                    back,
                ]
            ).reshape(4, -1)
        )
        counted = seen[near] / dark.gain / light[near]
        values.append(((counted - 1.3) / amount / size).ravel())
        weights.append(np.full(counted.size, amount))

    def spread(
        a: np.ndarray, amount: float, axial: float, lateral: float, shift: float
    ) -> np.ndarray:
        dz, dy, dx, back = a
        height = amount / ((2 * np.pi) ** 1.5 * axial * lateral**2)
        wide = (dy**2 + (dx + shift * back) ** 2) / lateral**2
        return height * np.exp(-((dz / axial) ** 2 + wide) / 2)

    (amount, axial, lateral, shift), _ = optimize.curve_fit(
        spread,
        np.concatenate(away, axis=1),
        np.concatenate(values),
        (1.0, 1.0, 0.6, 0.0),
        sigma=1 / np.sqrt(np.concatenate(weights)),
    )
    assert axial == pytest.approx(dark.axial_sigma_um, rel=0.02)
    assert lateral == pytest.approx(dark.lateral_sigma_um, rel=0.02)
    assert shift == pytest.approx(dark.line_shift_um, abs=0.01)
    assert amount == pytest.approx(1.0, abs=0.05)


def test_grey_values_scatter_as_stated(grey: np.ndarray, expected: np.ndarray) -> None:
    """Poisson times the gain, the detector's noise and rounding, in each channel."""
    mean = SETTINGS.gain * expected + SETTINGS.offset
    variance = SETTINGS.gain**2 * expected + SETTINGS.read_noise**2 + 1 / 12
    fits = mean + 6 * np.sqrt(variance) < LARGEST
    for channel, name in enumerate(CHANNELS):
        use = fits[channel]
        assert use.mean() > 0.5
        v, light = variance[channel][use], expected[channel][use]
        excess = (grey[channel][use] - mean[channel][use]) / np.sqrt(v)
        assert abs(excess.mean()) < 5 / np.sqrt(excess.size), name
        # A squared deviate varies by 2 and the fourth cumulant of Poisson's law.
        fourth = 2 + (SETTINGS.gain**4 * light / v**2).mean()
        assert abs(excess.var() - 1) < 5 * np.sqrt(fourth / excess.size), name


def test_light_is_lost_with_depth_and_bleached(
    block: TumourBlock, grey: np.ndarray, expected: np.ndarray
) -> None:
    """The slope of the logarithm from plane to plane, against light of no loss."""
    light = confocal.illumination(block, SETTINGS, *EVERYWHERE)
    plane = np.arange(SETTINGS.shape[0])
    for channel in (0, 1):
        above = grey[channel] - SETTINGS.offset
        whole = (expected / light)[channel]
        left = above.mean(axis=(1, 2)) / whole.mean(axis=(1, 2))
        slope = np.polyfit(plane, np.log(left), 1)[0]
        stated = -SETTINGS.voxel_um[0] / SETTINGS.attenuation_um[channel]
        stated += np.log(1 - SETTINGS.bleaching[channel])
        assert slope == pytest.approx(stated, rel=0.05)
    corner, middle = light[0, :, 0, 0].mean(), light[0, :, 90, 100].mean()
    assert corner / middle == pytest.approx(1 - SETTINGS.vignette, abs=0.03)


def test_light_leaks_into_other_detectors_as_stated(
    block: TumourBlock, expected: np.ndarray
) -> None:
    none = dataclasses.replace(SETTINGS, photons=(*SETTINGS.photons[:4], 0.0))
    light = confocal.illumination(block, SETTINGS, *EVERYWHERE)
    lost = (expected - photons(block, none)) / light
    assert lost[-1].max() > 10
    for channel in range(len(CHANNELS)):
        share = BLEED[channel, -1] * lost[-1]
        np.testing.assert_allclose(lost[channel], share, atol=1e-9)
    assert BLEED[CHANNELS.index("CD31"), -1] == 0.12


def test_walls_and_lumens_are_where_the_truth_says(
    block: TumourBlock, known: dict[str, Map], grey: np.ndarray
) -> None:
    view = confocal.view_of(block, SETTINGS)
    shape = SETTINGS.shape
    wall = block.tumour.distance(view.places(view.axes())).reshape(shape)
    lumen, flows = known["segment"].values > 0, known["perfused"].values > 0
    np.testing.assert_array_equal(lumen, wall < 0)
    assert (lumen & flows).any()
    cd31, lectin = grey[CHANNELS.index("CD31")], grey[CHANNELS.index("lectin")]
    far, at = np.median(cd31[wall > 20]), np.median(cd31[np.abs(wall) < 0.3])
    assert at > 3 * far
    assert np.median(cd31[wall < -2.5]) < at / 3
    assert np.median(lectin[flows]) > 3 * np.median(lectin[wall > 20])


def test_saturated_voxels_are_in_the_mask(
    known: dict[str, Map], grey: np.ndarray, expected: np.ndarray
) -> None:
    assert grey.max() == LARGEST
    np.testing.assert_allclose(known["photons"].values, expected[:, :, ::4, ::4])
    beyond = known["artefacts"].values > 0
    seen = (grey[:, :, ::4, ::4] > 3000).any(axis=0)
    assert beyond.any()
    assert seen[beyond].mean() > 0.98


def test_the_file_states_its_geometry(stack: Path) -> None:
    with tifffile.TiffFile(stack) as tiff:
        assert tiff.is_ome
        assert tiff.series[0].axes == "CZYX"
        assert tiff.series[0].shape == (5, *SETTINGS.shape)
        assert tiff.series[0].dtype == np.uint16
        described = tiff.ome_metadata or ""
    for axis, size in zip("ZYX", SETTINGS.voxel_um, strict=True):
        assert f'PhysicalSize{axis}="{size}"' in described
        assert f'PhysicalSize{axis}Unit="µm"' in described
    group = io.read(stack)[0]
    assert [image.name for image in group.images] == list(CHANNELS)
    assert tuple(group["CD31"].spacing.values()) == pytest.approx(SETTINGS.voxel_um)


def test_the_same_bytes_for_any_workers(
    stack: Path, block: TumourBlock, tmp_path: Path
) -> None:
    again = tmp_path / "again.ome.tif"
    with using(Threads(workers=2, block_shape=(5, 70, 33))):
        confocal.write(again, block, SETTINGS)
    assert again.read_bytes() == stack.read_bytes()


def test_the_truth_is_that_of_the_tumour(
    block: TumourBlock, known: dict[str, Map]
) -> None:
    view = confocal.view_of(block, SETTINGS)
    at = (5, 20, 30)
    place = np.array(at) * SUPPORT * np.array(view.pitch_um)
    there = (view.rotation @ place + view.shift)[None]
    assert known["carrier"].values[at] == block.tumour.value("carrier", there)[0]
    near = known["distance_perfused_um"].values[at]
    assert near == pytest.approx(block.tumour.distance(there, "perfused")[0])
    assert there[0, 0] == pytest.approx(SETTINGS.top_um + 5 * 1.5)
