from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nanoscape.errors import CannotCompute
from nanoscape.model import Landmarks
from nanoscape.registration.align_landmarks import align_landmarks
from nanoscape.registration.click_order import describe_cycles
from nanoscape.registration.linear_fit import fit, sum_of_squares

sys.path.insert(0, str(Path(__file__).parent))
from landmark_cases import PIXEL, clicked, linear_map

MODELS = ["rigid", "similarity", "affine"]


def with_fixed(pairs, fixed):
    return Landmarks(
        moving=pairs.moving,
        fixed=fixed,
        moving_space=pairs.moving_space,
        fixed_space=pairs.fixed_space,
        axes=pairs.axes,
    )


def warnings_of(pairs, **options):
    return " ".join(align_landmarks(pairs, **options).edge.quality.warnings)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("model", MODELS)
def test_exact_clicks_give_the_exact_map(model, ndim):
    rng = np.random.default_rng(3)
    pairs, place = clicked(model, 9, ndim=ndim, click=0.0, rng=rng)
    result = align_landmarks(pairs, model=model)
    places = rng.uniform(0, 3000, (20, ndim))
    found = result.edge.transform.apply(places)
    np.testing.assert_allclose(found, place(places), atol=1e-7)
    assert result.edge.quality.expected_error_um == pytest.approx(0, abs=1e-6)
    assert result.edge.quality.warnings == ()
    assert (result.edge.moving, result.edge.fixed) == ("msi", "slide")
    assert not result.table.data["outlier"].any()


def test_similarity_of_umeyamas_paper():
    """R, t and c of the example in doi:10.1109/34.88573; the misfit is 8/15."""
    moving = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    fixed = np.array([[0.0, 0.0], [-1.0, 0.0], [0.0, 2.0]])
    linear, shift = fit(moving, fixed, "similarity")
    scale = np.sqrt(np.linalg.det(linear))
    np.testing.assert_allclose(
        linear / scale, [[0.832, 0.555], [-0.555, 0.832]], atol=5e-4
    )
    assert scale == pytest.approx(0.721, abs=5e-4)
    np.testing.assert_allclose(shift, [-0.8, 0.4], atol=5e-4)
    squares = sum_of_squares(moving, fixed, "similarity")
    assert squares / 3 == pytest.approx(8 / 15)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("ndim", [2, 3])
def test_misfit_without_the_map_is_that_with_it(model, ndim, mirror):
    rng = np.random.default_rng(8)
    moving = rng.normal(size=(6, ndim))
    fixed = rng.normal(size=(4, 6, ndim))
    squares = sum_of_squares(moving, fixed, model, mirror=mirror)
    for trial, found in zip(fixed, squares, strict=True):
        linear, shift = fit(moving, trial, model, mirror=mirror)
        rest = trial - moving @ linear.T - shift
        assert found == pytest.approx((rest**2).sum(), rel=1e-9)


def test_left_out_error_is_that_of_a_fit_to_the_others():
    rng = np.random.default_rng(5)
    pairs, _ = clicked("affine", 7, rms=20, rng=rng)
    table = align_landmarks(pairs, model="affine").table.data
    design = np.column_stack([pairs.moving, np.ones(7)])
    hat = design @ np.linalg.inv(design.T @ design) @ design.T
    residuals = np.linalg.norm(pairs.fixed - hat @ pairs.fixed, axis=1)
    np.testing.assert_allclose(table["residual_um"], residuals, rtol=1e-9)
    expected = residuals / (1 - np.diag(hat))
    np.testing.assert_allclose(table["left_out_error_um"], expected, rtol=1e-9)


def test_auto_takes_a_freer_map_for_more_pairs():
    rng = np.random.default_rng(6)
    for count, name in [(3, "rigid"), (5, "similarity"), (6, "affine")]:
        pairs, _ = clicked("rigid", count, rng=rng)
        assert name in align_landmarks(pairs).edge.quality.method


def test_a_misplaced_click_is_named():
    pairs, _ = clicked("affine", 10, rng=np.random.default_rng(7))
    fixed = pairs.fixed.copy()
    fixed[6] += [600, -300]
    result = align_landmarks(with_fixed(pairs, fixed), model="affine")
    flagged = result.table.data.query("outlier")["landmark"]
    assert flagged.tolist() == ["L7"]
    assert result.edge.quality.warnings[0].startswith("L7 fits far worse")


def test_good_clicks_are_rarely_called_outliers():
    flags = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        pairs, _ = clicked("affine", 9, rms=20, rng=rng)
        quality = align_landmarks(pairs, model="affine").edge.quality
        flags.append(bool(quality.warnings))
    assert np.mean(flags) <= 0.06


@pytest.mark.parametrize("model", MODELS)
def test_exchanged_clicks_are_named(model):
    found = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        pairs, _ = clicked(model, 8, rms=0.4 * PIXEL, rng=rng)
        fixed = pairs.fixed.copy()
        fixed[[2, 5]] = fixed[[5, 2]]
        text = warnings_of(with_fixed(pairs, fixed), model=model)
        found += "L3 and L6 look exchanged" in text
        assert "mirrored" not in text
    assert found >= 38


