"""Spectra for tests, from lists instead of files."""

from __future__ import annotations

import numpy as np

from nanoscape.model import Affine, Spectra, Tags
from nanoscape.model.spectra import StoredArrays, StoredPeaks


class InMemory:
    """Spectra from lists, in place of a file."""

    def __init__(self, spectra):
        self.spectra = spectra

    def read(self, index):
        return self.spectra[index]


class Stored(InMemory):
    """Spectra that lie in one run of bytes at any place, as in a mapped file."""

    def __init__(self, spectra, shared=False):
        super().__init__(spectra)
        self.content = bytearray(b"odd")
        places = []
        for mzs, values in spectra:
            if not (shared and places):
                mz_at = len(self.content)
                self.content += mzs.tobytes()
            places.append((mz_at, len(self.content), len(mzs)))
            self.content += values.tobytes()
        self.mz, self.values, self.lengths = np.array(places, np.int64).T

    def stored(self):
        mzs, values = self.spectra[0]
        return StoredPeaks(
            np.frombuffer(bytes(self.content), np.uint8),
            StoredArrays(self.mz, self.lengths, mzs.dtype),
            StoredArrays(self.values, self.lengths, values.dtype),
        )


def acquisition(peaks, shape, source=InMemory):
    pixels = [divmod(i, shape[1]) for i in range(len(peaks))]
    return Spectra(
        source=source(peaks),
        pixels=np.array(pixels),
        shape=shape,
        axes="yx",
        grid_to_space=Affine.from_spacing("yx", 50.0),
        space="maldi",
        name="maldi",
        tags=Tags.of("user", subject="m1"),
    )
