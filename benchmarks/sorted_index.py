"""Time and memory of the index of sorted peaks on a file of any size.

Run ``python -m benchmarks.sorted_index 20`` for processed imzML of 20 GB, which is made
in a temporary folder (of ``TMPDIR``), needs twice that much disk, and is deleted after.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks._imzml_files import write
from nanoscape.compute import Task
from nanoscape.compute.cache import size_of
from nanoscape.io import read
from nanoscape.model import Spectra
from nanoscape.msi.index_spectra import build_index
from nanoscape.msi.ion_image import ion_image, ion_images

BENCHMARKS: dict[str, Any] = {}
"""None to be run with the others: this takes minutes and much disk."""

_PEAKS = 2000
_COLUMNS = 500
_PEAK_BYTES = 12


def main() -> int:
    """Print what each step takes."""
    gigabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    rows = max(1, round(gigabytes * 1e9 / (_COLUMNS * _PEAKS * _PEAK_BYTES)))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NANOSCAPE_CACHE"] = str(Path(folder) / "cache")
        _load_compiled_loops(Path(folder) / "small.imzML")
        path = Path(folder) / "large.imzML"
        with _told(f"making {rows} × {_COLUMNS} pixels of {_PEAKS} peaks"):
            write(path, (rows, _COLUMNS), _PEAKS, continuous=False)
        with _told("opening"):
            spectra = _spectra(path)
        meanwhile = threading.Thread(target=_image_meanwhile, args=(spectra,))
        with _told("making the index"):
            meanwhile.start()
            index = build_index(spectra, Task())
        meanwhile.join()
        stored = path.with_suffix(".ibd").stat().st_size
        print(f"index: {size_of(index.folder) / stored:.2f} of the .ibd file")
        with _told("opening again"):
            spectra = _spectra(path)
        for mz in (500.0, 317.0, 742.5):
            with _told(f"the image of m/z {mz}"):
                ion_image(spectra, mz=mz)
        with _told("20 images"):
            ion_images(spectra, mzs=", ".join(str(150.5 + 40 * i) for i in range(20)))
    return 0


def _spectra(path: Path) -> Spectra:
    (spectra,) = read(path)
    assert isinstance(spectra, Spectra)
    return spectra


def _image_meanwhile(spectra: Spectra) -> None:
    time.sleep(1.0)
    with _told("an image while the index is made"):
        ion_image(spectra, mz=500.0)


def _load_compiled_loops(path: Path) -> None:
    write(path, (30, 40), 20, continuous=False)
    spectra = _spectra(path)
    ion_image(spectra, mz=500.0)
    build_index(spectra, Task())
    ion_image(spectra, mz=500.0)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Print the seconds of a step and the largest memory of the process during it."""
    ended = threading.Event()
    highest = [_memory_mb()]

    def watch() -> None:
        while not ended.wait(0.02):
            highest[0] = max(highest[0], _memory_mb())

    watching = threading.Thread(target=watch)
    watching.start()
    start = time.perf_counter()
    try:
        yield
    finally:
        took = time.perf_counter() - start
        ended.set()
        watching.join()
    print(f"{what}: {took:.4g} s, at most {highest[0]:.0f} MB", flush=True)


def _memory_mb() -> float:
    """Return the resident memory without mapped files, in MB; 0 where not told."""
    try:
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    except OSError:
        return 0.0
    anonymous = next(line for line in lines if line.startswith("RssAnon"))
    return int(anonymous.split()[1]) / 1024


if __name__ == "__main__":
    sys.exit(main())
