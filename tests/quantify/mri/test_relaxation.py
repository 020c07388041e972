from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nanoscape.compute import Threads, using
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Quantity, Tags
from nanoscape.quantify.mri.iron_oxide import iron_oxide
from nanoscape.quantify.mri.relaxation import (
    t1_flip_angles,
    t1_inversion_recovery,
    t2_echoes,
)

# Signals of QIBA's digital reference object T1 v03 at 3, 6, 9, 15, 24 and 35°, TR 5 ms,
# with R1 in 1/s, as in test/T1_mapping/data/t1_quiba_data.csv of OSIPI's
# DCE-DSC-MRI_CodeCollection, Apache License 2.0.
QIBA = (
    ((1475, 1276, 981, 644, 406, 276), 0.3536),
    ((1885, 2053, 1746, 1217, 798, 551), 0.7071),
    ((820, 993, 904, 665, 443, 310), 1.0),
    ((2196, 2953, 2858, 2227, 1541, 1084), 1.4142),
    ((923, 1354, 1403, 1181, 846, 605), 2.0),
    ((2384, 3773, 4197, 3812, 2878, 2091), 2.8284),
    ((979, 1644, 1944, 1926, 1536, 1152), 4.0),
    ((2497, 4386, 5470, 5915, 5068, 3925), 5.6569),
    ((1009, 1843, 2401, 2821, 2606, 2111), 8.0),
    ((2556, 4779, 6453, 8164, 8180, 6981), 11.314),
    ((1026, 1966, 2726, 3672, 3991, 3618), 16.0),
    ((2587, 4996, 7094, 10077, 11811, 11427), 22.627),
    ((1037, 2026, 2922, 4327, 5431, 5619), 32.0),
    ((2602, 5117, 7459, 11407, 15174, 16751), 45.255),
)
ANGLES = "3, 6, 9, 15, 24, 35"


def stack(values: NDArray[Any], **tags: list[float]) -> list[Image]:
    """Return one image for each row, of pixels in a line."""
    return [
        Image.from_array(
            row.reshape(1, 1, -1), "zyx", spacing=500.0, name=f"image {n}",
            tags=Tags.of("header", **{k: v[n] for k, v in tags.items()}),
        )
        for n, row in enumerate(values)
    ]  # fmt: skip


def values(image: Image) -> NDArray[Any]:
    return image.data.compute().ravel()


def test_qibas_reference_object_within_osipis_tolerance() -> None:
    images = stack(np.array([signals for signals, _ in QIBA], float).T)
    found = t1_flip_angles(images, flip_angles_deg=ANGLES, repetition_time_ms=5.0)
    rates = np.array([rate for _, rate in QIBA])
    np.testing.assert_allclose(1 / values(found.time), rates, rtol=0.05, atol=0.05)
    assert (values(found.r_squared) > 0.999).all()
    assert found.time.quantity == Quantity("T1", "s")


def test_flip_angles_in_any_order_give_t1_exactly() -> None:
    rng = np.random.default_rng(3)
    t1, amount, tr = rng.uniform(0.1, 3, 40), rng.uniform(100, 1e4, 40), 0.01
    degrees = [15.0, 2.0, 25.0, 5.0, 10.0]
    e = np.exp(-tr / t1)
    rows = np.array(
        [
            amount * np.sin(a) * (1 - e) / (1 - e * np.cos(a))
            for a in np.radians(degrees)
        ]
    )
    images = stack(rows, flip_angle_deg=degrees, repetition_time_ms=[10.0] * 5)
    found = t1_flip_angles(images)
    np.testing.assert_allclose(values(found.time), t1, rtol=1e-5)
    with using(Threads(workers=2, block_shape=(1, 1, 7))):
        parts = t1_flip_angles(images)
    np.testing.assert_array_equal(values(parts.time), values(found.time))


@pytest.mark.parametrize("signal", ["magnitude", "with its sign"])
def test_inversion_recovery_finds_where_the_signal_crosses_zero(signal: Any) -> None:
    rng = np.random.default_rng(4)
    t1, a = rng.uniform(0.2, 3, 50), rng.uniform(500, 900, 50)
    b = a * rng.uniform(1.6, 2.0, 50)
    times = np.array([0.05, 0.2, 0.5, 0.9, 1.5, 3.0, 6.0])
    rows = a - b * np.exp(-times[:, None] / t1)
    rows = np.abs(rows) if signal == "magnitude" else rows
    images = stack(rows, inversion_time_ms=(times * 1e3).tolist())
    found = t1_inversion_recovery(images, signal=signal)
    np.testing.assert_allclose(values(found.time), t1, rtol=1e-5)


