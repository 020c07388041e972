from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import uuid
import warnings
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyimzml.ImzMLWriter import ImzMLWriter

from msi.acquisitions import InMemory, Stored, acquisition
from nanoscape.compute import Cancelled, Task, Threads, using
from nanoscape.errors import CannotCompute, UnreadableFile, WrongInput
from nanoscape.io import read
from nanoscape.msi import sorted_index
from nanoscape.msi.index_spectra import build_index, index_spectra
from nanoscape.msi.ion_image import ion_image, ion_images, window_intensities
from nanoscape.msi.normalisation import normalise
from nanoscape.msi.sorted_index import known_index, run_bounds

MZS = [0.5, 100.0, 300.0, np.nextafter(300.0, 301), 300.001, 512.0, 999.0]


class Keyed(Stored):
    """Spectra as in a mapped file, with a key."""

    def __init__(self, spectra):
        super().__init__(spectra)
        self.identifier = uuid.uuid4().hex

    def key(self):
        return self.identifier

    def peak_counts(self):
        return np.array([len(mzs) for mzs, _ in self.spectra])


class Decoded(InMemory):
    """Spectra that must be decoded one by one, with a key."""

    key = Keyed.key
    peak_counts = Keyed.peak_counts

    def __init__(self, spectra):
        super().__init__(spectra)
        self.identifier = uuid.uuid4().hex


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("NANOSCAPE_CACHE", str(folder))
        yield folder / "spectra"


@pytest.fixture(autouse=True, scope="module")
def small_runs(cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorted_index, "RUN_PEAKS", 12)
        yield


def brute_force(peaks, low, high, statistic):
    """Add, or take the highest of, all peaks in a window in the order of the file."""
    result = []
    for mzs, values in peaks:
        inside = [
            float(v) for m, v in zip(mzs, values, strict=True) if low <= m <= high
        ]
        total = 0.0
        for value in inside:
            total += value
        top = max(inside, default=0.0)
        if np.isnan(inside).any():
            top = np.nan
        result.append(total if statistic == "sum" else top)
    return np.array(result)


@st.composite
def spectrum(draw, value_type):
    mzs = draw(st.lists(st.sampled_from(MZS) | st.floats(0.1, 1000), max_size=9))
    order = draw(st.sampled_from(["rising"] * 9 + ["any", "with zero", "with NaN"]))
    array = np.array(mzs) if order == "any" else np.sort(mzs)
    if len(mzs) and order.startswith("with"):
        array[draw(st.integers(0, len(mzs) - 1))] = (
            0 if order == "with zero" else np.nan
        )
    # Sums of such numbers depend on the order in which they are added.
    value = st.floats(-(2.0**20), 2.0**53, width=32) | st.just(np.nan) | st.just(-0.0)
    if np.dtype(value_type).kind == "i":
        value = st.integers(-99, 99)
    values = draw(st.lists(value, min_size=len(mzs), max_size=len(mzs)))
    return array, np.array(values, value_type)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_every_pixel_is_that_of_brute_force_to_the_bit(data):
    value_type = data.draw(st.sampled_from(["f4", "f8", "i4"]))
    peaks = data.draw(st.lists(spectrum(value_type), min_size=2, max_size=12))
    # Spectra that are all empty share their m/z values.
    assume(any(len(mzs) for mzs, _ in peaks))
    source = data.draw(st.sampled_from([Keyed, Decoded]))
    spectra = acquisition(peaks, (4, 3), source)
    plain = acquisition(peaks, (4, 3), InMemory)
    index = build_index(spectra, Task())
    assert index.complete
    for _ in range(4):
        mz = data.draw(st.sampled_from(MZS) | st.floats(0, 1100))
        ppm = data.draw(st.sampled_from([0.0, 5.0, 1e4, 1e5]))
        low, high = mz - mz * ppm * 1e-6, mz + mz * ppm * 1e-6
        for statistic in ("sum", "maximum"):
            options = {"mz": mz, "tolerance_ppm": ppm, "statistic": statistic}
            found = ion_image(spectra, **options).data.compute()
            without = ion_image(plain, **options).data.compute()
            assert found.tobytes() == without.tobytes()
            expected = brute_force(peaks, low, high, statistic)
            np.testing.assert_array_equal(found.ravel()[: len(peaks)], expected)


