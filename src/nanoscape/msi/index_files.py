"""Sorted peaks on disk: a Zarr group for each run of spectra.

Its arrays are not compressed and have one chunk each, so that a chunk is the array and
is mapped as it is; Zarr itself would take longer to open a chunk than a search takes.
"""

from __future__ import annotations

import json
import mmap
import os
import shutil
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

_LEFT_OVER_SECONDS = 3600.0
_TYPES = {"groups": "<u4", "group_starts": "<u4", "middle": "<u4", "low": "|u1",
          "values": "", "numbers": "<u2"}  # fmt: skip
_LOADED = ("groups", "group_starts")


@dataclass(frozen=True, eq=False)
class SortedRun:
    """The peaks of consecutive spectra, sorted by m/z.

    Attributes
    ----------
    start, stop
        The first spectrum, and the first one no more in the run.
    apart
        Spectra of the run whose m/z do not rise; their peaks are not in it.
    arrays
        ``groups``, ``group_starts``, ``middle``, ``low``, ``values``, ``numbers``, as
        :func:`nanoscape.msi.index_kernels.sorted_window_values` takes them.
    """

    start: int
    stop: int
    apart: NDArray[np.int64]
    arrays: tuple[NDArray[Any], ...]


def run_folder(index: Path, number: int) -> Path:
    """Return where a run is kept, whether it is there or not."""
    return index / f"run-{number:05d}.zarr"


def write_run(path: Path, run: SortedRun) -> None:
    """Write a run; it appears under its name when all of it is on the disk."""
    temporary = path.with_name(f".{path.name}-{uuid.uuid4().hex[:8]}")
    try:
        about = {
            "start": run.start,
            "stop": run.stop,
            "apart": run.apart.tolist(),
            "peaks": len(run.arrays[-1]),
            "groups": len(run.arrays[0]),
            "value_type": run.arrays[4].dtype.str,
        }
        group = zarr.create_group(temporary, attributes=about)
        for name, array in zip(_TYPES, run.arrays, strict=True):
            if array.size:
                # Zarr leaves out chunks of zeros unless it is told to write them.
                group.create_array(
                    name,
                    data=array,
                    chunks=array.shape,
                    compressors=None,
                    config={"write_empty_chunks": True},
                )
        for file in temporary.rglob("*"):
            if file.is_file():
                _to_disk(file)
        if path.exists():
            shutil.rmtree(path)
        temporary.rename(path)
    except FileExistsError:
        # Another process has made the same run meanwhile.
        pass
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def open_run(path: Path) -> SortedRun | None:
    """Return a run with its arrays mapped; ``None`` where there is no whole one."""
    try:
        about = json.loads((path / "zarr.json").read_text("utf-8"))["attributes"]
        arrays = []
        for name, dtype in _TYPES.items():
            count = about["groups" if name in _LOADED else "peaks"]
            arrays.append(
                _array(path / name / "c" / "0", dtype or about["value_type"], count)
            )
            if name in _LOADED:
                arrays[-1] = arrays[-1].copy()
                arrays[-1].setflags(write=False)
        apart = np.array(about["apart"], np.int64)
        return SortedRun(about["start"], about["stop"], apart, tuple(arrays))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove_left_overs(index: Path) -> None:
    """Remove what a process that was ended has left half written."""
    for path in index.glob(".run-*"):
        try:
            old = time.time() - path.stat().st_mtime > _LEFT_OVER_SECONDS
        except OSError:
            continue
        if old:
            shutil.rmtree(path, ignore_errors=True)


def _array(path: Path, dtype: str, count: int) -> NDArray[Any]:
    """Return a mapped array; :class:`ValueError` when its file has another size."""
    kind = np.dtype(dtype)
    if count == 0:
        array = np.empty(0, kind)
        array.setflags(write=False)
        return array
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if len(content) != count * kind.itemsize:
        raise ValueError(f"{path} is not whole")
    # A search touches single pages; reading ahead of each would take a hundred times
    # longer from a disk. Windows reads no further by itself.
    if hasattr(content, "madvise"):
        content.madvise(mmap.MADV_RANDOM)
    return np.frombuffer(content, kind)


def _to_disk(path: Path) -> None:
    """Wait until a file is on the disk, so that no power cut leaves holes in it."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())
