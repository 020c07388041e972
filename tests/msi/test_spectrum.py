from __future__ import annotations

import numpy as np
import pytest

from msi.acquisitions import InMemory, Stored, acquisition
from nanoscape.compute import Threads, using
from nanoscape.errors import WrongInput
from nanoscape.model import Labels
from nanoscape.msi.spectrum import mean_spectrum


def random_peaks(count, seed=3):
    rng = np.random.default_rng(seed)
    peaks = []
    for size in rng.integers(0, 30, count):
        mzs = rng.uniform(100, 110, size)
        peaks.append((mzs, rng.integers(0, 99, size).astype("f4")))
    return peaks


def by_hand(peaks, width):
    bins = {}
    for mzs, values in peaks:
        for mz, value in zip(mzs, values, strict=True):
            bins.setdefault(int(np.floor(mz / width)), []).append(float(value))
    mzs = [(k + 0.5) * width for k in sorted(bins)]
    means = [sum(bins[k]) / len(peaks) for k in sorted(bins)]
    return mzs, means, [max(bins[k]) for k in sorted(bins)]


@pytest.mark.parametrize("source", [InMemory, Stored])
@pytest.mark.parametrize("width", [0.25, 1.0])
def test_bins_are_those_counted_by_hand(source, width):
    peaks = random_peaks(40)
    table = mean_spectrum(acquisition(peaks, (5, 8), source), bin_width=width).data
    mzs, means, tops = by_hand(peaks, width)
    np.testing.assert_allclose(table["mz"], mzs)
    np.testing.assert_allclose(table["mean_intensity"], means)
    assert table["maximum_intensity"].tolist() == tops


def test_spectra_that_share_their_mz_keep_them():
    rng = np.random.default_rng(4)
    mzs = np.sort(rng.uniform(100, 900, 20))
    values = rng.random((6, 20)).astype("f4")
    peaks = [(mzs, row) for row in values]
    spectra = acquisition(peaks, (2, 3), lambda given: Stored(given, shared=True))
    table = mean_spectrum(spectra).data
    assert table["mz"].tolist() == mzs.tolist()
    np.testing.assert_allclose(table["mean_intensity"], values.mean(0, dtype=float))
    assert table["maximum_intensity"].tolist() == values.max(0).tolist()


def test_a_region_takes_its_own_spectra():
    peaks = random_peaks(12)
    spectra = acquisition(peaks, (3, 4))
    mask = np.zeros((3, 4), np.uint8)
    mask[1, 1:] = 1
    region = Labels.from_array(
        mask, "yx", grid_to_space=spectra.grid_to_space, space=spectra.space
    )
    table = mean_spectrum(spectra, region, bin_width=0.5)
    mzs, means, _ = by_hand(peaks[5:8], 0.5)
    np.testing.assert_allclose(table.data["mz"], mzs)
    np.testing.assert_allclose(table.data["mean_intensity"], means)
    assert table.notes == ("3 of 12 spectra",)
    elsewhere = Labels.from_array(mask, "yx", spacing=1.0, space=spectra.space)
    with pytest.raises(WrongInput, match="another grid"):
        mean_spectrum(spectra, elsewhere)


def test_any_number_of_workers_gives_the_same_bits():
    rng = np.random.default_rng(5)
    peaks = [(rng.uniform(100, 101, 5), rng.random(5)) for _ in range(5000)]
    spectra = acquisition(peaks, (50, 100))
    results = []
    for workers in (1, 3):
        with using(Threads(workers=workers)):
            results.append(mean_spectrum(spectra, bin_width=0.1).data)
    assert results[0].equals(results[1])


def test_too_many_bins_and_no_peaks():
    peaks = [(np.array([100.0, 1e6]), np.array([1.0, 1.0]))]
    with pytest.raises(WrongInput, match="larger width"):
        mean_spectrum(acquisition(peaks, (1, 1)), bin_width=1e-3)
    empty = [(np.array([]), np.array([]))]
    assert len(mean_spectrum(acquisition(empty, (1, 1)))) == 0
