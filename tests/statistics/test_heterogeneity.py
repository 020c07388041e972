"""Unevenness against closed forms and any way to cut the image."""

from __future__ import annotations

import math

import dask.array as da
import numpy as np
import pandas as pd
import pytest

from nanoscape.compute import Threads, using
from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Labels, Regions
from nanoscape.statistics.heterogeneity import heterogeneity


def image(values, **more):
    return Image.from_array(values, "yx", spacing=1.0, **more)


@pytest.mark.parametrize(
    ("values", "gini"),
    [
        ([1, 1, 1, 1], 0.0),
        ([0, 0, 0, 1], 0.75),
        (range(1, 6), 4 / 15),
        (range(1, 101), 0.33),
        ([0, 0, 0, 10, 10, 10], 0.5),
    ],
)
def test_gini_of_known_values(values, gini):
    row = heterogeneity(image(np.array([list(values)], float))).data.iloc[0]
    assert row.gini == pytest.approx(gini, abs=1e-12)


@pytest.mark.parametrize(
    ("sigma", "gini", "cv"), [(0.5, 0.27633, 0.53294), (1.0, 0.52050, 1.31083)]
)
def test_lognormal_values(sigma, gini, cv):
    from scipy import stats

    n = 1_000_000
    values = np.exp(sigma * stats.norm.ppf((np.arange(n) + 0.5) / n))
    row = heterogeneity(image(values.reshape(1000, 1000))).data.iloc[0]
    assert row.gini == pytest.approx(gini, rel=1e-3)
    assert row.coefficient_of_variation == pytest.approx(cv, rel=5e-3)


def test_binned_values_agree_with_sorted_ones(monkeypatch):
    values = np.random.default_rng(0).gamma(2.0, 1.0, (300, 400)) + 1e5
    exact = heterogeneity(image(values)).data.iloc[0]
    assert exact.standard_deviation == pytest.approx(values.std(), rel=1e-9)
    monkeypatch.setattr("nanoscape.statistics.heterogeneity.EXACT_PIXELS", 1)
    binned = heterogeneity(image(values)).data.iloc[0]
    for name in ("mean", "standard_deviation", "gini"):
        assert binned[name] == pytest.approx(exact[name], rel=1e-6)


@pytest.mark.parametrize("limit", [1, 2**24])
def test_chunks_and_workers_do_not_matter(limit, monkeypatch):
    monkeypatch.setattr("nanoscape.statistics.heterogeneity.EXACT_PIXELS", limit)
    values = np.random.default_rng(0).gamma(2.0, 1.0, (210, 180))
    numbers = np.random.default_rng(1).integers(0, 4, values.shape)
    tables = []
    for chunk, workers in [(13, 1), (64, 2), (210, 2)]:
        with using(Threads(workers=workers, block_shape=(chunk, chunk))):
            source = image(da.from_array(values, chunks=chunk))
            labels = Labels.from_array(
                da.from_array(numbers, chunks=chunk + 1), "yx", spacing=1.0
            )
            tables.append(heterogeneity(source, labels).data)
    pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)
    pd.testing.assert_frame_equal(tables[0], tables[2], check_exact=True)
    assert tables[0].region.tolist() == ["1", "2", "3"]
    row = tables[0].iloc[1]
    chosen = values[numbers == 2]
    assert row.n_pixels == chosen.size
    assert row["mean"] == pytest.approx(chosen.mean(), rel=1e-12)


def test_regions_of_one_name_are_one_row_and_excluded_areas_are_left_out():
    values = np.arange(100.0).reshape(10, 10)
    values[0, 0] = np.nan

    def box(top, left, height, width):
        y, x = top - 0.5, left - 0.5
        return np.array(
            [[y, x], [y, x + width], [y + height, x + width], [y + height, x]]
        )

    regions = Regions(
        polygons=(box(0, 0, 2, 2), box(8, 8, 2, 2), box(4, 0, 1, 10)),
        names=("rim", "rim", "core"),
        axes="yx",
        space="world",
        name="areas",
    )
    mask = np.zeros((10, 10), np.uint8)
    mask[4, :5] = 1
    table = heterogeneity(
        image(values), regions, [Labels.from_array(mask, "yx", spacing=1.0)]
    ).data.set_index("region")
    assert table.n_pixels.to_dict() == {"rim": 7, "core": 5}
    assert table.n_not_measured["rim"] == 1
    assert table["mean"]["core"] == pytest.approx(47.0)


def test_names_come_from_the_table_of_labels():
    names = pd.DataFrame({"index": [2], "name": ["core"]})
    labels = Labels.from_array(np.array([[1, 2]]), "yx", spacing=1.0, table=names)
    table = heterogeneity(image(np.array([[1.0, 2.0]])), labels).data
    assert table.region.tolist() == ["1", "core"]


def test_negative_values_have_no_gini_but_a_reason():
    table = heterogeneity(image(np.array([[-1.0, 2.0, 3.0]])))
    row = table.data.iloc[0]
    assert math.isnan(row.gini)
    assert row.gini_reason == "some values are negative"
    assert any("negative" in note for note in table.notes)


def test_nothing_measured_is_one_sentence():
    with pytest.raises(CannotCompute, match="no measured pixel"):
        heterogeneity(image(np.full((3, 3), np.nan), name="drug"))
