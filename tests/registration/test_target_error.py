"""The stated bound holds at places that were not clicked."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chi2

from nanoscape.registration.align_landmarks import align_landmarks
from nanoscape.registration.linear_fit import fit
from nanoscape.registration.target_error import (
    Variances,
    area_nodes,
    error_bound,
    expected_error,
    prediction_covariance,
)

sys.path.insert(0, str(Path(__file__).parent))
from landmark_cases import PIXEL, SIZE, clicked, inside, linear_map

CLICK = 0.25 * PIXEL
DEFORMATION = 0.4 * PIXEL

# model, pairs, dimensions, RMS of deformation, click error, what is stated of both
CASES = {
    "clicks only, affine, 6": ("affine", 6, 2, 0.0, CLICK, None, False),
    "clicks only, affine, 12": ("affine", 12, 2, 0.0, CLICK, None, False),
    "clicks only, similarity, 5": ("similarity", 5, 2, 0.0, CLICK, None, False),
    "clicks only, rigid, 4": ("rigid", 4, 2, 0.0, CLICK, None, False),
    "clicks only, rigid, 3D, 8": ("rigid", 8, 3, 0.0, CLICK, None, False),
    "deformed, affine, 8": ("affine", 8, 2, DEFORMATION, CLICK, CLICK, True),
    "deformed, affine, 16": ("affine", 16, 2, DEFORMATION, CLICK, CLICK, True),
    "deformed, similarity, 8": ("similarity", 8, 2, DEFORMATION, CLICK, CLICK, True),
    "deformed, rigid, 6": ("rigid", 6, 2, DEFORMATION, CLICK, CLICK, True),
    "deformed, affine, 3D, 12": ("affine", 12, 3, DEFORMATION, CLICK, CLICK, True),
    "deformed, exact clicks": ("affine", 8, 2, DEFORMATION, 1.0, None, True),
}


def coverage(case, runs, seed=11):
    """Return the share of places within the bound, and true over expected error."""
    model, count, ndim, rms, click, stated, deforms = case
    covered, expected, true = [], [], []
    for child in np.random.SeedSequence(seed).spawn(runs):
        rng = np.random.default_rng(child)
        pairs, place = clicked(
            model, count, ndim=ndim, rms=rms, click=click, stated=stated, rng=rng
        )
        edge = align_landmarks(pairs, model=model, deforms=deforms).edge
        held_out = inside(pairs, rng)
        if len(held_out) == 0:
            continue
        error = np.linalg.norm(edge.transform.apply(held_out) - place(held_out), axis=1)
        covered.append((error <= edge.quality.bound_95_um).mean())
        expected.append(edge.quality.expected_error_um**2)
        true.append((error**2).mean())
    return np.mean(covered), np.sqrt(np.mean(true) / np.mean(expected))


@pytest.mark.parametrize("name", ["clicks only, affine, 6", "deformed, affine, 8"])
def test_bound_covers_the_true_error(name):
    share, ratio = coverage(CASES[name], runs=250)
    assert 0.92 <= share <= 0.98
    assert 0.75 <= ratio <= 1.15


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_bound_covers_the_true_error_in_many_cases(name):
    share, ratio = coverage(CASES[name], runs=1000, seed=12)
    assert 0.92 <= share <= 0.98
    assert 0.75 <= ratio <= 1.15


def test_without_a_stated_click_error_the_bound_is_wide_but_holds():
    case = ("affine", 8, 2, 0.0, CLICK, None, True)
    share, ratio = coverage(case, runs=60)
    assert share > 0.98
    assert ratio < 0.75


def test_expected_error_is_the_closed_form_of_regression():
    """Four corners of a square: the leverage of an affine fit is known."""
    side = 100.0
    corners = np.array([[0, 0], [0, side], [side, 0], [side, side]])
    linear, _ = fit(corners, corners, "affine")
    # At the centre 1/n; at a corner 1/4 + 1/4 + 1/4.
    K = prediction_covariance(
        np.array([[side / 2, side / 2], [0.0, 0.0]]), corners, linear, "affine"
    )
    np.testing.assert_allclose(K, [np.eye(2) / 4, np.eye(2) * 3 / 4], atol=1e-12)
    places, weights = area_nodes(corners)
    K = prediction_covariance(places, corners, linear, "affine")
    variances = Variances(np.ones(1), np.array([9.0]), np.array([4.0]), (9.0, 4.0))
    # The mean of (y/100)² over the square, from its centre, is 1/12: 1/4 + 2/12.
    exact = np.sqrt(2 * (9 * (1 / 4 + 2 / 12) + 4))
    assert expected_error(variances, K, weights) == pytest.approx(exact, rel=1e-9)


def test_expected_error_of_a_rigid_fit_is_that_of_fitzpatrick():
    """<TRE²> = FLE²/N (1 + (1/d) Σ dₖ²/fₖ²), doi:10.1109/42.736021, equation 46."""
    rng = np.random.default_rng(4)
    landmarks = rng.normal(size=(7, 3)) * [100, 70, 40]
    linear, _ = linear_map("rigid", 3, rng)
    target = np.array([[50.0, -20.0, 130.0]])
    K = prediction_covariance(target, landmarks, linear, "rigid")[0]
    centre = landmarks.mean(axis=0)
    _, _, axes = np.linalg.svd(landmarks - centre)
    x, place = (landmarks - centre) @ axes.T, ((target - centre) @ axes.T)[0]
    terms = 0.0
    for k in range(3):
        others = [i for i in range(3) if i != k]
        terms += (place[others] ** 2).sum() / (x[:, others] ** 2).sum(axis=1).mean()
    fle_squared = 3.0
    assert np.trace(K) == pytest.approx(fle_squared / 7 * (1 + terms / 3), rel=1e-9)


def test_bound_is_a_quantile_of_chi_squared():
    K = np.eye(3)[None] * 0.5
    variances = Variances(np.ones(1), np.array([4.0]), np.array([7.0]), (4.0, 7.0))
    expected = np.sqrt((4 * 0.5 + 7) * chi2.isf(0.05, 3))
    assert error_bound(variances, K, np.ones(1)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_nodes_fill_the_area_of_the_landmarks(ndim):
    """Any flat cloud in space: centre of mass and size of its hull."""
    rng = np.random.default_rng(ndim)
    corners = np.array(np.meshgrid(*[[0.0, SIZE]] * ndim)).reshape(ndim, -1).T
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0][:, :ndim]
    places, weights = area_nodes(corners @ turn.T)
    assert weights.sum() == pytest.approx(1)
    centre = weights @ places
    np.testing.assert_allclose(centre, corners.mean(axis=0) @ turn.T, atol=1e-6)
    spread = weights @ ((places - centre) ** 2).sum(axis=1)
    assert spread == pytest.approx(ndim * SIZE**2 / 12, rel=1e-9)