def some_peaks(count=40, size=6, seed=0):
    rng = np.random.default_rng(seed)
    return [
        (
            np.sort(rng.uniform(100, 900, size)),
            (rng.random(size) * 10.0 ** rng.integers(9)).astype("f4"),
        )
        for _ in range(count)
    ]


def images(spectra):
    group = ion_images(spectra, mzs="150, 300, 500, 850", tolerance_ppm=1e5)
    return np.array([image.data.compute() for image in group])


def expected_images(peaks):
    windows = [(mz - mz * 0.1, mz + mz * 0.1) for mz in (150.0, 300.0, 500.0, 850.0)]
    return np.array([brute_force(peaks, *w, "sum") for w in windows]).reshape(4, 4, 10)


@pytest.mark.parametrize("wrong", ["falling", "with NaN", "from zero", "all falling"])
def test_unsorted_spectra_are_added_in_the_order_of_the_file(wrong, monkeypatch):
    monkeypatch.setattr(sorted_index, "RUN_PEAKS", 10_000)
    # From the left the first sum is 1, from the right it is 0.
    values = np.array([1e16, -1e16, 1.0, 2.0], "f8")
    rising = np.array([299.0, 300.0, 301.0, 800.0])
    odd = {"with NaN": rising.copy(), "from zero": rising.copy()}.get(
        wrong, rising[::-1].copy()
    )
    if wrong == "with NaN":
        odd[3] = np.nan
    if wrong == "from zero":
        odd[0] = 0.0
    peaks = [(rising, values) for _ in range(40)]
    apart = list(range(40)) if wrong == "all falling" else [7, 23]
    for number in apart:
        peaks[number] = (odd, values)
    spectra = acquisition(peaks, (4, 10), Keyed)
    (run,) = build_index(spectra, Task()).runs.values()
    assert run.apart.tolist() == apart
    assert len(run.arrays[-1]) == 4 * (40 - len(apart))
    for mz, ppm in [(300.0, 1e4), (300.0, 0.0), (1000.0, 2e5), (500.0, 1e6)]:
        low, high = mz - mz * ppm * 1e-6, mz + mz * ppm * 1e-6
        for statistic in ("sum", "maximum"):
            windows = np.array([low]), np.array([high])
            found = window_intensities(spectra, windows, statistic, Task())
            np.testing.assert_array_equal(
                found[0], brute_force(peaks, low, high, statistic)
            )


@pytest.mark.parametrize("few", [0, 64])
def test_an_index_is_used_when_it_is_there(few, monkeypatch):
    monkeypatch.setattr(sorted_index, "_FEW_RUNS", few)
    spectra = acquisition(some_peaks(), (4, 10), Keyed)
    table = index_spectra(spectra)
    assert table.data[["spectra", "peaks", "unsorted_spectra"]].values.tolist() == [
        [40, 240, 0]
    ]
    # Nothing is read from the file any more.
    spectra.source.stored = lambda: pytest.fail("the file was read")
    np.testing.assert_array_equal(images(spectra), expected_images(some_peaks()))


def test_the_index_is_a_plain_zarr_store(cache):
    peaks = some_peaks()
    spectra = acquisition(peaks, (4, 10), Keyed)
    folder = build_index(spectra, Task()).folder
    assert folder.parent == cache
    first = zarr.open_group(folder / "run-00000.zarr", mode="r")
    mz = np.sort(np.concatenate([mzs for mzs, _ in peaks[:2]]))
    groups = np.repeat(
        first["groups"][:], np.diff(first["group_starts"][:], append=len(mz))
    )
    bits = groups.astype("u8") << 40 | first["middle"][:].astype("u8") << 8
    np.testing.assert_array_equal((bits | first["low"][:]).view("f8"), mz)


