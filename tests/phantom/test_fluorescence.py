from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import tifffile

from nanoscape.compute import Cancelled, Task, Threads, using
from nanoscape.phantom import make_slide, particles
from nanoscape.phantom.areas import depth_on_grid
from nanoscape.phantom.fluorescence import (
    CAMERA_OFFSET,
    CHANNELS,
    TILE,
    Scanner,
    expected_photons,
    illumination,
    render_tile,
)
from nanoscape.phantom.scene import Section, make_section


@pytest.mark.slow
def test_the_same_bytes_for_any_workers_and_block_shape(tmp_path: Path) -> None:
    written = []
    for number, executor in enumerate(
        [Threads(workers=1), Threads(workers=2, block_shape=(130, 217))]
    ):
        path = tmp_path / str(number) / "slide.ome.tif"
        with using(executor):
            make_slide(path, size=700, seed=5)
        written.append(path.read_bytes())
    assert written[0] == written[1]
    other = tmp_path / "other.ome.tif"
    make_slide(other, size=700, seed=6)
    assert other.read_bytes() != written[0]


def test_the_file_opens_as_a_pyramid_with_its_geometry(tmp_path: Path) -> None:
    path = tmp_path / "slide.ome.tif"
    make_slide(path, size=1300, seed=1, pixel_um=0.8)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_ome
        series = tiff.series[0]
        assert series.axes == "CYX"
        assert [level.shape for level in series.levels] == [
            (4, 1300, 1300),
            (4, 650, 650),
        ]
        assert series.keyframe.tile == (TILE, TILE)
        ome = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]["Pixels"]
        fine, coarse = (level.asarray() for level in series.levels)
    assert ome["PhysicalSizeX"] == ome["PhysicalSizeY"] == 0.8
    assert ome["PhysicalSizeXUnit"] == "µm"
    assert tuple(channel["Name"] for channel in ome["Channel"]) == CHANNELS
    mean = fine.reshape(4, 650, 2, 650, 2).mean(axis=(2, 4))
    assert np.abs(coarse - mean).max() <= 0.5
    assert list(tmp_path.iterdir()) == [path]


def test_tiles_join_without_a_seam(section: Section, scanner: Scanner) -> None:
    left, right = (
        render_tile(section, scanner, 1, n, noise=False) - CAMERA_OFFSET for n in (1, 2)
    )
    joined = np.concatenate([left[:, :, -40:], right[:, :, :40]], axis=2)
    rows = np.arange(TILE, 2 * TILE)
    columns = np.arange(2 * TILE - 40, 2 * TILE + 40)
    halo = scanner.halo
    wide = np.arange(columns[0] - halo, columns[-1] + halo + 1) * scanner.pixel_um
    high = np.arange(rows[0] - halo, rows[-1] + halo + 1) * scanner.pixel_um
    across = expected_photons(section, scanner, high, wide)[:, halo:-halo, halo:-halo]
    across *= illumination(section, scanner, rows, columns)
    np.testing.assert_allclose(joined, across, rtol=1e-5)


def test_noise_is_that_of_counted_photons(section: Section, scanner: Scanner) -> None:
    counts = render_tile(section, scanner, 1, 1).astype(float)
    expected = render_tile(section, scanner, 1, 1, noise=False)
    photons = expected - CAMERA_OFFSET
    scaled = (counts - expected) / np.sqrt(photons)
    for channel in scaled:
        assert channel.mean() == pytest.approx(0, abs=0.01)
        assert channel.var() == pytest.approx(1, abs=0.02)
        neighbours = (channel[:, 1:] * channel[:, :-1]).mean()
        assert neighbours == pytest.approx(0, abs=0.01)


def test_variance_equals_mean_where_the_slide_is_empty(section: Section) -> None:
    corner = render_tile(section, Scanner(0.65, 2048, 2048), 0, 0)[:, :60, :60]
    for channel in corner.astype(float):
        assert channel.var() == pytest.approx(channel.mean() - CAMERA_OFFSET, rel=0.08)


def test_a_spot_has_the_stated_width_and_photons(section: Section) -> None:
    scanner = Scanner(0.65, 2048, 2048)
    sigma = scanner.psf_sigma_um
    y = x = np.arange(64) * scanner.pixel_um
    image = np.zeros((64, 64))
    particles.add_spots(image, y, x, np.array([[20.1, 20.4, 900.0]]), sigma)
    assert image.sum() == pytest.approx(900, rel=1e-4)
    mean = (image.sum(axis=1) * y).sum() / image.sum()
    assert mean == pytest.approx(20.1, abs=1e-3)
    spread = (image.sum(axis=1) * (y - mean) ** 2).sum() / image.sum()
    assert np.sqrt(spread) == pytest.approx(sigma, rel=0.01)