def test_echoes_give_t2_with_and_without_a_constant() -> None:
    rng = np.random.default_rng(5)
    t2, amount = rng.uniform(0.01, 0.12, 50), rng.uniform(500, 900, 50)
    times = np.arange(1, 9) * 0.01
    rows = amount * np.exp(-times[:, None] / t2)
    tags = {"echo_time_ms": (times * 1e3).tolist()}
    found = t2_echoes(stack(rows, **tags), echoes="gradient echoes (T2*)")
    np.testing.assert_allclose(values(found.time), t2, rtol=1e-5)
    assert found.time.quantity.name == "T2*"
    raised = t2_echoes(stack(rows + 20, **tags), offset=True)
    np.testing.assert_allclose(values(raised.time), t2, rtol=1e-4)


def test_standard_errors_cover_at_the_stated_rate() -> None:
    rng = np.random.default_rng(6)
    times = np.arange(1, 9) * 0.01
    rows = 800 * np.exp(-times[:, None] / 0.04) + rng.normal(0, 8, (8, 2000))
    found = t2_echoes(stack(rows, echo_time_ms=(times * 1e3).tolist()))
    apart = np.abs(values(found.time) - 0.04) / values(found.error)
    assert 0.93 < (apart < 2.447).mean() < 0.97


def test_places_without_signal_are_missing() -> None:
    rows = np.array([[0.0, 10.0, np.nan], [0.0, 5.0, 3.0], [0.0, 2.6, 1.0]])
    found = t2_echoes(stack(rows, echo_time_ms=[10.0, 20.0, 30.0]))
    assert np.isnan(values(found.time)).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "does not state the flip angle"),
        ({"flip_angles_deg": "2, 5"}, "2 flip angles for 3 images"),
        ({"flip_angles_deg": "2, 5, x"}, "is no list of flip angles"),
        ({"flip_angles_deg": "2, 5, -3"}, "is not above 0"),
        ({"flip_angles_deg": "5, 5, 5"}, "all images have the same flip angle"),
        ({"flip_angles_deg": "2, 5, 9"}, "does not state the repetition time"),
    ],
)
def test_nothing_is_guessed(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises((CannotCompute, WrongInput), match=sentence):
        t1_flip_angles(stack(np.ones((3, 4))), **given)


def test_other_grids_are_refused() -> None:
    images = [*stack(np.ones((2, 4))), *stack(np.ones((1, 5)))]
    with pytest.raises(WrongInput, match="lie on other grids"):
        t1_flip_angles(images, flip_angles_deg="2, 5, 9", repetition_time_ms=5.0)
    with pytest.raises(WrongInput, match="there is one image"):
        t2_echoes(images[:1], echo_times_ms="10")


def test_only_the_tissue_is_computed() -> None:
    tissue = Labels.from_array(np.array([[[0, 1, 0, 0]]]), "zyx", spacing=500.0)
    rows = np.array([[8.0] * 4, [4.0] * 4])
    found = t2_echoes(stack(rows), tissue, echo_times_ms="10, 20")
    assert np.isfinite(values(found.time)).tolist() == [False, True, False, False]
    assert values(found.time)[1] == pytest.approx(0.01 / np.log(2), rel=1e-6)
    assert np.isnan(values(found.error)).all()


def star(t2: list[float], unit: str = "ms") -> Image:
    return Image.from_array(
        np.array([[t2]]), "zyx", spacing=500.0, quantity=Quantity("T2*", unit)
    )


def test_iron_by_the_change_of_t2_star() -> None:
    rate = iron_oxide(star([10.0, 20.0, 0.0]), star([40.0, 20.0, 40.0]))
    np.testing.assert_allclose(values(rate), [75, 0, np.nan], atol=1e-5)
    assert rate.quantity.unit == "1/s"
    iron = iron_oxide(
        star([0.01, 0.02, 0.0], "s"), star([0.04] * 3, "s"), relaxivity=150.0
    )
    np.testing.assert_allclose(values(iron), [0.5, 25 / 150, np.nan], rtol=1e-6)
    assert iron.quantity == Quantity("iron", "mM")
    with pytest.raises(CannotCompute, match="no pixel has a T2"):
        iron_oxide(star([0.0]), star([1.0]))
    with pytest.raises(CannotCompute, match="whether it is in s or ms"):
        iron_oxide(star([1.0], "a.u."), star([1.0]))
