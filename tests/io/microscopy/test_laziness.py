"""Opening and looking at a slide reads what is seen, and little else."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import tifffile
from czi_writer import Block, write_czi
from microscope_writers import lif_image, write_ims, write_lif

from nanoscape.compute import with_pyramid
from nanoscape.io import read, write
from nanoscape.io.lazy import ByteReader
from nanoscape.model import Image, ImageGroup
from nanoscape.phantom import make_slide
from nanoscape.phantom.files import write_ome_tiff

LOGGER = logging.getLogger(__name__)

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


@pytest.fixture
def large_slide(tmp_path: Path) -> Iterator[Path]:
    """40,000 × 40,000 pixels by the phantom's writer, of one tile again and again.

    Rendering tissue would take minutes, and which tiles are read does not depend on
    what is in them; each takes about as many bytes as any other.
    """
    path = tmp_path / "slide.ome.tif"
    noise = np.random.default_rng(6).random((512, 512)) < 0.1
    tile = da.from_array((200 + noise).astype(np.uint16), chunks=512)
    sizes = [40_000 // 2**level for level in range(6)]
    levels = [da.tile(tile, (-(-n // 512), -(-n // 512)))[:n, :n] for n in sizes]
    write_ome_tiff(
        path, [levels], channels=["CD31"], pixel_um=0.65, identifier=uuid.UUID(int=6)
    )
    yield path
    path.unlink()


@pytest.mark.slow
@pytest.mark.usefixtures("warm")
def test_a_screen_of_a_large_slide_reads_less_than_one_per_cent(
    large_slide: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    original = ByteReader.read

    def noted(self: ByteReader, offset: int, size: int) -> bytes:
        asked.append(size)
        return original(self, offset, size)

    monkeypatch.setattr(ByteReader, "read", noted)
    size = large_slide.stat().st_size
    (image,), opening = counted(lambda: channels_of(large_slide))
    assert image.shape == (40_000, 40_000)
    assert not asked, "opening reads no samples"
    fits = [a for a in image.levels if max(a.data.shape) >= SCREEN[1]]
    _, whole = counted(fits[-1].data.compute)
    screen = image.data[20_000 : 20_000 + SCREEN[0], 20_000 : 20_000 + SCREEN[1]]
    seen, detail = counted(screen.compute)
    assert (np.unique(seen) == [200, 201]).all()
    LOGGER.info(
        "of %d bytes: opening %d, whole slide on a screen %d, a screen at full "
        "resolution %d",
        *(size, opening, whole, detail),
    )
    # What the process reads is what was asked for, and a look at the page's entries.
    assert sum(asked) <= whole + detail < sum(asked) + 200_000
    assert opening + whole < 0.01 * size
    assert opening + detail < 0.01 * size
    assert opening + whole + detail < 0.01 * size


def microscope_file(kind: str, path: Path) -> None:
    """Write eight planes, 16 MiB, that no format can make smaller."""
    rng = np.random.default_rng(2)
    data = rng.integers(0, 2**16, (8, 1024, 1024), dtype=np.uint16)
    if kind == "czi":
        blocks = [
            Block(plane.tobytes(), 1, plane.shape, index={"Z": z})
            for z, plane in enumerate(data)
        ]
        write_czi(path, blocks)
    elif kind == "lif":
        steps = {"Z": 1e-6, "Y": 1e-6, "X": 1e-6}
        write_lif(path, [lif_image("a", data, "ZYX", steps)])
    elif kind == "ims":
        write_ims(path, data)
    else:
        tifffile.imwrite(
            path,
            data,
            imagej=True,
            resolution=(1e4, 1e4),
            metadata={"axes": "ZYX", "unit": "cm", "spacing": 1e-4},
        )


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("kind", ["czi", "lif", "ims", "tif"])
def test_opening_a_microscope_file_reads_no_planes(kind: str, tmp_path: Path) -> None:
    for library in {"lif": ["liffile"], "ims": ["h5py"]}.get(kind, []):
        pytest.importorskip(library)
    microscope_file(kind, tmp_path / f"warm.{kind}")
    channels_of(tmp_path / f"warm.{kind}")
    path = tmp_path / f"a.{kind}"
    microscope_file(kind, path)
    images, count = counted(lambda: channels_of(path))
    size = path.stat().st_size
    assert size > 2**24
    assert count < 0.01 * size
    _, count = counted(images[0].data[3, 10:20, 10:20].compute)
    # One plane of eight at most.
    assert count < 0.13 * size


def test_large_planes_come_in_rows(tmp_path: Path) -> None:
    pytest.importorskip("liffile")
    data = np.arange(3000 * 2000, dtype=np.uint16).reshape(3000, 2000)
    steps = {"Y": 1e-6, "X": 1e-6}
    write_lif(tmp_path / "a.lif", [lif_image("a", data, "YX", steps)])
    (image,) = channels_of(tmp_path / "a.lif")
    assert image.data.chunksize == (2097, 2000)
    np.testing.assert_array_equal(image.data[2000:2200].compute(), data[2000:2200])
