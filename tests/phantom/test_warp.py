from __future__ import annotations

import numpy as np
import pytest

from nanoscape.model import Tags
from nanoscape.phantom import clicks
from nanoscape.phantom.scene import Section, make_section
from nanoscape.phantom.warp import best_affine, lay_raster, tissue_grid


@pytest.mark.parametrize("seed", range(6))
def test_the_deformation_left_by_the_best_affine_is_as_stated(seed: int) -> None:
    section = make_section(seed, (1331.0, 1331.0), vessels=False)
    raster = lay_raster(section, 0, 30.0, (5.0, 20.0), deformed=True)
    fixed = tissue_grid(section, 90)
    moving = raster.warp.inverse(fixed)
    rest = best_affine(moving, fixed).apply(moving) - fixed
    size = np.linalg.norm(rest, axis=1) / raster.pixel_um
    assert np.sqrt((size**2).mean()) == pytest.approx(0.4, rel=0.1)
    assert size.max() <= 1.0


def test_the_warp_goes_back_to_where_it_came_from(section: Section) -> None:
    raster = lay_raster(section, 0, 30.0, (5.0, 20.0), deformed=True)
    places = tissue_grid(section, 30)
    there = raster.warp.apply(raster.warp.inverse(places))
    np.testing.assert_allclose(there, places, atol=1e-6)


def test_the_raster_covers_the_tissue_and_is_turned(section: Section) -> None:
    raster = lay_raster(section, 0, 30.0, (5.0, 20.0), deformed=True)
    index = raster.warp.inverse(tissue_grid(section)) / raster.pixel_um
    assert index.min() > 0
    assert (index.max(axis=0) < np.array(raster.shape) - 1).all()
    linear = raster.warp.affine.linear
    angle = np.rad2deg(np.arctan2(linear[1, 0], linear[0, 0]))
    assert 3 < abs(angle) < 22
    assert np.linalg.det(linear) == pytest.approx(1, abs=0.08)


def test_footprints_average_over_each_pixel(section: Section) -> None:
    raster = lay_raster(section, 1, 15.0, (1.0, 5.0), deformed=False)
    places = raster.footprints(4)
    back = raster.warp.inverse(places) / raster.pixel_um
    means = np.stack([raster.means(back[:, i], 4) for i in range(2)], axis=-1)
    expected = np.stack(np.indices(raster.shape), axis=-1)
    np.testing.assert_allclose(means, expected, atol=1e-6)


def test_clicks_scatter_as_stated_over_many_hands(section: Section) -> None:
    raster = lay_raster(section, 0, 30.0, (5.0, 20.0), deformed=True)
    truth = clicks.true_landmarks(section, raster, 0, ("msi", "slide"), Tags())
    np.testing.assert_allclose(raster.warp.apply(truth.moving), truth.fixed, atol=1e-6)
    made = [clicks.click(truth, seed, raster.pixel_um) for seed in range(300)]
    error = np.array([m.moving - truth.moving for m in made]) / raster.pixel_um
    assert error.shape == (300, 8, 2)
    assert error.std() == pytest.approx(0.25, rel=0.04)
    assert abs(error.mean()) < 0.02
    assert made[0].click_error_um == pytest.approx(0.25 * 30)
    np.testing.assert_array_equal(made[0].fixed, truth.fixed)


def test_wrong_clicks_are_wrong_in_the_way_they_say(section: Section) -> None:
    raster = lay_raster(section, 0, 30.0, (5.0, 20.0), deformed=True)
    truth = clicks.true_landmarks(section, raster, 0, ("msi", "slide"), Tags())
    swapped, mirrored = clicks.swapped(truth), clicks.mirrored(truth)
    changed = (swapped.moving != truth.moving).any(axis=1)
    assert changed.sum() == 2
    assert {tuple(p) for p in swapped.moving} == {tuple(p) for p in truth.moving}
    fit = best_affine(mirrored.moving, mirrored.fixed)
    assert fit.mirrors
    assert not best_affine(truth.moving, truth.fixed).mirrors
    assert (swapped.tags["flaw"], mirrored.tags["flaw"]) == ("swapped", "mirrored")
