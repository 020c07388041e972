"""Opening and looking at a slide reads what is seen, and little else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from nanoscape.compute import with_pyramid
from nanoscape.io import read, write
from nanoscape.io.lazy import ByteReader
from nanoscape.model import Image, ImageGroup
from nanoscape.phantom import make_slide

COUNTER = Path("/proc/self/io")
SCREEN = (768, 1366)


def bytes_read() -> int:
    fields = dict(line.split(": ") for line in COUNTER.read_text().splitlines())
    return int(fields["rchar"])


def counted(work: Callable[[], Any]) -> tuple[Any, int]:
    """Return what a function returns, and how many bytes this process read for it."""
    if not COUNTER.exists():
        pytest.skip("only Linux counts the bytes that a process reads")
    before = bytes_read()
    result = work()
    return result, bytes_read() - before


def channels_of(path: Path) -> list[Image]:
    (item,) = read(path)
    images = list(item) if isinstance(item, ImageGroup) else [item]
    assert all(isinstance(image, Image) for image in images)
    return images  # type: ignore[return-value]


@pytest.fixture
def warm(tmp_path: Path) -> None:
    """Load all modules, which are files too."""
    path = tmp_path / "warm.ome.tif"
    write(Image.from_array(np.eye(600, dtype=np.uint16), "yx", spacing=1.0), path)
    channels_of(path)[0].data.compute()


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    path = tmp_path / "slide.ome.tif"
    data = np.random.default_rng(1).integers(0, 4000, (4096, 4096)).astype(np.uint16)
    write(with_pyramid(Image.from_array(data, "yx", spacing=0.5)), path)
    return path


def touched(pixels: range, tile: int) -> range:
    return range(pixels.start // tile, (pixels.stop - 1) // tile + 1)


def stored(path: Path, level: int, rows: range, columns: range) -> int:
    """Return how many bytes the tiles under a rectangle take in the file."""
    with tifffile.TiffFile(path) as file:
        page = file.series[0].levels[level].keyframe
        across = -(-page.imagewidth // page.tilewidth)
        return sum(
            page.databytecounts[y * across + x]
            for y in touched(rows, page.tilelength)
            for x in touched(columns, page.tilewidth)
        )


@pytest.mark.usefixtures("warm")
def test_opening_reads_no_samples(slide: Path) -> None:
    _, count = counted(lambda: channels_of(slide))
    assert count < 0.01 * slide.stat().st_size


@pytest.mark.usefixtures("warm")
def test_a_screen_reads_the_tiles_under_it(
    slide: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (image,) = channels_of(slide)
    asked: list[int] = []
    original = ByteReader.read

    def noted(self: ByteReader, offset: int, size: int) -> bytes:
        asked.append(size)
        return original(self, offset, size)

    monkeypatch.setattr(ByteReader, "read", noted)
    for level, corner in ((0, (700, 900)), (1, (200, 300)), (2, (0, 0))):
        data = image.levels[level].data
        rows = range(corner[0], min(data.shape[0], corner[0] + SCREEN[0]))
        columns = range(corner[1], min(data.shape[1], corner[1] + SCREEN[1]))
        view = data[rows.start : rows.stop, columns.start : columns.stop]
        asked.clear()
        _, count = counted(view.compute)
        needed = stored(slide, level, rows, columns)
        assert sum(asked) == needed
        # The page's own entries may be looked up once more.
        assert needed <= count < needed + 20_000


@pytest.mark.slow
@pytest.mark.usefixtures("warm")
def test_a_slide_of_the_phantom_is_read_where_it_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "slide.ome.tif"
    make_slide(path, size=4096)
    size = path.stat().st_size
    images, opening = counted(lambda: channels_of(path))
    assert opening < 0.003 * size
    coarsest = [image.levels[-1].data for image in images]
    assert all(max(data.shape) < SCREEN[1] for data in coarsest)
    _, whole = counted(lambda: [data.compute() for data in coarsest])
    # The coarsest of three levels has a sixteenth of the pixels.
    assert whole < 0.07 * size
