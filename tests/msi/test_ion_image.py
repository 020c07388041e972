from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyimzml.ImzMLParser import ImzMLParser

from nanoscape.compute import Cancelled, Task, Threads, using
from nanoscape.io import read
from nanoscape.model import Affine, Spectra, Tags
from nanoscape.msi.ion_image import in_window, ion_image, total_ion_current


class InMemory:
    """Spectra from lists, in place of a file."""

    def __init__(self, spectra):
        self.spectra = spectra

    def read(self, index):
        return self.spectra[index]


def acquisition(peaks, shape):
    pixels = [divmod(i, shape[1]) for i in range(len(peaks))]
    return Spectra(
        source=InMemory(peaks),
        pixels=np.array(pixels),
        shape=shape,
        axes="yx",
        grid_to_space=Affine.from_spacing("yx", 50.0),
        space="maldi",
        name="maldi",
        tags=Tags.of("user", subject="m1"),
    )


peak = st.floats(100, 1000, width=32)


@st.composite
def spectrum(draw):
    mzs = draw(st.lists(peak, max_size=8))
    order = draw(st.booleans())
    values = draw(st.lists(st.integers(0, 1000), min_size=len(mzs), max_size=len(mzs)))
    array = np.array(mzs, np.float64)
    return np.sort(array) if order else array, np.array(values, np.float32)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_every_pixel_is_that_of_brute_force(data):
    peaks = data.draw(st.lists(spectrum(), min_size=1, max_size=9))
    everything = [mz for mzs, _ in peaks for mz in mzs]
    centre = data.draw(st.sampled_from(everything) if everything else peak)
    centre += data.draw(st.sampled_from([0.0, 0.001, -0.5, 90.0, -90.0]))
    ppm = data.draw(st.sampled_from([0.0, 5.0, 1000.0]))
    statistic = data.draw(st.sampled_from(["sum", "maximum"]))
    spectra = acquisition(peaks, (3, 4))
    image = ion_image(spectra, mz=centre, tolerance_ppm=ppm, statistic=statistic)
    found = image.data.compute().ravel()
    low, high = centre - centre * ppm * 1e-6, centre + centre * ppm * 1e-6
    for i, (mzs, values) in enumerate(peaks):
        inside = [v for m, v in zip(mzs, values, strict=True) if low <= m <= high]
        expected = (sum if statistic == "sum" else max)(inside or [0])
        assert found[i] == expected
    assert np.isnan(found[len(peaks) :]).all()


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
    low = np.nextafter(float(peak), 1000)
    assert np.float32(low) == peak
    found = [
        in_window(np.array([peak]), np.array([3.0], "f4"), (edge, 600.0), "sum")
        for edge in (float(peak), low)
    ]
    assert found == [3.0, 0.0]
