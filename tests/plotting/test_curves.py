from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure as Page
from matplotlib.text import Text

from nanoscape.model import Affine, Edge, Landmarks, Quality
from nanoscape.plotting.landmarks import draw_landmark_errors
from nanoscape.plotting.profile import draw_distance_profile
from nanoscape.plotting.style import DARK


def texts(axes):
    found = [text.get_text() for text in axes.texts]
    return [*found, axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()]


@pytest.fixture
def alignment():
    moving = np.array([[0.0, 0.0], [0.0, 800.0], [1000.0, 0.0], [1000.0, 800.0]])
    shifts = np.array([[0.0, 10.0], [5.0, 0.0], [0.0, 0.0], [-4.0, 3.0]])
    pairs = Landmarks(
        moving=moving, fixed=moving - shifts, moving_space="msi", fixed_space="slide"
    )
    quality = Quality("landmarks", 12.34, 25.0)
    edge = Edge(
        moving="msi", fixed="slide", transform=Affine.identity("yx"), quality=quality
    )
    errors = pd.DataFrame(
        {
            "landmark": pairs.names,
            "left_out_error_um": [14.0, 7.0, np.nan, 70.0],
            "outlier": [False, False, False, True],
        }
    )
    return pairs, edge, errors


def test_arrows_are_as_many_times_too_long_as_they_say(alignment):
    axes = Page().add_subplot()
    factor = draw_landmark_errors(axes, *alignment)
    assert factor == 10.0
    arrows = [a for a in axes.texts if a.arrow_patch is not None]
    pairs, _, _ = alignment
    drawn = {tuple(a.xyann): np.subtract(a.xy, a.xyann) for a in arrows}
    for (y, x), (moving_y, moving_x) in zip(pairs.fixed, pairs.moving, strict=True):
        expected = [factor * (moving_x - x), factor * (moving_y - y)]
        np.testing.assert_allclose(drawn[(x, y)], expected)
    words = " ".join(texts(axes))
    assert "Expected error 12.3 µm (95 %: 25 µm)" in words
    assert "10 times too long" in words
    assert "x in slide (µm)" in words
    assert {"L1", "L4"} <= set(texts(axes))


def test_arrows_end_inside_the_axes_and_y_runs_down(alignment):
    axes = Page().add_subplot()
    draw_landmark_errors(axes, *alignment, magnification=30.0, theme=DARK)
    assert axes.yaxis_inverted()
    left, right = axes.get_xlim()
    # L1 lies at x = -10, and its arrow points 300 to the right; L4 at 797.
    assert left < -10.0
    assert right > 797 + 90


def test_outliers_differ_by_more_than_colour(alignment):
    axes = Page().add_subplot()
    draw_landmark_errors(axes, *alignment)
    shapes = {line.get_label(): line.get_marker() for line in axes.lines}
    assert shapes == {"landmark": "o", "outlier": "X"}
    assert [t.get_text() for t in axes.get_legend().get_texts()] == list(shapes)


def test_a_profile_names_its_units_and_marks_its_half_distance():
    distance = np.arange(5.0, 100, 10)
    mean = np.exp(-distance / 30)
    profile = pd.DataFrame(
        {
            "distance_um": distance,
            "mean": mean,
            "lower_quartile": mean * 0.8,
            "upper_quartile": mean * 1.2,
            "unit": "ng/mL",
            "n_pixels": 1000,
            "n_samples": np.arange(10, 20),
        }
    )
    summary = pd.Series(
        {
            "half_distance_um": 20.8,
            "decay_length_um": 30.0,
            "offset": 0.0,
            "amplitude": 1.0,
            "law": "exponential",
        }
    )
    axes = Page().add_subplot()
    draw_distance_profile(axes, profile, summary)
    words = " ".join(texts(axes))
    assert "(µm)" in axes.get_xlabel()
    assert "ng/mL" in axes.get_ylabel()
    assert "half at 20.8 µm" in words
    shown = [text for text in axes.findobj(Text) if text.get_text()]
    assert {text.get_fontsize() for text in shown} <= {7, 8}
    lines = {line.get_label(): line for line in axes.lines}
    np.testing.assert_allclose(lines["mean"].get_xdata(), distance)
    fitted = next(line for label, line in lines.items() if "exponential" in label)
    np.testing.assert_allclose(fitted.get_ydata(), mean)
    assert any(np.allclose(line.get_xdata(), 20.8) for line in axes.lines)
    assert "10\u202f000 pixels; at least 10 samples" in words
