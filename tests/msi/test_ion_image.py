from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyimzml.ImzMLParser import ImzMLParser

from msi.acquisitions import InMemory, Stored, acquisition
from nanoscape.compute import Cancelled, Task, Threads, using
from nanoscape.errors import WrongInput
from nanoscape.io import read
from nanoscape.msi.ion_image import ion_image, ion_images, total_ion_current

peak = st.floats(100, 1000, width=32)


@st.composite
def spectrum(draw):
    mzs = draw(st.lists(peak, max_size=8))
    order = draw(st.booleans())
    values = draw(st.lists(st.integers(0, 1000), min_size=len(mzs), max_size=len(mzs)))
    array = np.array(mzs, np.float64)
    return np.sort(array) if order else array, np.array(values, np.float32)


def brute_force(peaks, centre, ppm, statistic):
    low, high = centre - centre * ppm * 1e-6, centre + centre * ppm * 1e-6
    result = []
    for mzs, values in peaks:
        inside = [
            float(v) for m, v in zip(mzs, values, strict=True) if low <= m <= high
        ]
        result.append((sum if statistic == "sum" else max)(inside or [0]))
    return result


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_every_pixel_is_that_of_brute_force(data):
    peaks = data.draw(st.lists(spectrum(), min_size=1, max_size=9))
    source = data.draw(st.sampled_from([InMemory, Stored]))
    everything = [mz for mzs, _ in peaks for mz in mzs]
    spectra = acquisition(peaks, (3, 4), source)
    # The first image is made without a table of places, the others with one.
    for _ in range(3):
        centre = data.draw(st.sampled_from(everything) if everything else peak)
        centre += data.draw(st.sampled_from([0.0, 0.001, -0.5, 90.0, -90.0]))
        ppm = data.draw(st.sampled_from([0.0, 5.0, 1000.0, 1e5]))
        statistic = data.draw(st.sampled_from(["sum", "maximum"]))
        image = ion_image(spectra, mz=centre, tolerance_ppm=ppm, statistic=statistic)
        found = image.data.compute().ravel()
        assert found[: len(peaks)].tolist() == brute_force(
            peaks, centre, ppm, statistic
        )
        assert np.isnan(found[len(peaks) :]).all()


@pytest.mark.parametrize(
    ("source", "mz_type", "value_type"),
    [
        (InMemory, "f4", "f2"),
        (InMemory, "f8", "i1"),
        (Stored, "f4", "f4"),
        (Stored, "f8", "i4"),
        (Stored, "f4", "i8"),
    ],
)
def test_every_kind_of_number(source, mz_type, value_type):
    rng = np.random.default_rng(1)
    peaks = [
        (
            np.sort(rng.uniform(100, 200, n)).astype(mz_type),
            rng.integers(0, 99, n).astype(value_type),
        )
        for n in rng.integers(0, 40, 12)
    ]
    spectra = acquisition(peaks, (3, 4), source)
    for _ in range(2):
        found = ion_image(spectra, mz=150, tolerance_ppm=1e5).data.compute()
        assert found.ravel().tolist() == brute_force(peaks, 150, 1e5, "sum")


@pytest.mark.parametrize("order", ["rising", "falling", "mixed", "with NaN"])
@pytest.mark.parametrize("shared", [False, True])
def test_spectra_in_any_order(order, shared):
    rng = np.random.default_rng(2)
    peaks = []
    for number in range(50):
        mzs = np.sort(rng.uniform(100, 1000, 60))
        if shared and number:
            mzs = peaks[0][0]
        elif order == "falling":
            mzs = mzs[::-1].copy()
        elif order == "mixed" and number % 3 == 0:
            rng.shuffle(mzs)
        elif order == "with NaN":
            mzs[rng.integers(60)] = np.nan
        peaks.append((mzs, rng.integers(0, 99, 60).astype("f4")))
    spectra = acquisition(peaks, (5, 10), lambda given: Stored(given, shared))
    for centre in (101.0, 300.0, 999.0):
        found = ion_image(spectra, mz=centre, tolerance_ppm=5e4).data.compute()
        assert found.ravel().tolist() == brute_force(peaks, centre, 5e4, "sum")


def test_intensities_that_are_no_numbers_stay_visible():
    peaks = [
        (np.array([500.0, 500.001]), np.array(v)) for v in ([np.nan, 2], [3, np.nan])
    ]
    for statistic in ("sum", "maximum"):
        image = ion_image(acquisition(peaks, (1, 2)), mz=500, statistic=statistic)
        assert np.isnan(image.data.compute()).all()


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_many_ions_are_those_made_one_by_one(data):
    peaks = data.draw(st.lists(spectrum(), min_size=1, max_size=9))
    centres = data.draw(st.lists(peak, min_size=1, max_size=4))
    source = data.draw(st.sampled_from([InMemory, Stored]))
    spectra = acquisition(peaks, (3, 4), source)
    text = ", ".join(repr(centre) for centre in centres)
    for _ in range(2):
        group = ion_images(spectra, mzs=text, tolerance_ppm=1000.0)
        assert group.coordinates() == centres
        for image, centre in zip(group, centres, strict=True):
            single = ion_image(spectra, mz=centre, tolerance_ppm=1000.0)
            np.testing.assert_array_equal(image.data.compute(), single.data.compute())


