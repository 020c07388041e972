from __future__ import annotations

import numpy as np
import pytest

from msi.acquisitions import InMemory, Stored, acquisition
from nanoscape.errors import WrongInput
from nanoscape.msi.ion_image import ion_image
from nanoscape.msi.normalisation import normalise

PEAKS = [
    (np.array([400.0, 500.0, 600.0]), np.array([2.0, 4.0, 6.0])),
    (np.array([400.0, 500.0, 600.0]), np.array([0.0, 9.0, 3.0])),
    (np.array([500.0]), np.array([5.0])),
    (np.array([]), np.array([])),
]


def normalised(method, source=InMemory, peaks=PEAKS, shape=(1, 5), **more):
    spectra = acquisition(peaks, shape, source)
    image = ion_image(spectra, mz=500.0)
    result = normalise(image, spectra, method=method, **more)
    return result, result.data.compute().ravel()


@pytest.mark.parametrize("source", [InMemory, Stored])
@pytest.mark.parametrize(
    ("method", "divisors"),
    [
        ("tic", [12.0, 12.0, 5.0, np.nan]),
        ("rms", [np.sqrt(56 / 3), np.sqrt(90 / 3), 5.0, np.nan]),
        ("median", [4.0, 6.0, 5.0, np.nan]),
        ("reference peak", [6.0, 3.0, np.nan, np.nan]),
    ],
)
def test_pixels_are_divided_by_what_is_counted_by_hand(source, method, divisors):
    divisors = np.array(divisors)
    _, found = normalised(method, source, reference_mz=600.0)
    expected = np.array([4.0, 9.0, 5.0, 0.0]) / divisors * np.nanmean(divisors)
    np.testing.assert_allclose(found, [*expected, np.nan])


def test_an_internal_standard_gives_the_ratio():
    result, found = normalised("internal standard", reference_mz=600.0)
    np.testing.assert_allclose(found, [4 / 6, 3.0, np.nan, np.nan, np.nan])
    assert result.quantity.name == "ratio to internal standard"
    assert result.tags["reference_mz"] == 600.0


def test_none_changes_nothing_and_all_are_recorded():
    result, found = normalised("none")
    np.testing.assert_array_equal(found, [4.0, 9.0, 5.0, 0.0, np.nan])
    assert result.tags["normalisation"] == "none"


def test_a_reference_that_is_nowhere_is_refused():
    with pytest.raises(WrongInput, match="nothing to divide by"):
        normalised("reference peak", reference_mz=123.0)


@pytest.mark.parametrize("strong", [0.0, 1e6])
def test_a_strong_local_signal_is_told(strong):
    """The drug is highest where a lipid swamps all else; TIC turns that around."""
    rng = np.random.default_rng(0)
    peaks = []
    for number in range(100):
        others = rng.uniform(9, 11, 20)
        drug = 10.0 + number
        lipid = strong * (number / 100) ** 2
        mzs = np.concatenate([np.linspace(600, 700, 20), [500.0, 800.0]])
        order = np.argsort(mzs)
        peaks.append((mzs[order], np.concatenate([others, [drug, lipid]])[order]))
    result, _ = normalised("tic", Stored, peaks, (10, 10))
    assert ("derivation_warnings" in result.tags) == bool(strong)
    assert (
        "derivation_warnings"
        not in normalised("median", Stored, peaks, (10, 10))[0].tags
    )


def test_an_image_of_another_grid_is_refused():
    spectra = acquisition(PEAKS, (1, 5))
    other = ion_image(acquisition(PEAKS, (2, 2)), mz=500.0)
    with pytest.raises(WrongInput, match="another grid"):
        normalise(other, spectra)
