"""Headers and ion images of imzML against pyimzML and imzy."""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyimzml.ImzMLParser import ImzMLParser, getionimage

from benchmarks import Result, best_of
from benchmarks._imzml_files import write
from nanoscape.compute import Task
from nanoscape.compute.cache import size_of
from nanoscape.io import read
from nanoscape.model import Spectra
from nanoscape.msi.index_spectra import build_index
from nanoscape.msi.ion_image import ion_image, ion_images, total_ion_current
from nanoscape.msi.spectrum import mean_spectrum

_PPM = 5.0
_IONS = np.linspace(150, 950, 20)
_MANY = np.linspace(99, 1001, 200)
_PEER = "pyimzML"


def _spectra(path: Path) -> Spectra:
    (spectra,) = read(path)
    assert isinstance(spectra, Spectra)
    return spectra


def _image(spectra: Spectra, mz: float) -> NDArray[Any]:
    image = ion_image(spectra, mz=float(mz), tolerance_ppm=_PPM)
    return np.asarray(image.data.compute(scheduler="synchronous"))


def _everything(path: Path) -> None:
    spectra = _spectra(path)
    total_ion_current(spectra)
    mean_spectrum(spectra)


def _peer_image(parser: ImzMLParser, mz: float) -> NDArray[Any]:
    return np.asarray(getionimage(parser, mz, mz * _PPM * 1e-6))


def _peer_mean(parser: ImzMLParser, continuous: bool) -> NDArray[np.float64]:
    bins = len(parser.getspectrum(0)[0]) if continuous else 90_000
    sums = np.zeros(bins)
    for index in range(len(parser.coordinates)):
        mzs, values = parser.getspectrum(index)
        if continuous:
            sums += values
        else:
            places = ((mzs - 100) * 100).astype(np.int64)
            sums += np.bincount(places, values, bins)[:bins]
    return sums / len(parser.coordinates)


def _compared(
    path: Path, what: str, continuous: bool, goals: dict[str, float]
) -> Iterator[Result]:
    """Yield what is faster, each pair of times measured one after the other."""
    version = metadata.version("pyimzML")
    parser = ImzMLParser(str(path))

    def result(
        work: str, ours: Callable[[], object], peer: Callable[[], object], runs: int = 3
    ) -> Result:
        mine, theirs = best_of(ours, runs), best_of(peer, runs)
        return Result(
            "msi", f"{what}: {work} (s)", mine, _PEER, version, theirs, theirs / mine,
            goals[work],
        )  # fmt: skip

    yield result("open", lambda: read(path), lambda: ImzMLParser(str(path)))
    mz = float(_IONS[3])
    difference = _image(_spectra(path), mz) - _peer_image(parser, mz)
    # The peer reads a window before the first peak as that peak.
    assert np.mean(difference != 0) < 0.001
    fresh = iter([_spectra(path) for _ in range(3)])
    yield result(
        "first ion", lambda: _image(next(fresh), mz), lambda: _peer_image(parser, mz)
    )
    yield result(
        "open, table, total ion current and mean, against opening alone",
        lambda: _everything(path),
        lambda: ImzMLParser(str(path)),
    )
    spectra = _spectra(path)
    total_ion_current(spectra)
    yield result(
        "a further ion", lambda: _image(spectra, mz), lambda: _peer_image(parser, mz), 7
    )
    text = ", ".join(map(str, _IONS))
    yield result(
        "20 ions",
        lambda: ion_images(spectra, mzs=text, tolerance_ppm=_PPM),
        lambda: [_peer_image(parser, mz) for mz in _IONS],
    )
    yield result(
        "mean spectrum",
        lambda: mean_spectrum(spectra),
        lambda: _peer_mean(parser, continuous),
    )
    plain = _many(spectra)
    yield _wrong_pixels(path, f"{what}: wrong pixels of 200 ions", plain)
    if not continuous:
        yield from _indexed(path, result, what, parser)
        found = _many(_spectra(path))
        yield _wrong_pixels(path, f"{what}: wrong pixels of 200 ions, index", found)
    parser.m.close()


def _indexed(
    path: Path, result: Callable[..., Result], what: str, parser: ImzMLParser
) -> Iterator[Result]:
    """Yield what the index of sorted peaks takes and gives."""
    mz = float(_IONS[3])
    text = ", ".join(map(str, _IONS))
    start = time.perf_counter()
    index = build_index(_spectra(path), Task())
    built = time.perf_counter() - start
    peer = 40 * best_of(lambda: _peer_image(parser, mz))
    version = metadata.version("pyimzML")
    yield Result(
        "msi", f"{what}: making the index, against 40 images (s)", built, _PEER,
        version, peer, peer / built, 1.0,
    )  # fmt: skip
    stored, taken = path.with_suffix(".ibd").stat().st_size, size_of(index.folder)
    yield Result(
        "msi", f"{what}: size of the index (MB)", taken / 1e6, "the .ibd file", "",
        stored / 1e6, stored / taken, 1.0,
    )  # fmt: skip
    fresh = iter([_spectra(path) for _ in range(3)])
    yield result(
        "first ion with the index",
        lambda: _image(next(fresh), mz),
        lambda: _peer_image(parser, mz),
    )
    spectra = _spectra(path)
    yield result(
        "a further ion with the index",
        lambda: _image(spectra, mz),
        lambda: _peer_image(parser, mz),
        7,
    )
    yield result(
        "20 ions with the index",
        lambda: ion_images(spectra, mzs=text, tolerance_ppm=_PPM),
        lambda: [_peer_image(parser, mz) for mz in _IONS],
    )


