from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, sparse, special
from scipy.sparse.linalg import spsolve

from nanoscape.errors import CannotCompute
from nanoscape.phantom.tumour.grid import Grid, tissue_share, wall_area
from nanoscape.phantom.tumour.network import Network
from nanoscape.phantom.tumour.oxygen import (
    oxygen_exchange,
    solve_oxygen,
    solve_oxygen_from_coarse,
)
from nanoscape.phantom.tumour.solver import solve

LAMBDA_UM = 30.0
D = 10.0
K = D / LAMBDA_UM**2


def at(x: np.ndarray, values: np.ndarray, places: list[float]) -> np.ndarray:
    return np.interp(places, x, values)


def test_a_random_problem_has_the_solution_of_a_direct_solver() -> None:
    generator = np.random.default_rng(1)
    shape = (6, 7, 8)
    diffusivity = generator.uniform(0.5, 3, shape)
    diffusivity[:, :2, :3] = 0
    rate = generator.uniform(0, 0.2, shape)
    source = generator.uniform(-1, 1, shape)
    step = 2.0
    number = np.arange(diffusivity.size).reshape(shape)
    matrix = sparse.lil_array((diffusivity.size, diffusivity.size))
    matrix.setdiag(np.where(diffusivity > 0, rate, 1.0).ravel())
    for axis in range(3):
        one = np.moveaxis(number, axis, 0)[:-1].ravel()
        two = np.moveaxis(number, axis, 0)[1:].ravel()
        for a, b in zip(one, two, strict=True):
            d, e = diffusivity.flat[a], diffusivity.flat[b]
            if d and e:
                flow = 2 / (1 / d + 1 / e) / step**2
                matrix[a, a] += flow
                matrix[b, b] += flow
                matrix[a, b] -= flow
                matrix[b, a] -= flow
    right = np.where(diffusivity > 0, source, 0).ravel()
    expected = spsolve(matrix.tocsr(), right).reshape(shape)
    found = solve(diffusivity, rate, source, step)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
    assert (found[diffusivity == 0] == 0).all()
    again = solve(diffusivity, rate, source, step, start=expected)
    np.testing.assert_allclose(again, expected, rtol=1e-5, atol=1e-7)


def test_a_slab_between_two_vessels_follows_the_hyperbolic_cosine() -> None:
    """C/C0 = cosh((h − x)/λ)/cosh(h/λ), no flux in the middle x = h."""
    half, step = 50.0, 1.0
    x = (np.arange(50) + 0.5) * step
    shape = (1, 1, 50)
    rate = np.full(shape, K)
    source = np.zeros(shape)
    # A wall held at 1 lies half a cell before the first one.
    rate[0, 0, 0] += 2 * D / step**2
    source[0, 0, 0] = 2 * D / step**2
    c = solve(np.full(shape, D), rate, source, step)[0, 0]
    found = at(x, c, [10.0, 25.0])
    np.testing.assert_allclose(found, [0.73992, 0.49889], rtol=1e-3)
    expected = np.cosh((half - x) / LAMBDA_UM) / np.cosh(half / LAMBDA_UM)
    np.testing.assert_allclose(c, expected, rtol=2e-3)


def test_a_spheroid_follows_the_hyperbolic_sine() -> None:
    """C = A sinh(r/λ) / r when everything around it is held at one value.

    Cells make its surface a staircase, so that values are compared with the mean at
    r = 80: for R = 100 they are .63949, .36474 and .24256 at r = 80, 50 and 10.
    """
    radius, step = 100.0, 4.0
    grid = Grid.over((216.0, 216.0, 216.0), step)
    places = np.concatenate([grid.plane(i) for i in range(grid.shape[0])])
    r = np.sqrt(((places - 108.0) ** 2).sum(axis=1)).reshape(grid.shape)
    outside = np.where(r > radius, 1e4, 0.0)
    c = solve(np.full(grid.shape, D), K + outside, outside, step)
    near = np.abs(r - 80) < 2
    scale = c[near].mean() / (np.sinh(r[near] / LAMBDA_UM) / r[near]).mean()
    inner = r < 85
    expected = scale * np.sinh(r[inner] / LAMBDA_UM) / r[inner]
    np.testing.assert_allclose(c[inner], expected, rtol=0.01)
    assert c[near].mean() == pytest.approx(0.63949, rel=0.04)
    asked = np.array([50.0, 10.0])
    found = scale * np.sinh(asked / LAMBDA_UM) / asked / c[near].mean()
    np.testing.assert_allclose(found, np.array([0.36474, 0.24256]) / 0.63949, rtol=0.01)


