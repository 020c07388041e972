"""``python -m benchmarks.laziness SLIDE``: how much of a slide is read to see it.

Counts the bytes that this process reads from files, as Linux does, for opening the
slide, for a screen that shows all of it, and for a screen at full resolution in its
middle, each with all channels.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import Benchmark
from nanoscape.io import read, write
from nanoscape.model import Image, ImageGroup

SCREEN = (768, 1366)
COUNTER = Path("/proc/self/io")

BENCHMARKS: dict[str, Benchmark] = {}
"""None: what is measured here is not time."""


def bytes_read() -> int:
    """Return how many bytes this process has read until now."""
    fields = dict(line.split(": ") for line in COUNTER.read_text().splitlines())
    return int(fields["rchar"])


def counted(work: Callable[[], Any]) -> tuple[Any, int]:
    """Return what a function returns, and how many bytes it read."""
    # Reading the counter reads a few bytes itself.
    overhead = -bytes_read() + bytes_read()
    before = bytes_read()
    result = work()
    return result, bytes_read() - before - overhead


def images_of(path: Path) -> list[Image]:
    """Open a slide and return its channels."""
    images: list[Image] = []
    for item in read(path):
        images += (
            list(item)
            if isinstance(item, ImageGroup)
            else [item]
            if isinstance(item, Image)
            else []
        )
    return images


def fitting_level(image: Image) -> int:
    """Return the coarsest level that has a pixel for each one of the screen."""
    fits = [
        number
        for number, level in enumerate(image.levels)
        if level.data.shape[0] >= SCREEN[0] or level.data.shape[1] >= SCREEN[1]
    ]
    return max(fits, default=0)


def overview(images: list[Image]) -> int:
    """Read what a screen with the whole slide shows; return the number of pixels."""
    return sum(i.levels[fitting_level(i)].data.compute().size for i in images)


def detail(images: list[Image]) -> int:
    """Read a screen in the middle at full resolution."""
    total = 0
    for image in images:
        y, x = (max(0, (n - s) // 2) for n, s in zip(image.shape, SCREEN, strict=True))
        total += image.data[y : y + SCREEN[0], x : x + SCREEN[1]].compute().size
    return total


def warm_up() -> None:
    """Load all modules, which are files too."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.ome.tif"
        write(Image.from_array(np.eye(2048, dtype=np.uint16), "yx", spacing=1.0), path)
        images = images_of(path)
        overview(images)
        detail(images)


def main() -> None:
    """Print bytes and share of the file for each step."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.laziness")
    parser.add_argument("slide", type=Path)
    path = parser.parse_args().slide
    size = path.stat().st_size
    warm_up()
    images, opening = counted(lambda: images_of(path))
    steps = {"opening": opening}
    _, steps["whole slide on a screen"] = counted(lambda: overview(images))
    _, steps["screen at full resolution"] = counted(lambda: detail(images))
    shape, count = images[0].shape, len(images)
    level = fitting_level(images[0])
    print(f"{path.name}: {count} channels of {shape}, {size} bytes")
    print(f"whole slide from level {level} of {len(images[0].levels)}")
    for name, number in [*steps.items(), ("all together", sum(steps.values()))]:
        print(f"{name}: {number} bytes, {100 * number / size:.4f} % of the file")


if __name__ == "__main__":
    main()