def test_runs_hold_whole_spectra():
    assert run_bounds(np.array([5, 5, 5, 30, 0, 12, 1])).tolist() == [0, 2, 3, 4, 6, 7]
    assert run_bounds(np.zeros(70_000, int)).tolist() == [0, 2**16, 70_000]


def test_a_missing_damaged_or_short_run_is_read_from_the_file_and_made_again():
    peaks = some_peaks()
    spectra = acquisition(peaks, (4, 10), Keyed)
    folder = build_index(spectra, Task()).folder
    runs = sorted(folder.glob("run-*"))
    assert len(runs) == 20
    shutil.rmtree(runs[3])
    (runs[5] / "values" / "c" / "0").write_bytes(b"short")
    (runs[7] / "zarr.json").write_text("{")
    (runs[9] / "middle" / "c" / "0").unlink()
    shutil.rmtree(runs[11])
    shutil.copytree(runs[12], runs[11])
    again = acquisition(peaks, (4, 10), Keyed)
    again.source.identifier = spectra.source.identifier
    index = known_index(again)
    assert sorted(set(range(20)) - set(index.runs)) == [3, 5, 7, 9, 11]
    np.testing.assert_array_equal(images(again), expected_images(peaks))
    assert build_index(again, Task()).complete
    np.testing.assert_array_equal(images(again), expected_images(peaks))


def test_cancel_keeps_what_is_finished_and_the_next_run_goes_on():
    peaks = some_peaks()
    spectra = acquisition(peaks, (4, 10), Keyed)
    task = Task(lambda fraction, _: task.cancel() if fraction > 0.4 else None)
    with pytest.raises(Cancelled), using(Threads(1)):
        build_index(spectra, task)
    partial = known_index(spectra)
    made = set(partial.runs)
    assert 0 < len(made) < 20
    np.testing.assert_array_equal(images(spectra), expected_images(peaks))
    first = (partial.folder / "run-00000.zarr").stat().st_mtime_ns
    assert build_index(spectra, Task()).complete
    assert (partial.folder / "run-00000.zarr").stat().st_mtime_ns == first