def straight(radius: float, size: float, length: float) -> Network:
    """One straight vessel along z in the middle of a block."""
    middle = size / 2
    row = [0.0, middle, middle, length, middle, middle, radius]
    yes = np.array([True])
    return Network(
        np.array([row]), np.zeros(1, int), np.array([[0, 1]]), yes, yes, np.ones(1)
    )


def around(grid: Grid, size: float) -> np.ndarray:
    """Return the distance of cells from the vessel's axis."""
    places = grid.plane(0)[:, 1:]
    return np.hypot(*(places - size / 2).T).reshape(grid.shape[1:])


def test_the_wall_of_a_vessel_counts_by_its_surface_and_lumen() -> None:
    vessel = straight(5.0, 100.0, 40.0)
    grid = Grid.over((40.0, 100.0, 100.0), 10.0)
    area = wall_area(grid, vessel.capsules, np.array([3.0]))
    assert area.sum() * grid.volume_um3 == pytest.approx(3 * 2 * np.pi * 5 * 40)
    lumen = (1 - tissue_share(grid, vessel)).sum() * grid.volume_um3
    assert lumen == pytest.approx(np.pi * 25 * 40, rel=0.05)


@pytest.mark.parametrize(("step", "within"), [(2.5, 0.005), (5.0, 0.01), (10.0, 0.03)])
def test_a_leaking_cylinder_follows_the_bessel_function(
    step: float, within: float
) -> None:
    """C = P λ / D · K0(r/λ) / K1(Rc/λ), for a wall that lets P through."""
    size, radius = 400.0, 5.0
    vessel = straight(radius, size, 10.0)
    grid = Grid.over((10.0, size, size), step)
    permeability = 1e-3
    leak = wall_area(grid, vessel.capsules, np.array([permeability]))
    share = tissue_share(grid, vessel)
    c = solve(np.full(grid.shape, D), K * share, leak, step)
    r = around(grid, size)
    ring = (r > 15) & (r < 100)
    expected = special.k0(r[ring] / LAMBDA_UM) / special.k1(radius / LAMBDA_UM)
    expected *= permeability * LAMBDA_UM / D
    np.testing.assert_allclose(c[0][ring], expected, rtol=within)
    # What leaks out is what is taken up.
    assert (K * share * c).sum() == pytest.approx(leak.sum(), rel=1e-6)


def test_profiles_around_a_cylinder_are_those_of_krogh() -> None:
    """A wall that lets P through, and no flux at the outer radius."""
    size, radius, outer, step = 104.0, 5.0, 50.0, 1.0
    vessel = straight(radius, size, 1.0)
    grid = Grid.over((1.0, size, size), step)
    r = around(grid, size)
    leak = wall_area(grid, vessel.capsules, np.array([1e-3]))
    share = tissue_share(grid, vessel)
    inside = np.where(r < outer, D, 0.0)[None]
    c = solve(inside, K * share, leak, step)[0]

    def krogh(r: np.ndarray) -> np.ndarray:
        f, edge = r / LAMBDA_UM, outer / LAMBDA_UM
        return special.i0(f) * special.k1(edge) + special.k0(f) * special.i1(edge)

    wall, edge = radius / LAMBDA_UM, outer / LAMBDA_UM
    flux = special.k1(wall) * special.i1(edge) - special.i1(wall) * special.k1(edge)
    ring = (r > 8) & (r < 49)
    expected = 1e-3 * LAMBDA_UM / D * krogh(r[ring]) / flux
    np.testing.assert_allclose(c[ring], expected, rtol=0.01)
    table = krogh(np.array([10.0, 15.0, 20.0, 30.0, 40.0, 50.0])) / krogh(
        np.array([radius])
    )
    known = [0.69443, 0.53137, 0.42845, 0.31186, 0.25932, 0.24453]
    np.testing.assert_allclose(table, known, atol=1e-5)


