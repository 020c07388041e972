from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, sparse, special
from scipy.sparse.linalg import spsolve

from nanoscape.errors import CannotCompute
from nanoscape.phantom.tumour.exchange import oxygen_exchange
from nanoscape.phantom.tumour.grid import Grid, tissue_share, wall_area
from nanoscape.phantom.tumour.network import Network
from nanoscape.phantom.tumour.oxygen import solve_oxygen, solve_oxygen_from_coarse
from nanoscape.phantom.tumour.solver import fitted, solve
from nanoscape.phantom.tumour.tumour import STEP_UM

LAMBDA_UM = 30.0
D = 10.0
K = D / LAMBDA_UM**2


def at(x: np.ndarray, values: np.ndarray, places: list[float]) -> np.ndarray:
    return np.interp(places, x, values)


def by_hand(own: np.ndarray, number: np.ndarray, axis: int) -> sparse.csr_array:
    """Return Gᵀ W G of the faces across an axis, one face after the other.

    G takes differences; W holds the conductance of each face, of which a twelfth is
    handed to each parallel face beside it, as far as that one conducts.
    """
    a = np.moveaxis(number, axis, 0)[:-1]
    b = np.moveaxis(number, axis, 0)[1:]
    d, e = own.ravel()[a], own.ravel()[b]
    conducts = np.where(d * e > 0, 2 * d * e / np.where(d + e > 0, d + e, 1), 0)
    faces = np.arange(a.size).reshape(a.shape)
    rows = np.repeat(np.arange(a.size), 2)
    columns = np.stack([a.ravel(), b.ravel()], axis=1).ravel()
    signs = np.tile([1.0, -1.0], a.size)
    gradient = sparse.csr_array((signs, (rows, columns)), (a.size, number.size))
    weight = sparse.lil_array((a.size, a.size))
    weight.setdiag(conducts.ravel())
    for side in (1, 2):
        one = np.moveaxis(faces, side, 0)[:-1].ravel()
        two = np.moveaxis(faces, side, 0)[1:].ravel()
        for i, j in zip(one, two, strict=True):
            handed = min(conducts.flat[i], conducts.flat[j]) / 12
            weight[i, i] -= handed
            weight[j, j] -= handed
            weight[i, j] += handed
            weight[j, i] += handed
    return (gradient.T @ weight.tocsr() @ gradient).tocsr()


def test_a_random_problem_has_the_solution_of_a_direct_solver() -> None:
    generator = np.random.default_rng(1)
    shape = (6, 7, 8)
    diffusivity = generator.uniform(0.5, 3, shape)
    diffusivity[:, :2, :3] = 0
    rate = generator.uniform(0, 0.2, shape)
    source = generator.uniform(-1, 1, shape)
    step = 2.0
    number = np.arange(diffusivity.size).reshape(shape)
    matrix = sparse.diags_array(np.where(diffusivity > 0, rate, 1.0).ravel()).tocsr()
    for axis in range(3):
        matrix = matrix + by_hand(diffusivity / step**2, number, axis)
    right = np.where(diffusivity > 0, source, 0).ravel()
    expected = spsolve(matrix.tocsc(), right).reshape(shape)
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


def test_a_slab_on_the_default_grid_follows_the_hyperbolic_cosine() -> None:
    """Also across the diagonal of a block, where a plane lies askew to the cells."""
    step, cells = STEP_UM, 6
    x = (np.arange(cells) + 0.5) * step
    diffusivity, rate = np.full((1, 1, cells), D), np.full((1, 1, cells), K)
    source = np.zeros((1, 1, cells))
    moves = fitted(diffusivity, rate, step)
    # A wall held at 1 lies half a cell before the first one.
    rate[0, 0, 0] += 2 * D / step**2
    source[0, 0, 0] = 2 * D / step**2
    c = solve(moves, rate, source, step)[0, 0]
    half = cells * step
    expected = np.cosh((half - x) / LAMBDA_UM) / np.cosh(half / LAMBDA_UM)
    np.testing.assert_allclose(c, expected, rtol=0.01)
    # cosh of the distance from the diagonal plane: the same in every cell between.
    y = (np.arange(20) + 0.5) * step
    away = (y[:, None, None] + y[:, None] + y - 30 * step) / np.sqrt(3)
    expected = np.cosh(away / LAMBDA_UM)
    held = np.zeros(away.shape, bool)
    held[[0, -1]] = held[:, [0, -1]] = held[:, :, [0, -1]] = True
    rate = np.where(held, 1e3, K)
    source = np.where(held, 1e3 * expected, 0.0)
    moves = fitted(np.full(away.shape, D), np.full(away.shape, K), step)
    c = solve(moves, rate, source, step, tolerance=1e-12)
    np.testing.assert_allclose(c, expected, rtol=2e-3)


