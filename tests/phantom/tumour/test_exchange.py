from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from nanoscape.phantom.tumour.exchange import answer_to_a_source, oxygen_exchange
from nanoscape.phantom.tumour.flow import outflow
from nanoscape.phantom.tumour.grid import Grid, tissue_share
from nanoscape.phantom.tumour.network import Network
from nanoscape.phantom.tumour.oxygen import solve_oxygen
from nanoscape.phantom.tumour.solver import fitted, solve
from nanoscape.phantom.tumour.tumour import STEP_UM

D, SHERWOOD, BLOOD, CONSUMED = 2000.0, 2.5, 40.0, 10.0


def vessel(start: np.ndarray, end: np.ndarray, radius: float) -> Network:
    yes = np.array([True])
    row = np.concatenate([start, end, [radius]])
    return Network(
        row[None], np.zeros(1, int), np.array([[0, 1]]), yes, yes, np.ones(1)
    )


def places(grid: Grid) -> np.ndarray:
    """Return the centres of all cells, shape ``(z, y, x, 3)``."""
    planes = [grid.plane(i) for i in range(grid.shape[0])]
    return np.stack(planes).reshape(*grid.shape, 3)


def of_a_row(x: np.ndarray, y: np.ndarray, side: float) -> np.ndarray:
    """Return the potential of lines at all multiples of a side, on an even ground.

    It is −ln |θ₁(π z / side, e^(−π))| / 2π + y² / 2 side²; its Laplacian is 1 / side²
    off the lines. (Theta function: Whittaker & Watson, A Course of Modern Analysis.)
    """
    y = y - side * np.round(y / side)
    z, nome = np.pi * (x + 1j * y) / side, np.exp(-np.pi)
    theta = sum(
        2 * (-1) ** n * nome ** ((n + 0.5) ** 2) * np.sin((2 * n + 1) * z)
        for n in range(10)
    )
    return -np.log(np.abs(theta)) / (2 * np.pi) + y**2 / (2 * side**2)


def in_a_square(at: np.ndarray, axis: np.ndarray, side: float) -> np.ndarray:
    """Return the potential of one line in a square through whose sides nothing flows.

    A square and its mirror images are a period of twice the side.
    """
    total = np.zeros(at.shape[:-1])
    for one in (1, -1):
        for other in (1, -1):
            image = at - axis * [one, other]
            total += of_a_row(image[..., 1], image[..., 0], 2 * side)
    return total


@pytest.mark.parametrize("radius", [2.5, 5.0, 10.0])
@pytest.mark.parametrize("off", [(0, 0), (4, 4), (0, 4), (1.6, 2.4)])
def test_oxygen_in_a_lattice_of_vessels_is_that_of_the_theta_function(
    radius: float, off: tuple[float, float]
) -> None:
    """Zero-order consumption on the default grid, wherever the vessel lies.

    What the square consumes crosses the wall, P_wall = P_blood − Φ / (π Sh D), and
    around it lies Φ / D times the potential of the line.
    """
    side, step = 96.0, STEP_UM
    axis = side / 2 + np.array(off)
    network = vessel(np.array([0.0, *axis]), np.array([step, *axis]), radius)
    grid = Grid.over((step, side, side), step)
    found = solve_oxygen(
        np.full(grid.shape, D),
        oxygen_exchange(grid, network.capsules, D, SHERWOOD),
        CONSUMED * tissue_share(grid, network),
        step,
        blood_mmhg=BLOOD,
        half_mmhg=1e-4,
    )[0]
    angle = np.arange(16) / 16 * 2 * np.pi
    rim = axis + radius * np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    at = places(grid)[0, ..., 1:]
    far = np.hypot(*np.moveaxis(at - axis, -1, 0)) > 2 * step
    given = CONSUMED * (side**2 - np.pi * radius**2)
    expected = BLOOD - given / (np.pi * SHERWOOD * D)
    fall = in_a_square(at[far], axis, side) - in_a_square(rim, axis, side).mean()
    expected = expected + CONSUMED * side**2 / D * fall
    assert expected.min() > 12
    np.testing.assert_allclose(found[far], expected, rtol=0.005)


@pytest.mark.parametrize("radius", [2.5, 5.0, 10.0])
@pytest.mark.parametrize("way", [(1, 1, 1), (0, 1, 1), (0.2, 1, 0.3), (0, 0, 1)])
def test_oxygen_around_a_vessel_askew_is_that_of_the_bessel_function(
    radius: float, way: tuple[float, float, float]
) -> None:
    """First-order uptake: c = A K0(r / λ), π Sh (1 − c(R)) = 2π R A K1(R / λ) / λ."""
    step, cells, decay = STEP_UM, 46, 30.0
    size = cells * step
    along = np.array(way) / np.linalg.norm(way)
    middle = size / 2 + np.array([1.3, 2.6, -0.7])
    # Capsules as short as those of a network.
    ends = middle + along * np.arange(-50, 51)[:, None] * step
    ends = ends[((ends > 0) & (ends < size)).all(axis=1)]
    count = len(ends) - 1
    rows = np.column_stack([ends[:-1], ends[1:], np.full(count, radius)])
    yes, one = np.ones(1, bool), np.zeros(count, int)
    network = Network(rows, one, np.array([[0, 1]]), yes, yes, np.ones(1))
    grid = Grid.over((size, size, size), step)
    rate = D / decay**2 * tissue_share(grid, network)
    exchange = oxygen_exchange(grid, rows, D, SHERWOOD)
    moves = fitted(np.full(grid.shape, D), rate, step)
    found = solve(moves, rate + exchange, exchange, step)
    rest = places(grid) - middle
    along_it = rest @ along
    r = np.sqrt(np.maximum((rest**2).sum(axis=-1) - along_it**2, 0.0))
    ring = (r > max(2 * step, radius + 1.5 * step)) & (r < 60) & (np.abs(along_it) < 40)
    wall, slope = special.k0(radius / decay), special.k1(radius / decay) / decay
    amplitude = SHERWOOD / (SHERWOOD * wall + 2 * radius * slope)
    expected = amplitude * special.k0(r[ring] / decay)
    np.testing.assert_allclose(found[ring], expected, rtol=0.01)


def test_the_answer_to_a_source_solves_the_equation_of_the_grid() -> None:
    near = answer_to_a_source()
    n = len(near)
    whole = np.concatenate([near[:0:-1], near])
    whole = np.concatenate([whole[:, :0:-1], whole], axis=1)
    whole = np.concatenate([whole[..., :0:-1], whole], axis=2)
    ones = np.ones(whole.shape)
    flows = outflow(whole, 0 * ones, (ones, ones, ones))
    inner = (slice(3, -3),) * 3
    source = np.zeros(whole.shape)
    source[n - 1, n - 1, n - 1] = 1.0
    np.testing.assert_allclose(flows[inner], source[inner], atol=2e-6)
    far = np.sqrt(10**2 + 5**2 + 3**2)
    assert near[10, 5, 3] == pytest.approx(1 / (4 * np.pi * far), rel=2e-3)