KILLED = """
import os, signal, sys
from msi.test_sorted_index import Keyed, acquisition, some_peaks
from nanoscape.compute import Task, Threads, using
from nanoscape.msi import index_files, sorted_index
from nanoscape.msi.index_spectra import build_index

sorted_index.RUN_PEAKS = 12
written = []
to_disk = index_files._to_disk

def kill(path):
    to_disk(path)
    written.append(path)
    if len(written) == 100:
        os.kill(os.getpid(), signal.SIGKILL)

index_files._to_disk = kill
spectra = acquisition(some_peaks(), (4, 10), Keyed)
spectra.source.identifier = sys.argv[1]
with using(Threads(1)):
    build_index(spectra, Task())
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_process_leaves_only_whole_runs(cache):
    key = uuid.uuid4().hex
    tests = Path(__file__).parents[1]
    places = [str(tests), *sys.path]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(places)}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, key], env=environment, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    peaks = some_peaks()
    spectra = acquisition(peaks, (4, 10), Keyed)
    spectra.source.identifier = key
    partial = known_index(spectra)
    made = {number: run_time(partial.folder, number) for number in partial.runs}
    assert 0 < len(made) < 20
    left_over = next(partial.folder.glob(".run-*"))
    np.testing.assert_array_equal(images(spectra), expected_images(peaks))
    # A younger one may belong to a process that is at work.
    os.utime(left_over, (0, 0))
    index = build_index(spectra, Task())
    assert index.complete
    assert made == {number: run_time(index.folder, number) for number in made}
    assert not list(index.folder.glob(".run-*"))
    np.testing.assert_array_equal(images(spectra), expected_images(peaks))


def run_time(folder, number):
    return (folder / f"run-{number:05d}.zarr").stat().st_mtime_ns


def test_other_operations_use_the_index():
    peaks = some_peaks()
    results = []
    for indexed in (False, True):
        spectra = acquisition(peaks, (4, 10), Keyed)
        if indexed:
            build_index(spectra, Task())
        image = ion_image(spectra, mz=500, tolerance_ppm=1e5)
        options = {"method": "reference peak", "reference_mz": 300.0}
        result = normalise(image, spectra, tolerance_ppm=1e5, **options)
        results.append(result.data.compute())
    np.testing.assert_array_equal(*results)
    assert np.isfinite(results[0]).any()


def write_file(path, peaks):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with ImzMLWriter(str(path), mode="processed") as writer:
            for number, (mzs, values) in enumerate(peaks):
                y, x = divmod(number, 10)
                writer.addSpectrum(mzs, values, (x + 1, y + 1, 1))
    (spectra,) = read(path, pixel_size=20.0)
    return spectra


def test_a_file_that_changes_never_meets_the_index_of_the_old_one(tmp_path):
    path = tmp_path / "one.imzML"
    peaks = some_peaks()
    spectra = write_file(path, peaks)
    before = {p.name for p in tmp_path.iterdir()}
    build_index(spectra, Task())
    assert {p.name for p in tmp_path.iterdir()} == before
    np.testing.assert_array_equal(images(spectra), expected_images(peaks))
    (again,) = read(path, pixel_size=20.0)
    assert known_index(again).complete
    # The same sizes, places and identifier; only the time tells them apart.
    twin = path.with_suffix(".ibd")
    twin.write_bytes(twin.read_bytes()[:-8] + bytes(8))
    with pytest.raises(UnreadableFile, match="has changed"):
        images(spectra)
    (changed,) = read(path, pixel_size=20.0)
    assert known_index(changed) is None
    peaks[-1][1][-1] = 0.0
    np.testing.assert_array_equal(images(changed), expected_images(peaks))


def test_a_moved_file_keeps_its_index(tmp_path):
    peaks = some_peaks(seed=3)
    build_index(write_file(tmp_path / "one.imzML", peaks), Task())
    (tmp_path / "two").mkdir()
    for suffix in (".imzML", ".ibd"):
        shutil.move(tmp_path / f"one{suffix}", tmp_path / "two" / f"new{suffix}")
    (moved,) = read(tmp_path / "two" / "new.imzML", pixel_size=20.0)
    assert known_index(moved).complete
    np.testing.assert_array_equal(images(moved), expected_images(peaks))


def test_the_drug_of_a_file_is_the_same_with_the_index(shared_data, monkeypatch):
    monkeypatch.setattr(sorted_index, "RUN_PEAKS", 2**16)
    path = shared_data / "multimodal" / "msi_he_synth" / "msi_processed.imzML"
    found = []
    for indexed in (False, True):
        (spectra,) = read(path)
        if indexed:
            assert build_index(spectra, Task()).complete
        image = ion_image(spectra, mz=544.1813, tolerance_ppm=12.0)
        found.append(image.data.compute())
    assert found[0].tobytes() == found[1].tobytes()
    assert np.nanmax(found[0]) > 0


def test_spectra_without_a_file_or_with_shared_mz_need_none(tmp_path):
    with pytest.raises(WrongInput, match="needs no index"):
        index_spectra(acquisition(some_peaks(), (4, 10)))
    mzs = np.linspace(100, 900, 6)
    spectra = acquisition(
        [(mzs, values) for _, values in some_peaks()],
        (4, 10),
        Keyed,
    )
    spectra.source.mz = np.full(40, spectra.source.mz[0])
    with pytest.raises(WrongInput, match="needs no index"):
        index_spectra(spectra)


def test_no_room_says_what_to_do(monkeypatch):
    monkeypatch.setenv("NANOSCAPE_CACHE_GB", "0.000001")
    spectra = acquisition(some_peaks(), (4, 10), Keyed)
    with pytest.raises(CannotCompute, match="NANOSCAPE_CACHE"):
        index_spectra(spectra)
    assert known_index(spectra) is None
    np.testing.assert_array_equal(images(spectra), expected_images(some_peaks()))


def test_a_cache_that_is_a_file_is_one_sentence(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NANOSCAPE_CACHE", str(tmp_path / "file"))
    with pytest.raises(CannotCompute, match="cannot be written"):
        index_spectra(acquisition(some_peaks(), (4, 10), Keyed))
