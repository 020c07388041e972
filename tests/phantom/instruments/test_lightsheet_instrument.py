from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import zarr
from scipy import optimize

from nanoscape import io
from nanoscape.compute import Threads, using
from nanoscape.phantom.block import TumourBlock
from nanoscape.phantom.instruments import lightsheet
from nanoscape.phantom.instruments.lightsheet import (
    BLEED,
    CARRIER,
    CHANNELS,
    SHADOW,
    LightSheet,
)
from nanoscape.phantom.instruments.volumes import Map
from nanoscape.phantom.tumour import Tissue

SETTINGS = LightSheet(voxel_um=(8.0, 7.0, 7.0), rayleigh_um=300.0)
TISSUE = CHANNELS.index("autofluorescence")


def photons(block: TumourBlock, settings: LightSheet) -> np.ndarray:
    """Return the photons expected in the whole volume, tile by tile."""
    _, _, height, width = lightsheet.shape_of(block, settings)
    rows = [slice(n, min(n + 64, height)) for n in range(0, height, 64)]
    parts = [
        lightsheet.tile_photons(block, settings, part, slice(0, width)) for part in rows
    ]
    return np.concatenate(parts, axis=2)


@pytest.fixture(scope="module")
def volume(block: TumourBlock, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sheet") / "lightsheet.ome.zarr"
    with using(Threads(workers=1)):
        lightsheet.write(path, block, SETTINGS)
    return path


@pytest.fixture(scope="module")
def counts(volume: Path) -> np.ndarray:
    return zarr.open_array(str(volume / "0"), mode="r")[:].astype(float)


@pytest.fixture(scope="module")
def expected(block: TumourBlock) -> np.ndarray:
    return photons(block, SETTINGS)


@pytest.fixture(scope="module")
def known(block: TumourBlock) -> dict[str, Map]:
    return lightsheet.truth(block, SETTINGS)


def test_the_sheet_measured_on_clusters_is_thinnest_in_the_middle(
    block: TumourBlock, tmp_path: Path
) -> None:
    """Lateral σ, axial σ at the waist, and how it grows from there.

    Without dyes clusters alone are left; those away from each other and from all
    borders are fitted together, with their places known.
    """
    rich = dataclasses.replace(block, level=50.0)
    dark = LightSheet(photons=(0.0, 0.0, 0.0), rayleigh_um=250.0)
    path = tmp_path / "dark.ome.zarr"
    lightsheet.write(path, rich, dark)
    seen = zarr.open_array(str(path / "0"), mode="r")[CARRIER].astype(float)
    view = lightsheet.view_of(rich, dark)
    axes = view.axes()
    light = lightsheet.illumination(rich, dark, view, axes)
    above = (seen - dark.offset - dark.medium) / light / np.prod(dark.voxel_um)
    found = lightsheet.spots(rich, dark, view, axes)
    scaled = found[:, :3] / [found[:, 4].mean(), *[dark.lateral_sigma_um] * 2]
    apart = np.linalg.norm(scaled[:, None] - scaled[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    alone = found[apart.min(axis=1) > 9]
    assert len(alone) > 60
    away, values, weights = [], [], []
    for *place, amount, _ in alone:
        near = np.ix_(
            *(
                np.abs(axis - p) < reach
                for axis, p, reach in zip(axes, place, (26, 14, 14), strict=True)
            )
        )
        offsets = [
            axis[n.ravel()] - p for axis, n, p in zip(axes, near, place, strict=True)
        ]
        grid = np.stack(np.meshgrid(*offsets, indexing="ij")).reshape(3, -1)
        off = np.full(grid.shape[1], place[2] - axes[2][-1] / 2)
        away.append(np.vstack([grid, off]))
        values.append((above[near] / amount).ravel())
        weights.append(np.full(len(off), amount))

    def spread(
        a: np.ndarray, waist: float, rayleigh: float, lateral: float
    ) -> np.ndarray:
        dz, dy, dx, off = a
        axial = waist * np.hypot(1, off / rayleigh)
        height = 1 / ((2 * np.pi) ** 1.5 * axial * lateral**2)
        return height * np.exp(-((dz / axial) ** 2 + (dy**2 + dx**2) / lateral**2) / 2)

    (waist, rayleigh, lateral), _ = optimize.curve_fit(
        spread,
        np.concatenate(away, axis=1),
        np.concatenate(values),
        (6.0, 400.0, 3.0),
        sigma=1 / np.sqrt(np.concatenate(weights)),
    )
    assert waist == pytest.approx(dark.sheet_sigma_um, rel=0.03)
    assert rayleigh == pytest.approx(dark.rayleigh_um, rel=0.06)
    assert lateral == pytest.approx(dark.lateral_sigma_um, rel=0.02)


def test_counts_scatter_as_photons_and_the_camera_do(
    counts: np.ndarray, expected: np.ndarray
) -> None:
    variance = expected + SETTINGS.read_noise**2 + 1 / 12
    for channel, name in enumerate(CHANNELS):
        v = variance[channel]
        excess = (counts[channel] - expected[channel] - SETTINGS.offset) / np.sqrt(v)
        assert abs(excess.mean()) < 5 / np.sqrt(excess.size), name
        fourth = 2 + (expected[channel] / v**2).mean()
        assert abs(excess.var() - 1) < 5 * np.sqrt(fourth / excess.size), name


def test_tissue_shrinks_evenly_and_lies_where_the_map_says(
    block: TumourBlock, counts: np.ndarray
) -> None:
    """Places of the tumour and what shines in the image are the same."""
    view = lightsheet.view_of(block, SETTINGS)
    ends = np.array([[100.0, 300.0, 250.0], [150.0, 700.0, 800.0]])
    length = np.linalg.norm(np.diff(ends, axis=0))
    seen = np.linalg.norm(np.diff(view.into(ends), axis=0))
    assert seen / length == pytest.approx(SETTINGS.shrinkage)
    places = view.places(view.axes())
    solid = block.tumour.shape.depth(places) > 0
    solid &= ((places > 0) & (places < block.tumour.shape.size_um)).all(axis=1)
    shines = counts[TISSUE] > SETTINGS.offset + SETTINGS.medium + 20
    same = shines == solid.reshape(shines.shape)
    assert same.mean() > 0.97


def test_stripes_run_along_the_sheet_behind_what_throws_them(
    block: TumourBlock, known: dict[str, Map], counts: np.ndarray
) -> None:
    shaded = known["artefacts"].values == SHADOW
    assert 0.005 < shaded.mean() < 0.4
    view = lightsheet.view_of(block, SETTINGS)
    left = lightsheet.stripes(block, SETTINGS, view, view.axes())
    whole = left < 0.5
    length = whole.sum(axis=2).max() / whole.sum(axis=1).max()
    assert length > 2
    # The file itself: deep shadows against what lies beside them at the same column.
    light = counts[TISSUE] - SETTINGS.offset - SETTINGS.medium
    places = view.places(view.axes())
    viable = (block.tumour.tissue(places) == Tissue.VIABLE).reshape(light.shape)
    seen = []
    for beside in (-6, 6):
        clear = np.roll((left > 0.97) & viable, beside, axis=1)
        use = whole & viable & clear
        dark = light[use].mean() / left[use].mean()
        seen.append(dark / np.roll(light, beside, axis=1)[use].mean())
    assert np.mean(seen) == pytest.approx(1, abs=0.1)


def test_light_is_lost_on_the_way_to_the_camera(
    counts: np.ndarray, known: dict[str, Map]
) -> None:
    """The slope of the logarithm, against light of no loss."""
    light, inside = known["light"].values, known["tissue"].values == Tissue.VIABLE
    whole = (known["photons"].values[TISSUE] - SETTINGS.medium) / light
    seen = counts[TISSUE, :, ::2, ::2] - SETTINGS.offset - SETTINGS.medium
    planes = np.array([n for n in range(8, 28) if inside[n].sum() > 500])
    assert len(planes) > 12
    left = [seen[n][inside[n]].mean() / whole[n][inside[n]].mean() for n in planes]
    slope = np.polyfit(planes * SETTINGS.voxel_um[0], np.log(left), 1)[0]
    assert slope == pytest.approx(-1 / SETTINGS.depth_loss_um, rel=0.15)


def test_autofluorescence_leaks_into_other_channels(
    block: TumourBlock, expected: np.ndarray
) -> None:
    part = slice(64, 100), slice(0, expected.shape[3])
    none = dataclasses.replace(SETTINGS, photons=(*SETTINGS.photons[:2], 0.0))
    lost = expected[:, :, part[0]] - lightsheet.tile_photons(block, none, *part)
    # Tiles begin elsewhere, so that sums differ in their last digits.
    for channel in range(3):
        share = BLEED[channel, TISSUE] * lost[TISSUE]
        np.testing.assert_allclose(lost[channel], share, atol=1e-6)
    assert BLEED[0, TISSUE] == 0.25


def test_vessels_are_where_the_truth_says(
    block: TumourBlock, counts: np.ndarray, known: dict[str, Map]
) -> None:
    view = lightsheet.view_of(block, SETTINGS)
    wall = block.tumour.distance(view.places(view.axes()), "all", 60.0)
    lumen = known["segment"].values > 0
    np.testing.assert_array_equal(lumen, wall.reshape(lumen.shape) < 0)
    seen = counts[0] - SETTINGS.offset
    assert seen[lumen].mean() > 4 * seen[wall.reshape(lumen.shape) > 40].mean()


def test_zarr_alone_reads_the_volume_with_its_geometry(
    volume: Path, block: TumourBlock
) -> None:
    group = zarr.open_group(str(volume), mode="r")
    ome = group.attrs["ome"]
    (scales,) = ome["multiscales"]
    assert ome["version"] == "0.5"
    assert [axis["name"] for axis in scales["axes"]] == list("czyx")
    assert {axis.get("unit") for axis in scales["axes"][1:]} == {"micrometer"}
    steps = [d["coordinateTransformations"][0]["scale"] for d in scales["datasets"]]
    assert steps == [[1, 8, 7, 7], [1, 8, 14, 14]]
    assert scales["datasets"][1]["coordinateTransformations"][1] == {
        "type": "translation",
        "translation": [0, 0, 3.5, 3.5],
    }
    assert [c["label"] for c in ome["omero"]["channels"]] == list(CHANNELS)
    whole, half = group["0"], group["1"]
    assert whole.shape == lightsheet.shape_of(block, SETTINGS)
    assert whole.dtype == np.uint16
    assert whole.metadata.dimension_names == tuple("czyx")
    four = whole[1, 10, 40:42, 60:62].mean()
    assert half[1, 10, 20, 30] == pytest.approx(four, abs=0.51)
    group = io.read(volume)[0]
    assert [image.name for image in group.images] == list(CHANNELS)
    assert tuple(group["carrier"].spacing.values()) == pytest.approx((8, 7, 7))


def test_the_same_bytes_for_any_workers(
    volume: Path, block: TumourBlock, tmp_path: Path
) -> None:
    again = tmp_path / "lightsheet.ome.zarr"
    with using(Threads(workers=2, block_shape=(5, 70, 33))):
        lightsheet.write(again, block, SETTINGS)
    files = [p.relative_to(volume) for p in volume.rglob("*") if p.is_file()]
    assert len(files) > 6
    for name in files:
        assert (again / name).read_bytes() == (volume / name).read_bytes(), name


def test_the_truth_is_that_of_the_tumour(
    block: TumourBlock, known: dict[str, Map], expected: np.ndarray
) -> None:
    view = lightsheet.view_of(block, SETTINGS)
    at = (12, 30, 30)
    place = np.array(at) * lightsheet.SUPPORT * np.array(view.pitch_um)
    there = (view.scale * view.rotation @ place + view.shift)[None]
    found = known["carrier"].values[at]
    assert found == pytest.approx(block.tumour.value("carrier", there)[0])
    near = known["distance_perfused_um"].values[at]
    assert near == pytest.approx(block.tumour.distance(there, "perfused")[0])
    np.testing.assert_allclose(known["photons"].values, expected[:, :, ::2, ::2])
    assert math.isclose(view.scale, 1 / SETTINGS.shrinkage)
