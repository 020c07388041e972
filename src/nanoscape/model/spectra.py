"""Spectra: a mass spectrum at each acquired pixel."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import WrongInput
from nanoscape.model.tags import Tags
from nanoscape.model.transform import Affine


@dataclass(frozen=True, eq=False)
class StoredArrays:
    """Where one kind of array of all spectra lies in memory or in a mapped file.

    Attributes
    ----------
    offsets
        First byte, by spectrum.
    lengths
        Number of values, by spectrum.
    dtype
        Type of the values.
    """

    offsets: NDArray[np.int64]
    lengths: NDArray[np.int64]
    dtype: np.dtype[Any]


@dataclass(frozen=True, eq=False)
class StoredPeaks:
    """The peaks of many spectra, as bytes.

    Attributes
    ----------
    content
        Bytes in which the arrays lie, native byte order.
    mz, intensity
        Where the arrays lie in them.
    """

    content: NDArray[np.uint8]
    mz: StoredArrays
    intensity: StoredArrays


class SpectrumSource(Protocol):
    """Where spectra are read from; safe to use from several threads."""

    def read(self, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return m/z values and intensities of one spectrum, of equal length."""
        ...


@runtime_checkable
class StoredSource(SpectrumSource, Protocol):
    """A source that can lay its spectra open without copying them."""

    def stored(self) -> StoredPeaks | None:
        """Return the peaks of all spectra, or ``None`` where they must be decoded."""
        ...


@runtime_checkable
class KeyedSource(SpectrumSource, Protocol):
    """A source whose spectra are told from all others, in other processes too."""

    def key(self) -> str:
        """Return letters and digits that are others when any spectrum may differ.

        Raises
        ------
        UnreadableFile
            If the file is no longer the one that was opened.
        """
        ...

    def peak_counts(self) -> NDArray[np.int64]:
        """Return the number of peaks, by spectrum."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class Spectra:
    """A mass spectrum at each acquired pixel of a grid.

    Attributes
    ----------
    source
        Gives the spectra one by one.
    pixels
        Grid index of each spectrum, shape ``(n, len(axes))``, from zero.
    shape
        Shape of the grid; pixels that no spectrum names were not acquired.
    axes
        Spatial axes of the grid, ``"yx"`` or ``"zyx"``.
    grid_to_space
        Maps indices of pixel centres to µm.
    space
        Name of the space in which the grid lies.
    name
        What it is, in a few words.
    tags
        What else is known.
    """

    kind: ClassVar[str] = "spectra"

    source: SpectrumSource
    pixels: NDArray[np.int64]
    shape: tuple[int, ...]
    axes: str
    grid_to_space: Affine
    space: str
    name: str
    tags: Tags = field(default_factory=Tags)

    def __post_init__(self) -> None:
        pixels = np.array(self.pixels, dtype=np.int64)
        if pixels.ndim != 2 or pixels.shape[1] != len(self.axes):
            raise WrongInput(f"{self.name} has pixel indices of shape {pixels.shape}")
        if len(pixels) == 0:
            raise WrongInput(f"{self.name} holds no spectra")
        if (pixels < 0).any() or (pixels >= np.asarray(self.shape)).any():
            raise WrongInput(f"{self.name} names pixels outside its grid {self.shape}")
        pixels.setflags(write=False)
        object.__setattr__(self, "pixels", pixels)

    def __len__(self) -> int:
        return len(self.pixels)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some attributes changed."""
        return dataclasses.replace(self, **changes)

    @property
    def spacing(self) -> dict[str, float]:
        """Distance of neighbouring pixel centres in µm, by axis."""
        return self.grid_to_space.spacing
