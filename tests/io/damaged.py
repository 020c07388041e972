"""Damaged copies of files, and what reading them may come to."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nanoscape.errors import NanoscapeError
from nanoscape.io import read
from nanoscape.model import ImageGroup, Spectra
from nanoscape.model.raster import Raster

LOGGER = logging.getLogger(__name__)

COPIES = int(os.environ.get("NANOSCAPE_DAMAGED_COPIES", "20"))
"""How many damaged copies of a file are read; 200 is a thorough look."""


def damaged_copies(
    path: Path, folder: Path, *, count: int, seed: int = 0
) -> Iterator[Path]:
    """Yield copies of a file that are cut, emptied, flipped or zeroed in places.

    Each copy keeps the file's name, in a folder of its own, and is removed when the
    next one is asked for. The first is empty; the others follow from the seed.
    """
    data = path.read_bytes()
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        place = folder / f"{number}"
        place.mkdir()
        copy = place / path.name
        copy.write_bytes(b"" if number == 0 else _damaged(data, rng))
        yield copy
        copy.unlink()


def damaged_trees(
    tree: Path, victim: str, folder: Path, *, count: int, seed: int = 0
) -> Iterator[Path]:
    """Yield copies of a folder in which one file is damaged as by `damaged_copies`.

    The other files are linked. A copy is removed when the next one is asked for.
    """
    data = (tree / victim).read_bytes()
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        place = folder / f"{number}"
        shutil.copytree(tree, place, copy_function=os.link)
        (place / victim).unlink()
        (place / victim).write_bytes(b"" if number == 0 else _damaged(data, rng))
        yield place
        shutil.rmtree(place)


def _damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Return the bytes with one kind of damage, more often near their start."""
    size = len(data)
    start = int(size * rng.random() ** 3)
    length = int(rng.integers(1, max(2, size // 4)))
    kind = rng.integers(4)
    if kind == 0:
        return data[:start]
    if kind == 1:
        return data[:start] + data[start + length :]
    changed = bytearray(data)
    if kind == 2:
        end = min(size, start + length)
        changed[start:end] = bytes(end - start)
        return bytes(changed)
    for place in rng.integers(start, size, rng.integers(1, 20)) if size else ():
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def assert_data_or_one_error(path: Path, **options: Any) -> bool:
    """Read a file with all its samples; whatever goes wrong is one of our errors.

    Returns whether it could be read. Nothing may appear beside the file.
    """
    beside = sorted(path.parent.rglob("*"))
    begun = time.perf_counter()
    outcome = "refused"
    try:
        for item in read(path, **options):
            deque(_samples(item), maxlen=0)
        outcome = "read"
    except NanoscapeError:
        pass
    finally:
        # For `--log-file`: how many there were, and which of them took longest.
        LOGGER.info("%7.3f s %s %s", time.perf_counter() - begun, outcome, path)
        assert sorted(path.parent.rglob("*")) == beside
    return outcome == "read"


def samples_of(path: Path, **options: Any) -> list[Any]:
    """Return all samples of everything in a file, in order."""
    return [part for item in read(path, **options) for part in _samples(item)]


def _samples(item: Any) -> Iterator[Any]:
    for member in item if isinstance(item, ImageGroup) else [item]:
        if isinstance(member, Raster):
            yield member.data.compute(scheduler="synchronous")
        elif isinstance(member, Spectra):
            for number in range(len(member)):
                yield from member.source.read(number)