def test_a_spheroid_on_the_default_grid_follows_the_hyperbolic_sine() -> None:
    """C = R sinh(r/λ) / (r sinh(R/λ)) in a ball whose surface is held at 1.

    A face of a cell that the surface crosses conducts to it over the share θ of the
    step that lies inside (Gibou et al. 2002, doi:10.1006/jcph.2001.6977).
    """
    radius, step = 100.0, STEP_UM
    side = 28 * step
    grid = Grid.over((side, side, side), step)
    places = np.stack([grid.plane(i) for i in range(grid.shape[0])])
    places = places.reshape(*grid.shape, 3) - side / 2
    r = np.sqrt((places**2).sum(axis=-1))
    inside = r < radius
    rate = np.where(inside, K, 0.0)
    moves = fitted(np.where(inside, D, 0.0), rate, step)
    held = np.zeros(grid.shape)
    for axis in range(3):
        across = np.sqrt(r**2 - places[..., axis] ** 2)
        room = np.sqrt(np.maximum(radius**2 - across**2, 0.0))
        share = (room - np.abs(places[..., axis])) / step
        crossed = inside & (share < 1)
        held[crossed] += D / np.maximum(share[crossed], 0.02) / step**2
    c = solve(moves, rate + held, held, step)
    expected = radius * np.sinh(r / LAMBDA_UM) / r / np.sinh(radius / LAMBDA_UM)
    np.testing.assert_allclose(c[inside], expected[inside], rtol=0.01)
    known = {80.0: 0.63949, 50.0: 0.36474, 10.0: 0.24256}
    for asked, value in known.items():
        near = inside & (np.abs(r - asked) < step / 2)
        ratio = (c[near] / expected[near]).mean()
        assert ratio * value == pytest.approx(value, rel=0.005)


def straight(
    radius: float, size: float, length: float, off: tuple[float, float] = (0, 0)
) -> Network:
    """One straight vessel along z near the middle of a block."""
    y, x = size / 2 + off[0], size / 2 + off[1]
    row = [0.0, y, x, length, y, x, radius]
    yes = np.array([True])
    return Network(
        np.array([row]), np.zeros(1, int), np.array([[0, 1]]), yes, yes, np.ones(1)
    )


def around(grid: Grid, size: float, off: tuple[float, float] = (0, 0)) -> np.ndarray:
    """Return the distance of cells from the vessel's axis."""
    places = grid.plane(0)[:, 1:]
    return np.hypot(*(places - size / 2 - off).T).reshape(grid.shape[1:])


def test_the_wall_of_a_vessel_counts_by_its_surface_and_lumen() -> None:
    vessel = straight(5.0, 100.0, 40.0)
    grid = Grid.over((40.0, 100.0, 100.0), 10.0)
    area = wall_area(grid, vessel.capsules, np.array([3.0]))
    assert area.sum() * grid.volume_um3 == pytest.approx(3 * 2 * np.pi * 5 * 40)
    lumen = (1 - tissue_share(grid, vessel)).sum() * grid.volume_um3
    assert lumen == pytest.approx(np.pi * 25 * 40, rel=0.05)


@pytest.mark.parametrize("radius", [2.5, 5.0, 10.0])
@pytest.mark.parametrize("off", [(0, 0), (4, 4), (0, 4), (1.6, 2.4)])
def test_a_leaking_cylinder_follows_the_bessel_function(
    radius: float, off: tuple[float, float]
) -> None:
    """C = P λ / D · K0(r/λ) / K1(Rc/λ), for a wall that lets P through.

    On the default grid, wherever the vessel lies among its cells, from two cells
    away from the axis to where a thirtieth is left.
    """
    size, step = 50 * STEP_UM, STEP_UM
    vessel = straight(radius, size, step, off)
    grid = Grid.over((step, size, size), step)
    permeability = 1e-3
    leak = wall_area(grid, vessel.capsules, np.array([permeability]))
    rate = K * tissue_share(grid, vessel)
    c = solve(fitted(np.full(grid.shape, D), rate, step), rate, leak, step)
    r = around(grid, size, off)
    ring = (r > 2 * step) & (r < 100)
    expected = special.k0(r[ring] / LAMBDA_UM) / special.k1(radius / LAMBDA_UM)
    expected *= permeability * LAMBDA_UM / D
    np.testing.assert_allclose(c[0][ring], expected, rtol=0.01)
    # What leaks out is what is taken up.
    assert (rate * c).sum() == pytest.approx(leak.sum(), rel=1e-6)


@pytest.mark.parametrize("off", [(0, 0, 0), (4, 4, 0), (1.6, 2.4, 0)])
def test_a_leaking_cylinder_askew_follows_the_bessel_function(
    off: tuple[float, float, float],
) -> None:
    """The same along the diagonal of a cube, in the part that its ends do not reach."""
    step, radius, cells, permeability = STEP_UM, 5.0, 50, 1e-3
    size = cells * step
    far = size / 2 * np.ones(3)
    row = np.concatenate([off + far - 1.3 * far, off + far + 1.3 * far, [radius]])
    yes = np.array([True])
    vessel = Network(
        row[None], np.zeros(1, int), np.array([[0, 1]]), yes, yes, np.ones(1)
    )
    grid = Grid.over((size, size, size), step)
    leak = wall_area(grid, vessel.capsules, np.array([permeability]))
    rate = K * tissue_share(grid, vessel)
    c = solve(fitted(np.full(grid.shape, D), rate, step), rate, leak, step)
    places = np.stack([grid.plane(i) for i in range(cells)]).reshape(*grid.shape, 3)
    rest = places - far - off
    along = rest.sum(axis=-1) / np.sqrt(3)
    r = np.sqrt(np.maximum((rest**2).sum(axis=-1) - along**2, 0.0))
    ring = (r > 2 * step) & (r < 80) & (np.abs(along) < 60)
    expected = special.k0(r[ring] / LAMBDA_UM) / special.k1(radius / LAMBDA_UM)
    expected *= permeability * LAMBDA_UM / D
    np.testing.assert_allclose(c[ring], expected, rtol=0.01)


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


@pytest.mark.parametrize(("step", "within"), [(1.0, 0.01), (4.0, 0.01), (8.0, 0.02)])
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
