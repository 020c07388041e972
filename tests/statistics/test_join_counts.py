"""Join counts against published values, all permutations and any cut."""

from __future__ import annotations

import itertools
import math

import dask.array as da
import numpy as np
import pandas as pd
import pytest

from nanoscape.compute import Threads, using
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Labels
from nanoscape.statistics.raster.join_counts import join_counts


def labels(values, **more):
    values = np.asarray(values)
    return Labels.from_array(values, "zyx"[-values.ndim :], spacing=1.0, **more)


def test_halves_of_four_by_four_as_published():
    # PySAL esda: BB = 10, BW = 4, WW = 10 on a lattice with rook's neighbours.
    table = join_counts(labels(np.repeat([2, 1], 8).reshape(4, 4)), weights="rook")
    data = table.data.set_index(["class_a", "class_b"])
    assert data.joins.to_dict() == {("1", "1"): 10, ("1", "2"): 4, ("2", "2"): 10}
    assert (data.n_joins == 24).all()
    # Over all places: 24 joins times 8 · 7 / (16 · 15).
    assert data.expected["1", "1"] == pytest.approx(5.6)
    assert data.expected["1", "2"] == pytest.approx(24 * 64 / 120)
    assert data.z["1", "1"] > 2
    assert data.z["1", "2"] < -2


@pytest.mark.parametrize("weights", ["queen", "rook"])
@pytest.mark.parametrize("shape", [(2, 4), (2, 2, 2), (1, 8)])
def test_mean_and_variance_are_those_of_all_permutations(weights, shape):
    kinds = [1, 1, 1, 2, 2, 3, 3]
    hole = 2
    counts = {}
    for order in set(itertools.permutations(kinds)):
        values = np.insert(np.array(order), hole, 0).reshape(shape)
        data = join_counts(labels(values), weights=weights).data
        for item in data.itertuples():
            pair = (item.class_a, item.class_b)
            counts.setdefault(pair, []).append(item.joins)
    for item in data.itertuples():
        found = counts[item.class_a, item.class_b]
        assert len(found) == 210
        assert np.mean(found) == pytest.approx(item.expected, rel=1e-12)
        if math.isfinite(item.z):
            assert np.var(found) == pytest.approx(item.variance, rel=1e-9)
            z = (item.joins - np.mean(found)) / np.std(found)
            assert item.z == pytest.approx(z, rel=1e-9)
        else:
            assert np.var(found) == pytest.approx(0, abs=1e-12)
            assert "wherever" in item.reason


def test_chunks_regions_and_names():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 4, (1100, 40))
    areas = 1 + (np.arange(40) >= 25) * np.ones((1100, 1), int)
    areas[:7] = 3
    names = pd.DataFrame({"index": [1, 2, 3], "name": ["T", "B", "vessel"]})
    tables = []
    for chunk, workers in [(1100, 1), (33, 2)]:
        with using(Threads(workers=workers, block_shape=(chunk, chunk))):
            classes = labels(da.from_array(values, chunks=chunk), table=names)
            region = labels(da.from_array(areas, chunks=chunk + 1))
            tables.append(join_counts(classes, region).data)
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    data = tables[0].set_index(["region", "class_a", "class_b"])
    alone = join_counts(labels(values[7:, :25], table=names)).data
    assert data.joins["1"].tolist() == alone.joins.tolist()
    assert ("2", "T", "vessel") in data.index
    # Every pair of touching pixels is in one row.
    whole = join_counts(labels(values), unlabelled="a class").data
    assert whole.joins.sum() == whole.n_joins[0] == 4 * 1100 * 40 - 3 * 1140 + 2
    assert whole.class_a.iloc[0] == "none"
    assert whole.n_a.iloc[0] == (values == 0).sum()


def test_bad_input_has_a_reason_or_is_one_sentence():
    with pytest.raises(CannotCompute, match="no class in the region"):
        join_counts(labels(np.zeros((4, 4), int)))
    with pytest.raises(WrongInput, match="at most 64 classes"):
        join_counts(labels(np.arange(1, 101).reshape(10, 10)))
    found = join_counts(labels([[1, 2, 1]])).data
    assert found.reason.str.startswith("fewer than 4").all()
    found = join_counts(labels([[1, 0, 2, 0, 1, 0, 2]])).data
    assert (found.reason == "no two pixels touch").all()
    found = join_counts(labels(np.ones((3, 3), int))).data.iloc[0]
    assert (found.joins, found.expected) == (20, 20)
    assert "wherever" in found.reason
    assert math.isnan(found.p)
