"""Derivatives and eigenvalues against closed forms and an independent solver."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from nanoscape.segmentation.hessian import (
    eigenvalues_3x3,
    gaussian_kernels,
    mirrored,
    smoothed,
)
from nanoscape.segmentation.ridge import (
    noise_gain,
    normalised_eigenvalues,
    scale_for,
    strength,
)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.3, 6.0])
def test_kernels_are_exact_for_parabolas(sigma):
    kernels = gaussian_kernels(sigma)
    x = np.arange(-kernels.radius, kernels.radius + 1, dtype=float)

    def full(half, sign):
        return np.concatenate([sign * half[:0:-1], half]).astype(float)

    smooth, first = full(kernels.smooth, 1), full(kernels.first, -1)
    second = full(kernels.second, 1)
    assert smooth.sum() == pytest.approx(1, abs=1e-6)
    assert (first * x).sum() == pytest.approx(1, abs=1e-6)
    assert second.sum() == pytest.approx(0, abs=1e-6)
    assert (second * x**2 / 2).sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("length", "radius"), [(1, 5), (2, 7), (5, 3), (9, 40)])
def test_lines_are_continued_by_their_mirror_image(length, radius):
    expected = np.pad(np.arange(length), radius, mode="symmetric")
    np.testing.assert_array_equal(mirrored(length, radius), expected)


@pytest.mark.parametrize("shape", [(40, 31), (12, 17, 14), (1, 9), (3, 1, 5)])
def test_smoothing_is_that_of_scipy(shape):
    image = np.random.default_rng(1).random(shape).astype(np.float32)
    sigmas = (1.7, 0.9, 2.5)[: len(shape)]
    expected = ndimage.gaussian_filter(image.astype(float), sigmas, truncate=4)
    np.testing.assert_allclose(smoothed(image, sigmas), expected, atol=2e-6)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(-1000, 1000, width=32), min_size=6, max_size=6), st.booleans()
)
def test_eigenvalues_are_those_of_lapack(values, isotropic):
    zz, yy, xx, zy, zx, yx = values
    if isotropic:
        yy = xx = zz
        zx = yx = 0.0
    matrix = np.array([[zz, zy, zx], [zy, yy, yx], [zx, yx, xx]])
    expected = np.linalg.eigvalsh(matrix)
    found = eigenvalues_3x3(zz, yy, xx, zy, zx, yx)
    # A double root is known to half of the digits.
    assert np.allclose(found, expected, atol=1e-7 * max(1.0, np.abs(matrix).max()))


def tube(ndim, s, step, angle=0.0, size=121):
    """A tube with a Gaussian profile of standard deviation ``s`` µm through 0."""
    axis = (np.arange(size) - size // 2) * step
    if ndim == 2:
        y, x = np.meshgrid(axis, axis, indexing="ij")
        across = y * math.cos(angle) - x * math.sin(angle)
        return np.exp(-0.5 * (across / s) ** 2).astype(np.float32)
    short = np.arange(-12, 13) * step
    z, y, x = np.meshgrid(axis, axis, short, indexing="ij")
    return np.exp(-0.5 * (z**2 + y**2) / s**2).astype(np.float32)


@pytest.mark.parametrize("angle", [0.0, 0.4, math.pi / 4])
@pytest.mark.parametrize("sigma", [2.0, 3.0, 5.0])
def test_answer_to_a_gaussian_line_is_the_closed_form(sigma, angle):
    s, step = 3.0, 0.5
    scale = scale_for(sigma, (step, step), binned=False)
    _, low, high = normalised_eigenvalues(tube(2, s, step, angle), scale)
    centre = (60, 60)
    expected = -(sigma**2) * s / (s**2 + sigma**2) ** 1.5
    # Kernels that end at 4 σ cost up to 0.7 % of the curvature.
    assert low[centre] == pytest.approx(expected, rel=1e-2)
    assert high[centre] == pytest.approx(0, abs=2e-3)


def test_answer_to_a_gaussian_cylinder_is_the_closed_form():
    s, step, sigma = 3.0, 1.0, 3.0
    image = tube(3, s, step, size=61)
    scale = scale_for(sigma, (step,) * 3, binned=False)
    _, low, middle, high = normalised_eigenvalues(image, scale)
    centre = (30, 30, 12)
    expected = -(sigma**2) * s**2 / (s**2 + sigma**2) ** 2
    assert low[centre] == pytest.approx(expected, rel=5e-3)
    assert middle[centre] == pytest.approx(expected, rel=5e-3)
    assert high[centre] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(("ndim", "best"), [(2, math.sqrt(2)), (3, 1.0)])
def test_the_strongest_answer_is_at_the_tubes_own_scale(ndim, best):
    # σ²·s/(s²+σ²)^1.5 peaks at √2·s, σ²·s²/(s²+σ²)² at s.
    s, step = 2.5, 1.0
    image = tube(ndim, s, step, size=81 if ndim == 3 else 161)
    centre = tuple(n // 2 for n in image.shape)
    sigmas = np.linspace(1.5, 6.0, 19)
    answers = []
    for sigma in sigmas:
        scale = scale_for(float(sigma), (step,) * ndim, binned=False)
        _, *values = normalised_eigenvalues(image, scale)
        answers.append(strength(tuple(values), "sato")[centre])
    assert sigmas[int(np.argmax(answers))] == pytest.approx(best * s, abs=0.26)


def test_tubes_of_all_widths_answer_alike_at_their_own_scales():
    answers = []
    for s in (2.0, 4.0, 8.0):
        scale = scale_for(math.sqrt(2) * s, (1.0, 1.0), binned=False)
        _, *values = normalised_eigenvalues(tube(2, s, 1.0, size=161), scale)
        answers.append(strength(tuple(values), "sato")[80, 80])
    assert answers == pytest.approx([2 / 3**1.5] * 3, rel=0.01)


def test_voxels_that_are_not_cubes_make_no_difference():
    s, sigma = 4.0, 4.0
    found = []
    for steps in [(1.0, 1.0, 1.0), (2.0, 1.0, 0.5)]:
        shape = [round(60 / step) | 1 for step in steps]
        z, y, x = np.meshgrid(
            *((np.arange(n) - n // 2) * h for n, h in zip(shape, steps, strict=True)),
            indexing="ij",
        )
        image = np.exp(-0.5 * ((z + y) ** 2 / 2 + x**2) / s**2).astype(np.float32)
        scale = scale_for(sigma, steps, binned=False)
        _, *values = normalised_eigenvalues(image, scale)
        centre = tuple(n // 2 for n in shape)
        found.append([float(value[centre]) for value in values])
    assert found[1] == pytest.approx(found[0], abs=5e-3)


def test_noise_of_an_answer_is_predicted():
    noise = np.random.default_rng(0).normal(size=(700, 700)).astype(np.float32)
    scale = scale_for(3.0, (1.0, 1.0), binned=False)
    curve = gaussian_kernels(3.0).second
    full = np.concatenate([curve[:0:-1], curve])
    xx = ndimage.correlate1d(smoothed(noise, (3.0, 0.0)), full, axis=1)
    assert np.std(9 * xx) == pytest.approx(noise_gain(scale), rel=0.05)


def test_frangi_weakens_round_spots_and_sato_does_not():
    axis = np.arange(-30, 31)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    spot = np.exp(-0.5 * (x**2 + y**2) / 9).astype(np.float32)
    line = np.exp(-0.5 * x**2 / 9.0).astype(np.float32)
    scale = scale_for(3.0, (1.0, 1.0), binned=False)
    answers = {}
    for kind in ("frangi", "sato"):
        for name, image in (("spot", spot), ("line", line)):
            _, *values = normalised_eigenvalues(image, scale)
            answers[kind, name] = strength(tuple(values), kind)[30, 30]
    assert answers["frangi", "line"] == pytest.approx(answers["sato", "line"], rel=1e-3)
    ratio = answers["frangi", "spot"] / answers["sato", "spot"]
    assert ratio == pytest.approx(math.exp(-2), rel=0.02)
