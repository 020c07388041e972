"""Whatever the blocks, chunks and workers: the same answer, and the right one."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from nanoscape.compute import (
    Threads,
    distance_transform,
    keep_labels,
    label,
    map_blocks,
    using,
)
from nanoscape.compute.exact import bincount, histogram, total
from nanoscape.errors import CannotCompute

sizes = st.integers(1, 26)
blocks = st.integers(3, 17)


def lazy(array, chunk):
    return da.from_array(array, chunks=chunk)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_labels_are_those_of_the_whole_image(data):
    ndim = data.draw(st.sampled_from([2, 3]))
    shape = tuple(data.draw(sizes) for _ in range(ndim))
    block = tuple(data.draw(blocks) for _ in range(ndim))
    density = data.draw(st.sampled_from([0.1, 0.3, 0.45, 0.6]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    mask = rng.random(shape) < density
    expected, count = ndimage.label(mask, np.ones((3,) * ndim))
    with using(Threads(workers=2, block_shape=block)):
        labels, found = label(lazy(mask, data.draw(blocks)))
        np.testing.assert_array_equal(labels.compute(), expected)
    assert found == count


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_distances_are_exact(data):
    ndim = data.draw(st.sampled_from([2, 3]))
    shape = tuple(data.draw(sizes) for _ in range(ndim))
    spacing = [data.draw(st.sampled_from([0.5, 1.0, 2.75])) for _ in range(ndim)]
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    seeds = rng.random(shape) < data.draw(st.sampled_from([0.001, 0.02, 0.3]))
    seeds.flat[rng.integers(seeds.size)] = True
    found = distance_transform(lazy(seeds, data.draw(blocks)), spacing).compute()
    expected = ndimage.distance_transform_edt(~seeds, sampling=spacing)
    np.testing.assert_allclose(found, expected.astype(np.float32), rtol=2e-7)


def test_distance_without_seeds_is_one_sentence():
    with pytest.raises(CannotCompute, match="nothing to measure the distance from"):
        distance_transform(da.zeros((5, 5), bool), [1.0, 1.0])


def smooth(crop, sigma):
    return ndimage.gaussian_filter(crop, sigma, truncate=4)


@settings(max_examples=25, deadline=None)
@given(st.tuples(blocks, blocks), st.integers(5, 60), st.sampled_from([1, 2]))
def test_filter_with_halo_is_that_of_the_whole_image(block, chunk, workers):
    image = np.random.default_rng(3).random((61, 47)).astype(np.float32)
    with using(Threads(workers=workers, block_shape=block)):
        found = map_blocks(
            smooth, [lazy(image, chunk)], dtype="f4", halo=8, arguments=(2.0,)
        )
    np.testing.assert_array_equal(found.compute(), smooth(image, 2.0))


def test_large_results_go_through_the_scratch_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("nanoscape.compute.scratch.MEMORY_LIMIT", 1)
    mask = np.random.default_rng(0).random((70, 90)) < 0.4
    expected, _ = ndimage.label(mask, np.ones((3, 3)))
    with using(Threads(workers=2, block_shape=(16, 32), scratch=tmp_path)):
        labels, _ = label(lazy(mask, 20))
    np.testing.assert_array_equal(labels.compute(), expected)
    assert len(list(tmp_path.iterdir())) >= 1


def test_scratch_folder_is_empty_when_nobody_holds_the_result(tmp_path, monkeypatch):
    monkeypatch.setattr("nanoscape.compute.scratch.MEMORY_LIMIT", 1)
    with using(Threads(scratch=tmp_path)):
        result = map_blocks(smooth, [da.ones((30, 30))], dtype="f4", arguments=(1.0,))
    assert float(result.sum().compute()) > 0
    del result
    assert list(tmp_path.glob("*/array.zarr")) == []


def test_sums_and_histograms_do_not_depend_on_chunks():
    values = np.random.default_rng(1).normal(size=(300, 200)) * 1e6
    values[0, 0] = np.nan
    mask = values > 0
    results = []
    for chunk, workers in [(7, 1), (100, 2), (300, 2)]:
        with using(Threads(workers=workers, block_shape=(chunk, chunk))):
            array, chosen = lazy(values, chunk), lazy(mask, chunk)
            counted = histogram(array, chosen)
            results.append((total(array, chosen), counted.counts.tolist()))
    assert results[0] == results[1] == results[2]
    (count, first, second), _ = results[0]
    inside = values[mask]
    assert count == inside.size
    assert first == pytest.approx(inside.sum(), rel=1e-12)
    assert second == pytest.approx((inside**2).sum(), rel=1e-12)
    assert counted.quantile(0.5) == pytest.approx(np.median(inside), rel=1e-3)


def test_removing_objects_keeps_their_order():
    labels = np.array([[1, 1, 0, 2], [0, 0, 0, 0], [3, 3, 0, 4]])
    sizes = bincount(da.from_array(labels))
    assert sizes.tolist() == [6, 2, 1, 2, 1]
    kept, count = keep_labels(da.from_array(labels), sizes >= 2)
    assert kept.compute().tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [2, 2, 0, 0]]
    assert count == 2
