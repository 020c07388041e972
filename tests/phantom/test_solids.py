from __future__ import annotations

import numpy as np
import pytest

from nanoscape.phantom.block import View, rotation
from nanoscape.phantom.solids import (
    add_points,
    blur_planes,
    blur_rows,
    draw_spheroids,
)
from nanoscape.phantom.texture import volume_noise
from nanoscape.phantom.tumour import Tumour


def moments(values: np.ndarray, axis: np.ndarray) -> tuple[float, float]:
    """Return mean and standard deviation of a distribution along an axis."""
    weight = values / values.sum()
    mean = float((weight * axis).sum())
    return mean, float(np.sqrt((weight * (axis - mean) ** 2).sum()))


@pytest.mark.parametrize("sigma", [0.7, 1.0, 2.3])
def test_rows_are_blurred_and_shifted_as_asked(sigma: float) -> None:
    volume = np.zeros((1, 40, 41))
    volume[0, 20, 20] = volume[0, 21, 20] = 1.0
    found = blur_rows(volume, sigma, (0.0, 0.4))[0]
    assert found.sum() == pytest.approx(2.0)
    axis = np.arange(41.0)
    for row, place in ((20, 20.0), (21, 19.6)):
        # A row that looks farther along shows things earlier.
        mean, spread = moments(found[row], axis)
        assert mean == pytest.approx(place, abs=2e-3)
        assert spread == pytest.approx(sigma, rel=5e-3)
    mean, spread = moments(found.sum(axis=1), np.arange(40.0))
    assert spread == pytest.approx(np.hypot(sigma, 0.5), rel=5e-3)


def test_planes_are_blurred_by_each_columns_own_width() -> None:
    sigma = np.array([1.0, 1.5, 2.4])
    volume = np.zeros((121, 1, 3))
    volume[60] = 1.0
    found = blur_planes(volume, sigma, 0.5, 40, 1)
    assert found.shape == (41, 1, 3)
    for column, width in enumerate(sigma):
        mean, spread = moments(found[:, 0, column], np.arange(41) * 0.5)
        assert mean == pytest.approx(10.0)
        assert spread == pytest.approx(width, rel=5e-3)
    np.testing.assert_allclose(
        blur_planes(volume, sigma, 0.5, 40, 3), found[::3], atol=1e-12
    )


def test_points_hold_their_photons_where_they_are() -> None:
    z, y, x = np.arange(30) * 1.5, np.arange(40) * 0.6, np.arange(50) * 0.6
    volume = np.zeros((30, 40, 50))
    slip = np.where(np.arange(40) % 2, 0.2, 0.0)
    add_points(volume, z, y, x, np.array([[20.3, 12.2, 15.1, 900.0, 1.8]]), 0.7, slip)
    assert volume.sum() == pytest.approx(900.0, rel=1e-3)
    assert moments(volume.sum(axis=(1, 2)), z) == pytest.approx((20.3, 1.8), rel=2e-3)
    even = moments(volume[:, ::2].sum(axis=(0, 1)), x)
    odd = moments(volume[:, 1::2].sum(axis=(0, 1)), x)
    assert even == pytest.approx((15.1, 0.7), rel=2e-3)
    assert odd[0] == pytest.approx(14.9, rel=2e-3)


def test_spheroids_have_their_volume_and_direction() -> None:
    z, y, x = np.arange(40) * 0.5, np.arange(60) * 0.5, np.arange(60) * 0.5
    volume = np.zeros((40, 60, 60))
    angle = 0.6
    one = np.array([[10.0, 15.0, 15.0, 6.0, 3.0, angle, 1.0]])
    draw_spheroids(volume, z, y, x, one, np.ones(volume.shape))
    assert volume.sum() / 8 == pytest.approx(4 / 3 * np.pi * 6 * 3 * 3, rel=0.03)
    plane = volume.sum(axis=0)
    dy, dx = y[:, None] - 15, x - 15
    yy, xx, yx = ((plane * p).sum() for p in (dy**2, dx**2, dy * dx))
    assert np.arctan2(2 * yx, xx - yy) / 2 == pytest.approx(angle, abs=0.01)


def test_noise_in_space_is_that_of_places_and_has_unit_variance() -> None:
    z, y, x = np.arange(50) * 0.9, np.arange(60) * 0.7, np.arange(70) * 0.7
    found = volume_noise(5, z, y, x, 1.4)
    assert found.mean() == pytest.approx(0, abs=0.03)
    assert found.std() == pytest.approx(1, abs=0.03)
    np.testing.assert_array_equal(
        volume_noise(5, z[10:20], y[30:], x[5:25], 1.4), found[10:20, 30:, 5:25]
    )


def test_walls_drawn_in_a_turned_and_shrunken_view_are_the_exact_ones(
    tumour: Tumour,
) -> None:
    turned = rotation(20.0, (2.0, -3.0))
    np.testing.assert_allclose(turned @ turned.T, np.eye(3), atol=1e-12)
    view = View((20, 50, 60), (4.0, 3.0, 3.0), turned, 1.25, np.array([60, 400, 200.0]))
    axes = view.axes()
    places = view.places(axes)
    np.testing.assert_allclose(
        view.into(places).reshape(20, 50, 60, 3)[7, 30, 40], [28, 90, 120], atol=1e-9
    )
    wall, segment = view.walls(tumour, axes, 12.0)
    exact, nearest = tumour.network.walls.at(places, 15.0)
    np.testing.assert_allclose(wall.ravel() * 1.25, exact, atol=1e-9)
    own = np.append(tumour.network.segment, -1)[nearest]
    assert (segment.ravel() == own).mean() > 0.9999
    assert (wall < 0).any()
    # A part is what the whole has there.
    z, y, x = axes
    part, _ = view.walls(tumour, (z[5:9], y[20:], x[10:33]), 12.0)
    np.testing.assert_array_equal(part, wall[5:9, 20:, 10:33])