def test_many_ions_may_have_names():
    spectra = acquisition([(np.array([544.0]), np.array([3.0], "f4"))], (1, 1))
    group = ion_images(spectra, mzs="doxorubicin = 544, 700.5")
    assert [image.name for image in group] == ["doxorubicin", "m/z 700.5000"]
    assert group["doxorubicin"].tags["role"] == "Drug"
    for text in ("", "a", "500,", "-1", "nan", "inf"):
        with pytest.raises(WrongInput, match="no m/z"):
            ion_images(spectra, mzs=text)


def test_pixels_that_were_not_acquired_are_missing_not_zero():
    spectra = acquisition([(np.array([500.0]), np.array([3.0], "f4"))], (1, 2))
    image = ion_image(spectra, mz=700)
    assert image.data.compute()[0, 0] == 0
    assert np.isnan(image.data.compute()[0, 1])
    assert image.spacing == {"y": 50.0, "x": 50.0}


def test_normalised_pixels_keep_the_mean_scale_and_empty_ones_are_missing():
    one = (np.array([500.0, 600.0]), np.array([1.0, 3.0], "f4"))
    two = (np.array([500.0, 600.0]), np.array([4.0, 4.0], "f4"))
    empty = (np.array([]), np.array([], "f4"))
    spectra = acquisition([one, two, empty], (1, 3))
    image = ion_image(spectra, mz=500, normalisation="tic").data.compute()[0]
    np.testing.assert_allclose(image[:2], [1 / 4 * 4, 4 / 8 * 4])
    assert np.isnan(image[2])
    assert total_ion_current(spectra).data.compute().tolist() == [[4.0, 8.0, 0.0]]


def test_a_named_drug_takes_its_role():
    spectra = acquisition([(np.array([544.0]), np.array([3.0], "f4"))], (1, 1))
    image = ion_image(spectra, mz=544, analyte="doxorubicin")
    assert image.name == "doxorubicin"
    assert image.tags["role"] == "Drug"
    assert image.tags["subject"] == "m1"


@pytest.mark.parametrize("workers", [1, 2])
def test_many_spectra_come_in_order_and_can_be_stopped(workers):
    rng = np.random.default_rng(0)
    peaks = [(np.array([500.0]), rng.random(1)) for _ in range(1000)]
    spectra = acquisition(peaks, (10, 100))
    with using(Threads(workers=workers)):
        image = ion_image(spectra, mz=500.0).data.compute()
        np.testing.assert_array_equal(image.ravel(), [v[0] for _, v in peaks])
        task = Task()
        task.cancel()
        with pytest.raises(Cancelled):
            ion_image(spectra, mz=500.0, task=task)


@pytest.mark.parametrize("kind", ["continuous", "processed"])
def test_every_pixel_of_a_file_is_that_of_an_independent_reader(shared_data, kind):
    path = shared_data / "multimodal" / "msi_he_synth" / f"msi_{kind}.imzML"
    spectra = read(path)[0]
    mz, ppm = 544.1813, 12.0
    image = ion_image(spectra, mz=mz, tolerance_ppm=ppm).data.compute()
    expected = np.full(spectra.shape, np.nan)
    with warnings.catch_warnings():
        # The other reader warns of things in the header that are not at stake here.
        warnings.simplefilter("ignore")
        parser = ImzMLParser(str(path))
        first = np.min(parser.coordinates, axis=0)
        for index, place in enumerate(parser.coordinates):
            mzs, values = parser.getspectrum(index)
            inside = np.abs(mzs - mz) <= mz * ppm * 1e-6
            x, y, _ = np.subtract(place, first)
            expected[y, x] = values[inside].sum(dtype=np.float64)
        parser.m.close()
    np.testing.assert_array_equal(image, expected)
    assert np.nanmax(image) > 0
    assert np.isnan(image).any() == (len(spectra) < image.size)


def test_peaks_of_single_precision_do_not_round_the_window():
    peak = np.float32(544.1813)
    for mz, expected in [(float(peak), 3.0), (np.nextafter(float(peak), 1000), 0.0)]:
        assert np.float32(mz) == peak
        spectra = acquisition([(np.array([peak]), np.array([3.0], "f4"))], (1, 1))
        image = ion_image(spectra, mz=mz, tolerance_ppm=0.0)
        assert image.data.compute() == [[expected]]
