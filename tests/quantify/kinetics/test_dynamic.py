"""Maps of kinetics: their errors, bounds, blocks and refusals."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from curves import image, model, table

from nanoscape.compute import Cancelled, Task, Threads, using
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Quantity, Regions
from nanoscape.quantify.fitting.tissue import EXCHANGE, EXTENDED_TOFTS, PATLAK, TOFTS
from nanoscape.quantify.kinetics.area_curves import (
    area_weights,
    initial_area,
    kinetics_of_areas,
)
from nanoscape.quantify.kinetics.dynamic import (
    extended_tofts,
    patlak,
    tofts,
    two_compartment_exchange,
)
from nanoscape.quantify.kinetics.population import parker

TIME = np.arange(60) * 5.0
NODES = np.arange(600) * 0.5
PLASMA = parker(NODES - 30) / 0.58
INPUT = table(NODES, PLASMA)
TWO_SIDED = 2.0  # Student's t for 95 % with 57 degrees of freedom


def values(found: Any) -> Any:
    return found.data.compute().ravel()


def curve(code: int, *p: float) -> Any:
    return model(code, TIME, NODES, PLASMA, *p)


@pytest.mark.parametrize(
    ("code", "fit", "truth", "noise"),
    [
        (TOFTS, tofts, {"ktrans": 0.2, "ve": 0.3}, 0.01),
        (
            EXTENDED_TOFTS,
            extended_tofts,
            {"ktrans": 0.15, "ve": 0.3, "vp": 0.05},
            0.01,
        ),
        (PATLAK, patlak, {"ktrans": 0.05, "vp": 0.06}, 0.01),
        (
            EXCHANGE,
            two_compartment_exchange,
            {"fp": 0.5, "ps": 0.1, "ve": 0.2, "vp": 0.05},
            0.003,
        ),
    ],
)
def test_standard_errors_cover_at_the_stated_rate(
    code: int, fit: Any, truth: dict[str, float], noise: float
) -> None:
    rates = [v if n in ("ve", "vp") else v / 60 for n, v in truth.items()]
    clean = curve(code, *rates, 0.0)
    curves = clean + np.random.default_rng(7).normal(0, noise, (2500, 60))
    found = fit(image(curves, TIME), INPUT)
    for name, value in truth.items():
        apart = np.abs(values(getattr(found, name)) - value)
        covered = apart < TWO_SIDED * values(getattr(found, f"{name}_error"))
        assert 0.93 < covered.mean() < 0.97, name
    size = values(found.residual) * np.sqrt(60 / (60 - len(truth)))
    assert size.mean() == pytest.approx(noise, rel=0.02)


def test_a_fitted_delay_has_its_own_uncertainty_in_the_others() -> None:
    clean = curve(EXTENDED_TOFTS, 0.15 / 60, 0.3, 0.05, 3.0)
    curves = clean + np.random.default_rng(8).normal(0, 0.005, (2000, 60))
    found = extended_tofts(image(curves, TIME), INPUT, delay_s=(-5.0, 10.0))
    assert np.median(values(found.delay)) == pytest.approx(3.0, abs=0.1)
    apart = np.abs(values(found.ktrans) - 0.15)
    covered = apart < TWO_SIDED * values(found.ktrans_error)
    assert 0.93 < covered.mean() < 0.97


def volume() -> Image:
    rng = np.random.default_rng(3)
    shape = (3, 7, 11)
    curves = np.empty((*shape, 60))
    for place in np.ndindex(*shape):
        p = rng.uniform((0.01, 0.1, 0.0), (0.4, 0.6, 0.1))
        curves[place] = curve(EXTENDED_TOFTS, p[0] / 60, p[1], p[2], 0.0)
    curves += rng.normal(0, 0.02, curves.shape)
    curves[0, 0, 0, 5] = np.nan
    return Image.from_array(
        np.moveaxis(curves, -1, 0).astype(np.float32), "tzyx", spacing=500.0,
        times=tuple(TIME.tolist()), name="concentration",
        quantity=Quantity("concentration", "mM"),
    )  # fmt: skip


@pytest.mark.parametrize("fit", [tofts, extended_tofts, patlak])
def test_maps_are_the_same_to_the_bit_however_they_are_cut(fit: Any) -> None:
    series = volume()
    whole = fit(series, INPUT)
    for workers, block in ((1, (1, 3, 4)), (2, (2, 7, 5))):
        chunked = series.replace(
            levels=(
                type(series.levels[0])(series.data.rechunk((7, 2, 3, 11)), (1.0,) * 3),
            )
        )
        with using(Threads(workers=workers, block_shape=block)):
            parts = fit(chunked, INPUT)
        for name in vars(whole):
            np.testing.assert_array_equal(
                values(getattr(parts, name)), values(getattr(whole, name))
            )
    assert np.isnan(whole.ktrans.data[0, 0, 0].compute())
    assert whole.ktrans.quantity == Quantity("Ktrans", "1/min")


def test_only_the_tissue_is_fitted() -> None:
    mask = np.zeros((3, 7, 11), bool)
    mask[1, 2:4, 3] = True
    tissue = Labels.from_array(mask, "zyx", spacing=500.0, name="tumour")
    found = extended_tofts(volume(), INPUT, tissue)
    assert np.isfinite(found.ktrans.data.compute()).sum() == 2
    empty = Labels.from_array(mask & False, "zyx", spacing=500.0, name="tumour")
    with pytest.raises(CannotCompute, match="tumour holds no pixel with a curve"):
        extended_tofts(volume(), INPUT, empty)


def test_a_value_at_its_bound_has_no_standard_error() -> None:
    curves = np.stack([curve(TOFTS, 0.2 / 60, 0.3, 0.0), np.zeros(60)])
    found = tofts(image(curves, TIME), INPUT, ve_bounds=(0.0, 0.25))
    assert values(found.ve)[0] == pytest.approx(0.25)
    assert np.isnan(values(found.ve_error)[0])
    assert values(found.ktrans)[1] == pytest.approx(0, abs=1e-9)


def test_a_stop_is_heeded() -> None:
    stop = threading.Event()
    told = []

    def report(fraction: float, text: str) -> None:
        told.append((fraction, text))
        stop.set()

    with pytest.raises(Cancelled):
        extended_tofts(volume(), INPUT, task=Task(report, stop))
    assert told[0] == (0.0, "fitting curves")


@pytest.mark.parametrize(
    ("change", "given", "error", "sentence"),
    [
        ({"times": None}, {}, CannotCompute, "does not say when its frames"),
        (
            {"times": tuple(TIME[::-1].tolist())}, {}, CannotCompute,
            "does not come after frame 1",
        ),
        (
            {"times": tuple((TIME - 10).tolist())}, {}, CannotCompute,
            "begins at -10 s",
        ),
        (
            {"times": tuple((TIME * 2).tolist())}, {}, CannotCompute,
            "covers 0 to 299.5 s, and the series 0 to 590 s",
        ),
        (
            {"quantity": Quantity("intensity", "a.u.")}, {}, WrongInput,
            "is in a.u.; expected a concentration",
        ),
        ({}, {"ve_bounds": (0.5, 0.2)}, WrongInput, "bounds of ve are 0.5 and 0.2"),
    ],
)  # fmt: skip
def test_wrong_input_is_refused(
    change: Any, given: Any, error: Any, sentence: str
) -> None:
    series = image(np.ones((2, 60)), TIME).replace(**change)
    with pytest.raises(error, match=sentence):
        tofts(series, INPUT, **given)


def test_an_input_without_agent_or_with_too_few_frames_is_refused() -> None:
    with pytest.raises(CannotCompute, match="holds no contrast agent"):
        tofts(image(np.ones((2, 60)), TIME), table(NODES, 0 * NODES))
    late = table(NODES, np.where(NODES > 297, 1.0, 0.0))
    with pytest.raises(CannotCompute, match="arrives before the last frame"):
        tofts(image(np.ones((2, 60)), TIME), late)
    with pytest.raises(CannotCompute, match="has 3 frames for 5 values"):
        two_compartment_exchange(image(np.ones((2, 3)), TIME[:3]), INPUT)


def test_areas_are_fitted_by_their_mean_curve_with_intervals() -> None:
    rng = np.random.default_rng(4)
    both = [curve(EXTENDED_TOFTS, k / 60, 0.3, 0.04, 0.0) for k in (0.1, 0.3)]
    curves = np.repeat(both, 50, axis=0) + rng.normal(0, 0.02, (100, 60))
    numbers = np.repeat([[[1, 2]]], 50, axis=2)
    areas = Labels.from_array(numbers, "zyx", spacing=500.0)
    found = kinetics_of_areas(image(curves, TIME), INPUT, areas)
    rows = found.summary.data
    assert rows["pixels"].tolist() == [50, 50]
    for (_, row), truth in zip(rows.iterrows(), (0.1, 0.3), strict=True):
        assert row["ktrans_low_per_min"] < truth < row["ktrans_high_per_min"]
        assert row["ktrans_per_min"] == pytest.approx(truth, rel=0.02)
        assert row["r_squared"] > 0.99
    first = found.curves.data[found.curves.data["area"] == "1"]
    np.testing.assert_allclose(first["fitted_mM"], both[0], atol=0.01)
    np.testing.assert_allclose(first["measured_mM"], curves[:50].mean(axis=0))


def test_an_empty_area_is_named() -> None:
    corner = np.array([[9e6, 9e6], [9e6, 9.1e6], [9.1e6, 9e6]])
    areas = Regions(
        polygons=(corner,), names=("core",), axes="yx", space="world", name="drawn"
    )
    series = image(np.ones((2, 60)), TIME)
    with pytest.raises(CannotCompute, match="area core of drawn holds no measured"):
        kinetics_of_areas(series, INPUT, areas)


def test_initial_areas_of_straight_lines_are_exact() -> None:
    slope = np.array([0.0, 0.1, 2.0])
    curves = slope[:, None] * np.maximum(TIME - 20, 0)
    found = initial_area(image(curves, TIME), arrival_s=20.0)
    np.testing.assert_allclose(values(found.iauc60), slope * 60**2 / 2, rtol=1e-6)
    np.testing.assert_allclose(values(found.iauc90), slope * 90**2 / 2, rtol=1e-6)
    assert found.iauc60.quantity.unit == "mM·s"
    # Ends between frames are interpolated.
    weights = area_weights(TIME, 22.0, 43.0)
    assert weights @ (3 + 2 * TIME) == pytest.approx(3 * 21 + 43**2 - 22**2)
    with pytest.raises(CannotCompute, match="when the agent arrives is not known"):
        initial_area(image(curves, TIME))
    with pytest.raises(CannotCompute, match="frames from 250 to 340 s"):
        initial_area(image(curves, TIME), arrival_s=250.0)