def _many(spectra: Spectra) -> NDArray[np.float64]:
    """Return 200 ion images, shape ``(ions, rows, columns)``."""
    text = ", ".join(map(str, _MANY))
    group = ion_images(spectra, mzs=text, tolerance_ppm=_PPM)
    images = [i.data.compute(scheduler="synchronous") for i in group]
    return np.array(images)


def _wrong_pixels(path: Path, what: str, found: NDArray[np.float64]) -> Result:
    """Compare to the bit with a mask over all peaks, added in their order.

    The peaks are read as they were written, without the program.
    """
    expected = np.zeros((len(_MANY), found[0].size))
    parser = ImzMLParser(str(path))
    for first in range(0, found[0].size, 1000):
        spectra = [parser.getspectrum(i) for i in range(first, first + 1000)]
        mzs = np.concatenate([np.asarray(m, np.float64) for m, _ in spectra])
        values = np.concatenate([np.asarray(v, np.float64) for _, v in spectra])
        numbers = np.repeat(np.arange(1000), [len(m) for m, _ in spectra])
        for row, mz in zip(expected, _MANY, strict=True):
            width = mz * (_PPM * 1e-6)
            inside = np.flatnonzero((mzs >= mz - width) & (mzs <= mz + width))
            row[first : first + 1000] = np.bincount(
                numbers[inside], values[inside], minlength=1000
            )
    parser.m.close()
    wrong = int((expected != found.reshape(expected.shape)).sum())
    return Result("msi", what, wrong, "brute force", "", 0, float(wrong == 0), 1.0)


def _imzy(path: Path, what: str) -> Iterator[Result]:
    """Yield the comparison with imzy, where it is installed."""
    try:
        import imzy
    except ImportError:
        return
    version = metadata.version("imzy")
    reader = imzy.get_reader(path)
    spectra = _spectra(path)
    total_ion_current(spectra)
    text = ", ".join(map(str, _IONS))
    mine = best_of(lambda: ion_images(spectra, mzs=text, tolerance_ppm=_PPM))
    theirs = best_of(lambda: reader.get_ion_images(_IONS, ppm=_PPM, silent=True))
    yield Result(
        "msi", f"{what}: 20 ions (s)", mine, "imzy", version, theirs, theirs / mine, 1.0
    )


def msi() -> Iterator[Result]:
    """Measure on generated files; the largest only with NANOSCAPE_LARGE=1."""
    warnings.simplefilter("ignore")
    processed = {
        "open": 8.0,
        "first ion": 3.0,
        "open, table, total ion current and mean, against opening alone": 1.0,
        "a further ion": 50.0,
        "20 ions": 50.0,
        "mean spectrum": 4.0,
        "first ion with the index": 40.0,
        "a further ion with the index": 1000.0,
        "20 ions with the index": 1000.0,
    }
    continuous = processed | {"first ion": 4.0, "a further ion": 30.0, "20 ions": 200.0}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NANOSCAPE_CACHE"] = str(Path(folder) / "cache")
        # Each file has its own name: the peer keeps what it has read of a name.
        path = Path(folder) / "continuous.imzML"
        _load_compiled_loops(Path(folder))
        write(path, (100, 100), 10_000, continuous=True)
        yield from _compared(path, "continuous 100×100×10,000", True, continuous)
        yield from _imzy(path, "continuous 100×100×10,000")
        path = Path(folder) / "processed.imzML"
        write(path, (100, 100), 2_000, continuous=False)
        yield from _compared(path, "processed 100×100×2,000", False, processed)
        yield from _imzy(path, "processed 100×100×2,000")
        if os.environ.get("NANOSCAPE_LARGE"):
            write(path, (400, 500), 500, continuous=False)
            yield from _compared(
                path, "processed 400×500×500", False, processed | {"open": 6.0}
            )


def _load_compiled_loops(folder: Path) -> None:
    """Have the loops compiled, which happens once per installation."""
    path = folder / "small.imzML"
    for continuous in (True, False):
        write(path, (30, 40), 20, continuous=continuous)
        spectra = _spectra(path)
        for _ in range(2):
            _image(spectra, 500.0)
        mean_spectrum(spectra)
    build_index(spectra, Task())
    _image(spectra, 500.0)


BENCHMARKS = {"msi": msi}