@pytest.mark.parametrize("model", MODELS)
def test_three_clicks_in_another_order_are_named(model):
    found = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        pairs, _ = clicked(model, 9, rms=0.4 * PIXEL, rng=rng)
        fixed = pairs.fixed.copy()
        fixed[[1, 4, 6]] = fixed[[4, 6, 1]]
        text = warnings_of(with_fixed(pairs, fixed), model=model)
        found += "L2, L7 and L5 look clicked in another order" in text
    assert found >= 18


@pytest.mark.parametrize("model", MODELS)
def test_mirrored_clicks_are_reported_and_not_silently_followed(model):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        pairs, _ = clicked(model, 8, rms=0.4 * PIXEL, rng=rng)
        mirrored = with_fixed(pairs, pairs.fixed * [1, -1])
        result = align_landmarks(mirrored, model=model)
        assert "look mirrored" in " ".join(result.edge.quality.warnings)
        assert "exchanged:" not in " ".join(result.edge.quality.warnings)
        assert result.edge.transform.mirrors == (model == "affine")
        allowed = align_landmarks(mirrored, model=model, allow_mirror=True)
        assert allowed.edge.transform.mirrors
        straight = align_landmarks(pairs, model=model)
        assert allowed.edge.quality.expected_error_um == pytest.approx(
            straight.edge.quality.expected_error_um
        )
        assert "mirrored" not in " ".join(allowed.edge.quality.warnings)


def test_pixel_sizes_that_do_not_agree_are_reported():
    rng = np.random.default_rng(9)
    pairs, _ = clicked("rigid", 8, rng=rng)
    for model in MODELS:
        assert warnings_of(pairs, model=model) == ""
        larger = with_fixed(pairs, pairs.fixed * 1.3)
        assert "becomes 13" in warnings_of(larger, model=model)


def test_exactly_enough_pairs_give_no_expected_error():
    pairs, _ = clicked("affine", 3, rng=np.random.default_rng(1))
    quality = align_landmarks(pairs, model="affine").edge.quality
    assert quality.expected_error_um is None
    assert "click at least one more pair" in quality.warnings[-1]


def test_landmarks_near_a_line_are_reported():
    pairs, _ = clicked("rigid", 8, click=1.0, rng=np.random.default_rng(2))
    linear, shift = linear_map("rigid", 2, np.random.default_rng(2))
    moving = pairs.moving * [1.0, 0.04]
    thin = Landmarks(
        moving=moving, fixed=moving @ linear.T + shift, moving_space="a",
        fixed_space="b",
    )  # fmt: skip
    assert "nearly on a line" in warnings_of(thin, model="affine")


@pytest.mark.parametrize(
    ("moving", "axes", "model", "sentence"),
    [
        ([[0, 0], [1, 1]], "yx", "affine", "2 landmark pairs.*at least 3"),
        ([], "yx", None, "0 landmark pairs.*at least 2"),
        ([[0, 0], [9, 4], [9, 4], [3, 8]], "yx", "rigid", "L2 and L3 lie at the same"),
        ([[0, 0], [1, 1], [2, 2], [5, 5]], "yx", "affine", "on a line.*Click a pair"),
        ([[0, 0, 0], [1, 1, 1], [2, 2, 2]], "zyx", "rigid", "on a line"),
        (
            [[0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 5, 2], [0, 3, 3]],
            "zyx",
            "affine",
            "on a plane",
        ),
    ],
)
def test_what_cannot_be_fitted_is_one_sentence(moving, axes, model, sentence):
    pairs = Landmarks(
        moving=moving, fixed=moving, moving_space="a", fixed_space="b", axes=axes
    )
    with pytest.raises(CannotCompute, match=sentence):
        align_landmarks(pairs, model=model)


def test_landmarks_on_a_line_are_enough_for_a_rigid_map():
    places = np.array([[0.0, 0.0], [10.0, 0.0], [30.0, 1e-9], [45.0, 0.0]])
    pairs = Landmarks(
        moving=places, fixed=places[:, ::-1] * [1, -1] + 3.0, moving_space="a",
        fixed_space="b",
    )  # fmt: skip
    found = align_landmarks(pairs, model="rigid").edge.transform
    np.testing.assert_allclose(found.apply(places), pairs.fixed, atol=1e-6)


def test_cycles_in_words():
    names = [f"L{i}" for i in range(1, 8)]
    text = describe_cycles([1, 0, 2, 4, 5, 3, 6], names)
    assert text == (
        "L1 and L2 look exchanged; L4, L5 and L6 look clicked in another order"
    )


def test_independent_landmarks_of_a_synthetic_section(shared_data):
    path = shared_data / "multimodal" / "msi_he_synth" / "landmarks.csv"
    table = pd.read_csv(path)
    pairs = Landmarks(
        moving=table[["msi_y_um", "msi_x_um"]].to_numpy(),
        fixed=table[["he_y_um", "he_x_um"]].to_numpy(),
        moving_space="msi",
        fixed_space="he",
        names=tuple(table["name"]),
    )
    for model in MODELS:
        edge = align_landmarks(pairs, model=model).edge
        assert edge.quality.warnings == ()
        assert edge.quality.bound_95_um < 60