def test_edges_are_as_wide_as_the_point_spread(section: Section) -> None:
    """At the edge of the tissue the carrier rises as the integral of the spread."""
    scanner = Scanner(0.25, 6000, 6000)
    sigma = scanner.psf_sigma_um
    middle = section.tissue[:2]
    y = middle[0] + np.arange(-40, 41) * scanner.pixel_um
    x = np.arange(0, middle[1], scanner.pixel_um)
    depth = depth_on_grid(section.tissue[None], middle[:1], x)[0]
    near = np.flatnonzero(np.abs(depth) < 10)
    x = x[near[0] : near[-1] + 1]
    light = expected_photons(section, scanner, y, x)[3, 40]
    wall, _ = section.perfused_walls.on_grid(middle[:1], x)
    there = section.carrier.on_grid(wall, middle[:1], x)[0]
    share = (light - light[30]) / (420 * there)
    rise = np.interp([0.1587, 0.8413], share[30:-30], x[30:-30])
    assert np.diff(rise)[0] / 2 == pytest.approx(sigma, rel=0.1)


def test_lectin_lies_in_perfused_vessels_only(section: Section) -> None:
    scanner = Scanner(0.65, 2048, 2048)
    image = render_tile(section, scanner, 1, 1, noise=False)
    places = np.arange(TILE, 2 * TILE) * scanner.pixel_um
    wall, nearest = section.all_walls.on_grid(places, places, 10.0)
    inside = wall < -1.5
    flow = np.append(section.vessels.perfused, False)[nearest]
    around = np.median(image[2][wall > 5])
    assert np.median(image[2][inside & flow]) > around + 60
    assert image[2][inside & ~flow].max() < around + 40
    assert np.median(image[1][inside & ~flow]) > np.median(image[1][wall > 5]) + 40


def test_no_threshold_parts_vessels_from_the_rest() -> None:
    """Thin vessels are dimmer than the brightest background."""
    thin, bright = [], []
    for seed in (1, 2, 3):
        section = make_section(seed, (1331.0, 1331.0))
        scanner = Scanner(0.65, 2048, 2048)
        for row, column in [(1, 1), (1, 2), (2, 1), (2, 2)]:
            image = render_tile(section, scanner, row, column, noise=False)[1]
            y, x = (np.arange(n * TILE, (n + 1) * TILE) * 0.65 for n in (row, column))
            wall, nearest = section.all_walls.on_grid(y, x, 20.0)
            kind = np.append(section.vessels.diameter_class, 0)[nearest]
            thin.append(image[(wall < -1) & (kind == 1)])
            bright.append(image[wall > 8])
    below = np.percentile(np.concatenate(thin), 40)
    assert (np.concatenate(bright) > below).mean() > 0.03


def test_nuclei_keep_out_of_necroses_and_vessels(section: Section) -> None:
    window = (0.0, section.size_um[0], 0.0, section.size_um[1])
    found = particles.nuclei(section, window)[:, :2]
    assert len(found) > 4000
    assert section.in_tissue(found).all()
    assert not section.in_necrosis(found).any()
    assert (section.all_walls.at(found)[0] > 0).all()
    part = particles.nuclei(section, (300.0, 420.0, 200.0, 500.0))[:, :2]
    inside = (found >= [300, 200]).all(axis=1) & (found < [420, 500]).all(axis=1)
    assert set(map(tuple, part)) == set(map(tuple, found[inside]))


def test_spots_follow_the_carrier(section: Section) -> None:
    window = (0.0, section.size_um[0], 0.0, section.size_um[1])
    places = particles.spots(section, window)[:, :2]
    wall, _ = section.perfused_walls.at(places)
    everywhere = np.random.default_rng(0).uniform(0, section.size_um[0], (60000, 2))
    everywhere = everywhere[section.in_tissue(everywhere)]
    away, _ = section.perfused_walls.at(everywhere)
    edges = np.array([0.0, 20, 50, 100, 200])
    density = np.histogram(wall, edges)[0] / np.histogram(away, edges)[0]
    law = section.carrier
    values = law.at(away, everywhere)
    mean = [
        values[(away >= a) & (away < b)].mean() for a, b in itertools.pairwise(edges)
    ]
    np.testing.assert_allclose(density / density[0], np.array(mean) / mean[0], rtol=0.2)


def test_cancelling_leaves_nothing_behind(tmp_path: Path) -> None:
    task = Task()
    seen = []

    def report(fraction: float, text: str) -> None:
        seen.append(fraction)
        if fraction > 0.2:
            task.cancel()

    task = Task(report)
    with pytest.raises(Cancelled):
        make_slide(tmp_path / "slide.ome.tif", size=1600, task=task)
    assert list(tmp_path.iterdir()) == []
    assert seen == sorted(seen)
