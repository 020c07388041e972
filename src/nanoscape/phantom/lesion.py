"""The whole lesion of an animal, as volume scanners see it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from nanoscape.phantom.files import complete
from nanoscape.phantom.streams import VOLUMES, sub_seed

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lesion:
    """An ellipsoid with a dead core, in the flank of a body.

    Lengths are mm in RAS+, the convention of NIfTI. Sections are small pieces of a
    lesion: it does not follow their outlines.

    Attributes
    ----------
    seed
        Seed of the animal.
    centre
        Of the lesion.
    half_axes
        Of the lesion.
    """

    seed: int
    centre: FloatArray
    half_axes: FloatArray

    def depth(self, places: FloatArray) -> FloatArray:
        """Return 1 in the lesion's centre, 0 on its surface, negative outside."""
        away = (places - self.centre) / self.half_axes
        depth: FloatArray = 1 - np.sqrt((away**2).sum(axis=-1))
        return depth

    def in_body(self, places: FloatArray) -> NDArray[np.bool_]:
        """Tell which places lie in the body, a cylinder along z."""
        radius = np.hypot(places[..., 0] / 13.0, places[..., 1] / 11.0)
        inside: NDArray[np.bool_] = radius < 1
        return inside


def make_lesion(seed: int) -> Lesion:
    """Draw the lesion of an animal."""
    generator = np.random.default_rng(sub_seed(seed, VOLUMES))
    centre = np.array([8.0, 4.0, 0.0]) + generator.uniform(-1, 1, 3)
    return Lesion(seed, centre, generator.uniform(3.2, 4.4, 3))


def write_volume(path: Path, values: FloatArray, affine: FloatArray) -> None:
    """Write a volume ``(x, y, z)`` as NIfTI in mm, position code 1 (scanner)."""
    volume = nib.Nifti1Image(values.astype(np.float32), affine)
    volume.header.set_xyzt_units("mm", "sec")
    volume.set_qform(affine, code=1)
    volume.set_sform(affine, code=1)
    with complete(path) as (draft,):
        nib.save(volume, draft)


def voxel_places(shape: tuple[int, int, int], affine: FloatArray) -> FloatArray:
    """Return the places of all voxel centres in mm, shape ``(x, y, z, 3)``."""
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    places: FloatArray = index @ affine[:3, :3].T + affine[:3, 3]
    return places