@pytest.mark.parametrize(("step", "within"), [(1.0, 0.01), (4.0, 0.02), (8.0, 0.03)])
def test_oxygen_around_a_vessel_is_that_of_krogh_and_erlang(
    step: float, within: float
) -> None:
    """Zero-order consumption: P = Pw + M/4D (r² − Rc²) − M Rt²/2D ln(r/Rc).

    Rt is that of a circle as large as the cells inside, whose edge is a staircase.
    """
    size, radius, outer = 88.0, 5.0, 40.0
    vessel = straight(radius, size, step)
    grid = Grid.over((step, size, size), step)
    r = around(grid, size)
    diffusivity, consumption, blood, sherwood = 2000.0, 20.0, 40.0, 2.5
    inside = np.where(r < outer, diffusivity, 0.0)[None]
    share = tissue_share(grid, vessel)
    pressure = solve_oxygen(
        inside,
        oxygen_exchange(grid, vessel.capsules, diffusivity, sherwood),
        consumption * share,
        step,
        blood_mmhg=blood,
        half_mmhg=1e-4,
    )[0]
    ratio = consumption / diffusivity
    area = (share * (inside > 0)).sum() * step**2
    wall = blood - consumption * area / (np.pi * sherwood * diffusivity)
    places = r[(r > 8 + step / 2) & (r < 38)]
    expected = wall + ratio / 4 * (places**2 - radius**2)
    expected -= ratio / 2 * (area / np.pi + radius**2) * np.log(places / radius)
    assert expected.min() > 5
    found = pressure[(r > 8 + step / 2) & (r < 38)]
    np.testing.assert_allclose(found, expected, rtol=within)


def test_oxygen_with_saturation_is_that_of_an_ordinary_equation() -> None:
    """A slab with Michaelis–Menten consumption, against SciPy's solve_bvp."""
    thickness, step = 240.0, 1.0
    diffusivity, most, half, blood = 2000.0, 15.0, 1.0, 40.0
    shape = (1, 1, int(thickness / step))
    exchange = np.zeros(shape)
    exchange[0, 0, 0] = 2 * diffusivity / step**2
    found = solve_oxygen(
        np.full(shape, diffusivity),
        exchange,
        np.full(shape, most),
        step,
        blood_mmhg=blood,
        half_mmhg=half,
    )[0, 0]

    def equation(_: np.ndarray, p: np.ndarray) -> np.ndarray:
        taken = most * p[0] / (half + np.abs(p[0])) / diffusivity
        return np.vstack([p[1], taken])

    x = np.linspace(0, thickness, 400)
    guess = np.vstack([blood * np.exp(-x / 60), -blood / 60 * np.exp(-x / 60)])
    exact = integrate.solve_bvp(
        equation,
        lambda a, b: np.array([a[0] - blood, b[1]]),
        x,
        guess,
        tol=1e-6,
        max_nodes=20000,
    )
    assert exact.success
    middle = (np.arange(shape[2]) + 0.5) * step
    expected = exact.sol(middle)[0]
    np.testing.assert_allclose(found, expected, rtol=0.01, atol=0.01)
    assert (found < 1).any()
    assert (found >= 0).all()


def test_oxygen_is_the_same_when_a_coarse_grid_is_solved_first() -> None:
    generator = np.random.default_rng(4)
    shape = (6, 10, 12)
    exchange = np.where(generator.uniform(0, 1, shape) < 0.01, 20.0, 0.0)
    consumption = generator.uniform(1, 15, shape)
    inside = np.full(shape, 2000.0)
    inside[:, :3, :3] = 0
    constants = {"blood_mmhg": 40.0, "half_mmhg": 1.0}
    plain = solve_oxygen(inside, exchange, consumption, 20.0, **constants)
    nested = solve_oxygen_from_coarse(inside, exchange, consumption, 20.0, **constants)
    assert plain.max() > 10
    assert plain[inside > 0].min() < 2
    np.testing.assert_allclose(nested, plain, atol=1e-3)
    cut = tuple(slice(0, n - 1) for n in shape)
    arrays = [a[cut] for a in (inside, exchange, consumption)]
    odd = solve_oxygen_from_coarse(*arrays, 20.0, **constants)
    assert odd.shape == (5, 9, 11)


def test_a_substance_that_goes_nowhere_is_refused() -> None:
    ones = np.ones((2, 3, 4))
    with pytest.raises(CannotCompute, match="uptake"):
        solve(ones, 0 * ones, ones, 1.0)


def test_places_between_cells_are_interpolated() -> None:
    grid = Grid.over((40.0, 60.0, 80.0), 10.0)
    assert grid.shape == (4, 6, 8)
    places = np.concatenate([grid.plane(i) for i in range(4)])
    values = (places @ [1.0, 2.0, 3.0]).reshape(grid.shape)
    np.testing.assert_allclose(grid.interpolate(values, places), values.ravel())
    inner = np.random.default_rng(0).uniform(5, 35, (50, 3))
    np.testing.assert_allclose(grid.interpolate(values, inner), inner @ [1, 2, 3])
    assert (grid.cell_of(places) == np.arange(4 * 6 * 8)).all()
