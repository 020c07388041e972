"""Writing a volume as OME-Zarr."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from nanoscape.phantom.files import complete

_CHUNK = (1, 64, 128, 128)
_COLOURS = ("FF00FF", "00FF00", "808080")


def write_ome_zarr(
    path: Path,
    counts: Any,
    pitch_um: tuple[float, float, float],
    channels: Sequence[str],
) -> None:
    """Write counts ``(c, z, y, x)`` as OME-Zarr 0.5 with a level of half the size.

    Parameters
    ----------
    path
        Target, a folder.
    counts
        Samples; read channel by channel.
    pitch_um
        Distances of planes, rows and columns.
    channels
        Names.
    """
    axes = [{"name": "c", "type": "channel"}]
    axes += [{"name": n, "type": "space", "unit": "micrometer"} for n in "zyx"]
    z, y, x = pitch_um
    levels = [_level("0", [1.0, z, y, x], [0.0] * 4)]
    levels.append(_level("1", [1.0, z, 2 * y, 2 * x], [0.0, 0.0, y / 2, x / 2]))
    window = {"min": 0, "max": 65535, "start": 100, "end": 2000}
    shown = [
        {"label": name, "color": colour, "active": True, "window": window}
        for name, colour in zip(channels, _COLOURS, strict=False)
    ]
    ome = {
        "version": "0.5",
        "multiscales": [
            {"name": path.name.split(".")[0], "axes": axes, "datasets": levels}
        ],
        "omero": {"channels": shown},
    }
    with complete(path) as (draft,):
        group = zarr.open_group(str(draft), mode="w", zarr_format=3)
        coarse = (*counts.shape[:2], *(-(-n // 2) for n in counts.shape[2:]))
        whole = _array(draft / "0", counts.shape)
        half = _array(draft / "1", coarse)
        for channel in range(counts.shape[0]):
            values = np.asarray(counts[channel])
            whole[channel], half[channel] = values, _halved(values)
        group.attrs.update({"ome": ome})


def _level(path: str, scale: list[float], shift: list[float]) -> dict[str, Any]:
    return {
        "path": path,
        "coordinateTransformations": [
            {"type": "scale", "scale": scale},
            {"type": "translation", "translation": shift},
        ],
    }


def _array(path: Path, shape: Sequence[int]) -> Any:
    return zarr.create_array(
        str(path),
        shape=tuple(shape),
        dtype=np.uint16,
        chunks=tuple(min(c, n) for c, n in zip(_CHUNK, shape, strict=True)),
        compressors=zarr.codecs.BloscCodec(cname="zstd", clevel=3),
        dimension_names=list("czyx"),
        zarr_format=3,
    )


def _halved(values: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return the mean of each 2 × 2 voxels of a plane; edges are repeated."""
    rows, columns = (n % 2 for n in values.shape[1:])
    even = np.pad(values, ((0, 0), (0, rows), (0, columns)), mode="edge")
    planes, height, width = even.shape
    parts = even.reshape(planes, height // 2, 2, width // 2, 2)
    return np.rint(parts.mean(axis=(2, 4))).astype(np.uint16)
