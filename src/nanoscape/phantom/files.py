"""Writing files that appear under their name only when they are complete."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import tifffile
from numpy.typing import NDArray

from nanoscape.compute import Task

DRAFT = ".writing-"
"""How the names of folders begin in which something is being written."""

_TILE = 512


@contextlib.contextmanager
def complete(*targets: Path) -> Iterator[list[Path]]:
    """Give places to write to; they get their final names when all went well.

    Parameters
    ----------
    targets
        Final names, in one folder.
    """
    parent = targets[0].parent
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=DRAFT))
    try:
        drafts = [folder / target.name for target in targets]
        yield drafts
        for draft, target in zip(drafts, targets, strict=True):
            os.replace(draft, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def complete_folder(target: Path, last: str) -> Iterator[Path]:
    """Give a folder to fill; what is in it moves to its place when all went well.

    Parameters
    ----------
    target
        Where the files belong.
    last
        Name of the file that makes the folder what it is; it is moved last.
    """
    target.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=target, prefix=DRAFT))
    try:
        yield draft
        for child in sorted(draft.iterdir(), key=lambda child: child.name == last):
            os.replace(child, target / child.name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def fixed_uuid(seed: int, *place: int) -> uuid.UUID:
    """Return an identifier that is the same for the same seed."""
    words = np.random.SeedSequence(entropy=seed, spawn_key=place).generate_state(4)
    return uuid.UUID(bytes=words.astype("<u4").tobytes(), version=4)


def write_ome_tiff(
    path: Path,
    levels: Sequence[Sequence[da.Array]],
    *,
    channels: Sequence[str],
    pixel_um: float,
    identifier: uuid.UUID,
    colour: bool = False,
    task: Task | None = None,
) -> None:
    """Write a pyramidal, tiled OME-TIFF, one tile at a time.

    Parameters
    ----------
    path
        Target.
    levels
        For each channel its levels, the finest first; lazy arrays ``(y, x)``.
    channels
        Their names.
    pixel_um
        Distance of pixel centres of the finest level.
    identifier
        Identifier of the file.
    colour
        Whether the channels are red, green and blue, written side by side.
    task
        Progress.
    """
    first = levels[0]
    steps = (task or Task()).split(*[float(np.prod(a.shape)) for a in first])
    metadata: Mapping[str, Any] = {
        "axes": "YXS" if colour else "CYX",
        "UUID": f"urn:uuid:{identifier}",
        "PhysicalSizeX": pixel_um,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": pixel_um,
        "PhysicalSizeYUnit": "µm",
        "Channel": {"Name": "colour" if colour else list(channels)},
    }
    with (
        complete(path) as (draft,),
        tifffile.TiffWriter(draft, bigtiff=True, ome=True) as tiff,
    ):
        for number in range(len(first)):
            arrays = [channel[number] for channel in levels]
            shape = (*arrays[0].shape, 3) if colour else (len(arrays), *arrays[0].shape)
            tiff.write(
                (_colour_tiles if colour else _tiles)(arrays, steps[number]),
                shape=shape,
                dtype=arrays[0].dtype,
                tile=(_TILE, _TILE),
                photometric="rgb" if colour else "minisblack",
                compression="zlib",
                compressionargs={"level": 1},
                predictor=True,
                resolution=(1e4 / pixel_um / 2**number, 1e4 / pixel_um / 2**number),
                resolutionunit="CENTIMETER",
                subifds=len(first) - 1 if number == 0 else None,
                subfiletype=0 if number == 0 else 1,
                metadata=metadata if number == 0 else None,
                software="nanoscape phantom",
            )


def _tiles(arrays: Sequence[da.Array], task: Task) -> Iterator[NDArray[Any]]:
    """Yield full tiles; those that hang over the edge end in zeros."""
    height, width = arrays[0].shape
    rows, columns = -(-height // _TILE), -(-width // _TILE)
    total = len(arrays) * rows
    for number, array in enumerate(arrays):
        for row in range(rows):
            task.step(number * rows + row, total, "writing the slide")
            strip = array[row * _TILE : (row + 1) * _TILE]
            strip = strip.compute(scheduler="synchronous")
            for column in range(columns):
                part = strip[:, column * _TILE : (column + 1) * _TILE]
                tile = np.zeros((_TILE, _TILE), array.dtype)
                tile[: part.shape[0], : part.shape[1]] = part
                yield tile


def _colour_tiles(arrays: Sequence[da.Array], task: Task) -> Iterator[NDArray[Any]]:
    """Yield full tiles ``(y, x, 3)``."""
    parts = task.split(1.0, 1.0, 1.0)
    for planes in zip(*map(_tiles, [[a] for a in arrays], parts), strict=True):
        yield np.stack(planes, axis=-1)


def write_tiff(
    path: Path, array: Any, pixel_um: float, identifier: uuid.UUID, name: str
) -> None:
    """Write one plane ``(y, x)`` as a tiled OME-TIFF without coarser levels."""
    lazy = array if isinstance(array, da.Array) else da.from_array(np.asarray(array))
    write_ome_tiff(
        path,
        [[lazy]],
        channels=[name],
        pixel_um=pixel_um,
        identifier=identifier,
    )


def write_text(path: Path, text: str) -> None:
    """Write a text file."""
    with complete(path) as (draft,):
        draft.write_text(text, encoding="utf-8")


def write_plane(
    path: Path,
    array: NDArray[Any],
    pitch_um: tuple[float, float],
    identifier: uuid.UUID,
    name: str,
) -> None:
    """Write one plane ``(y, x)`` of any pixels as OME-TIFF, at once."""
    write_stack(path, array[None], (1.0, *pitch_um), identifier, name)


def write_stack(
    path: Path,
    array: NDArray[Any],
    pitch_um: tuple[float, float, float],
    identifier: uuid.UUID,
    *channels: str,
    axes: str = "",
) -> None:
    """Write a volume ``(z, y, x)`` or ``(c, z, y, x)`` as OME-TIFF, at once.

    Parameters
    ----------
    path
        Target.
    array
        Samples.
    pitch_um
        Distance of planes, rows and columns.
    identifier
        Identifier of the file.
    channels
        Names.
    axes
        Others than these, such as ``"TYX"``.
    """
    axes = axes or "CZYX"[4 - array.ndim :]
    metadata: dict[str, Any] = {
        "axes": axes,
        "UUID": f"urn:uuid:{identifier}",
        "Channel": {"Name": list(channels)},
    }
    for axis, pitch in zip("ZYX", pitch_um, strict=True):
        if axis not in axes:
            continue
        metadata[f"PhysicalSize{axis}"] = pitch
        metadata[f"PhysicalSize{axis}Unit"] = "µm"
    with (
        complete(path) as (draft,),
        tifffile.TiffWriter(draft, bigtiff=array.nbytes > 2**31, ome=True) as tiff,
    ):
        tiff.write(
            array,
            photometric="minisblack",
            compression="zlib",
            compressionargs={"level": 1},
            predictor=True,
            metadata=metadata,
            software="nanoscape phantom",
        )
