from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nanoscape.compute import Threads, using
from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Labels, Quantity, Tags
from nanoscape.quantify.mri.spoiled_gradient_echo import spoiled_gradient_echo

TR, FLIP, R1, M0 = 0.012, 20.0, 4.5, 12_000.0
TIMES = tuple(float(t) for t in range(0, 80, 8))
SETTINGS: dict[str, Any] = {
    "relaxivity": R1,
    "baseline_end_s": 24.0,
    "flip_angle_deg": FLIP,
    "repetition_time_ms": TR * 1e3,
}


def signal(t1: NDArray[Any], m0: float = M0) -> NDArray[Any]:
    """Return the steady state of a spoiled gradient echo."""
    e, angle = np.exp(-TR / t1), math.radians(FLIP)
    return m0 * math.sin(angle) * (1 - e) / (1 - e * math.cos(angle))


def dynamic(data: NDArray[Any], **changes: Any) -> Image:
    return Image.from_array(
        data, "tzyx", spacing=500.0, times=TIMES, name="dynamic", **changes
    )


def example() -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return concentrations, T1 before, and the signals."""
    rng = np.random.default_rng(1)
    amount = rng.uniform(0, 8, (10, 2, 5, 6))
    amount[:3] = 0
    t1 = rng.uniform(0.3, 2.5, (2, 5, 6))
    return amount, t1, signal(1 / (1 / t1 + R1 * amount))


def test_concentrations_come_back_to_one_in_a_million() -> None:
    amount, t1, data = example()
    t1_map = Image.from_array(t1 * 1e3, "zyx", spacing=500.0, name="T1")
    found = spoiled_gradient_echo(
        dynamic(data), t1_map, t1_unit="ms", **SETTINGS
    ).concentration
    np.testing.assert_allclose(found.data.compute(), amount, rtol=1e-6, atol=1e-6)
    assert found.quantity == Quantity("concentration", "mM")
    assert found.times == TIMES


def test_the_answer_is_the_same_however_it_is_cut() -> None:
    _, t1, data = example()
    t1_map = Image.from_array(
        t1, "zyx", spacing=500.0, quantity=Quantity("T1", "s"), name="T1"
    )
    whole = spoiled_gradient_echo(dynamic(data), t1_map, **SETTINGS)
    for workers, block in ((1, (1, 2, 3)), (2, (2, 5, 4))):
        with using(Threads(workers=workers, block_shape=block)):
            parts = spoiled_gradient_echo(dynamic(data), t1_map, **SETTINGS)
        for name in ("concentration", "scale_error"):
            first, second = (getattr(f, name).data.compute() for f in (whole, parts))
            np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("flip", "tr", "t1", "r1", "base", "late", "expected"),
    [
        (13, 2, 1.4, 4.5, 7.0, 28, 0.601723),
        (20, 2, 1.0, 4.5, 8.0, 28, 0.623568),
        (30, 2, 1.6, 3.4, 22 / 3, 28, 0.535701),
        (40, 3, 0.3, 3.4, 7.0, 32, 4.200811),
        (10, 3, 1.4, 4.5, 6.6, 32, 1.509680),
    ],
)
def test_osipi_cases(
    flip: float, tr: float, t1: float, r1: float, base: float, late: float,
    expected: float,
) -> None:  # fmt: skip
    data = np.full((10, 1, 1, 1), base)
    data[0], data[5:] = 99.0, late
    found = spoiled_gradient_echo(
        dynamic(data), t1_s=t1, relaxivity=r1, baseline_end_s=36.0, skip_frames=1,
        flip_angle_deg=float(flip), repetition_time_ms=float(tr),
    ).concentration  # fmt: skip
    assert found.data[9, 0, 0, 0].compute() == pytest.approx(expected, abs=2e-6)
    assert found.data[3, 0, 0, 0].compute() == pytest.approx(0, abs=1e-7)


def test_settings_come_from_the_file_unless_given() -> None:
    amount, _, _ = example()
    data = signal(1 / (1 / 1.5 + R1 * amount))
    tags = Tags.of("header", flip_angle_deg=FLIP, repetition_time_ms=TR * 1e3)
    found = spoiled_gradient_echo(
        dynamic(data, tags=tags), t1_s=1.5, relaxivity=R1, baseline_end_s=24.0
    ).concentration
    np.testing.assert_allclose(found.data.compute(), amount, rtol=1e-6, atol=1e-6)
    assert "flip angle 20°" in found.tags["derivation"][0]


def test_impossible_and_saturated_samples_are_missing_and_told() -> None:
    amount, _, _ = example()
    data = signal(1 / (1 / 1.5 + R1 * amount)).astype(np.int16)
    data[5, 0, 0, 0] = np.iinfo(np.int16).max
    data[6, 0, 0, 1] = 30 * data[0, 0, 0, 1]
    found = spoiled_gradient_echo(dynamic(data), t1_s=1.5, **SETTINGS).concentration
    missing = np.argwhere(np.isnan(found.data.compute())).tolist()
    assert missing == [[5, 0, 0, 0], [6, 0, 0, 1]]
    assert "brighter than this sequence" in found.tags["derivation_warnings"][0]


def test_only_the_tissue_is_computed() -> None:
    _, _, data = example()
    mask = np.zeros((2, 5, 6), bool)
    mask[1, 2, 3] = True
    tissue = Labels.from_array(mask, "zyx", spacing=500.0)
    found = spoiled_gradient_echo(dynamic(data), None, tissue, t1_s=1.5, **SETTINGS)
    assert np.isfinite(found.concentration.data.compute()).all(axis=0).sum() == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"flip_angle_deg": None}, "does not state the flip angle"),
        ({"repetition_time_ms": None}, "does not state the repetition time"),
        ({"relaxivity": None}, "relaxivity of the agent is not given"),
        ({"baseline_end_s": None}, "without agent is not given"),
        ({"baseline_end_s": 0.0}, "no frame from the 1. on lies before 0 s"),
        ({"t1_s": None}, "T1 of the tissue before the agent is not known"),
    ],
)
def test_nothing_is_guessed(changes: dict[str, Any], sentence: str) -> None:
    _, _, data = example()
    with pytest.raises(CannotCompute, match=sentence):
        spoiled_gradient_echo(dynamic(data), **(SETTINGS | {"t1_s": 1.5} | changes))


def test_a_signal_that_the_sequence_cannot_give_is_refused() -> None:
    data = np.zeros((10, 1, 2, 2))
    with pytest.raises(CannotCompute, match="no sample of dynamic has a signal"):
        spoiled_gradient_echo(dynamic(data), t1_s=1.5, **SETTINGS)


def test_a_map_without_a_unit_is_refused() -> None:
    _, t1, data = example()
    t1_map = Image.from_array(t1, "zyx", spacing=500.0, name="T1")
    with pytest.raises(CannotCompute, match="whether it is in s or ms"):
        spoiled_gradient_echo(dynamic(data), t1_map, **SETTINGS)


def test_the_error_of_the_scale_is_that_of_many_tries() -> None:
    rng = np.random.default_rng(9)
    clean = signal(1 / (1 / 1.5 + R1 * np.r_[np.zeros(3), np.full(7, 0.5)]))
    tries = clean[:, None, None, None] * np.ones((10, 1, 1, 20_000))
    noisy = tries.copy()
    noisy[:3] += rng.normal(0, 10, (3, 1, 1, 20_000))
    t1 = 1.5 * rng.normal(1, 0.03, (1, 1, 20_000))
    quantity = Quantity("T1", "s")
    t1_map = Image.from_array(t1, "zyx", spacing=500.0, quantity=quantity)
    found = spoiled_gradient_echo(
        dynamic(noisy), t1_map, t1_error_percent=3.0, **SETTINGS
    )
    late = found.concentration.data[9].compute()
    stated = np.sqrt(np.mean(found.scale_error.data.compute() ** 2))
    assert late.std() / 0.5 == pytest.approx(stated, rel=0.05)
