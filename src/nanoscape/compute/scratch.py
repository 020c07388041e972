"""Arrays that are being computed: in memory when small, else in a scratch folder."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import zarr

from nanoscape.compute.executor import Executor

MEMORY_LIMIT = 64 * 2**20
"""Bytes up to which a result is kept in memory."""


class ScratchArray:
    """An array in a Zarr store that is deleted when nobody holds it any more.

    Copies sent to other processes read the same store and do not delete it.

    Parameters
    ----------
    path
        Folder of the store.
    owner
        Whether the folder made for the store is deleted with this object.
    """

    def __init__(self, path: str, owner: bool = False) -> None:
        self.path = path
        self._array = zarr.open_array(path, mode="r+")
        self.shape: tuple[int, ...] = tuple(self._array.shape)
        self.dtype: np.dtype[Any] = np.dtype(self._array.dtype)
        self.ndim = len(self.shape)
        if owner:
            folder = str(Path(path).parent)
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    def __getitem__(self, key: Any) -> np.ndarray[Any, Any]:
        return np.asarray(self._array[key])

    def __setitem__(self, key: Any, value: Any) -> None:
        self._array[key] = value

    def __reduce__(self) -> tuple[Any, ...]:
        return ScratchArray, (self.path,)


def new_array(
    shape: tuple[int, ...], dtype: Any, chunks: tuple[int, ...], executor: Executor
) -> np.ndarray[Any, Any] | ScratchArray:
    """Return an array of zeros to be filled block by block.

    Parameters
    ----------
    shape, dtype
        What is to be stored.
    chunks
        Chunks of the store; blocks written at the same time must not share one.
    executor
        Tells whether other processes write, and where.
    """
    dtype = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if size <= MEMORY_LIMIT and not executor.remote:
        return np.zeros(shape, dtype)
    folder = tempfile.mkdtemp(prefix="nanoscape-", dir=executor.scratch)
    path = str(Path(folder) / "array.zarr")
    zarr.create_array(
        path,
        shape=shape,
        dtype=dtype,
        chunks=tuple(min(c, n) for c, n in zip(chunks, shape, strict=True)),
        compressors=zarr.codecs.BloscCodec(cname="lz4", clevel=3),
    )
    return ScratchArray(path, owner=True)


def as_dask(
    array: np.ndarray[Any, Any] | ScratchArray, chunks: tuple[int, ...]
) -> da.Array:
    """Return a lazy view of a finished array."""
    if isinstance(array, np.ndarray):
        return da.from_array(array, chunks=chunks)
    name = f"scratch-{Path(array.path).parent.name}"
    return da.from_array(array, chunks=chunks, name=name, asarray=False)
