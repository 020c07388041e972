"""The same object, told in the coordinates of another space."""

from __future__ import annotations

from typing import Any, TypeVar

from nanoscape.errors import WrongInput
from nanoscape.model.image import Image
from nanoscape.model.labels import Labels
from nanoscape.model.points import Points
from nanoscape.model.raster import Raster
from nanoscape.model.regions import Regions
from nanoscape.model.spectra import Spectra
from nanoscape.model.transform import Affine

T = TypeVar("T", Image, Labels, Spectra, Points, Regions)


def placed(item: T, transform: Affine, space: str) -> T:
    """Return an object as it lies in another space; no sample is touched.

    Parameters
    ----------
    item
        Image, labels, points, regions or spectra.
    transform
        Maps µm of the object's space to µm of the other.
    space
        Name of the other space.

    Raises
    ------
    WrongInput
        If the object has no place.
    """
    changes: dict[str, Any] = {"space": space}
    if isinstance(item, Raster | Spectra):
        changes["grid_to_space"] = item.grid_to_space.then(transform)
    elif isinstance(item, Points):
        changes["coordinates"] = transform.apply(item.coordinates)
        changes["axes"] = transform.output_axes
    elif isinstance(item, Regions):
        changes["polygons"] = tuple(transform.apply(p) for p in item.polygons)
        changes["holes"] = tuple(
            tuple(transform.apply(ring) for ring in rings) for rings in item.holes
        )
        changes["axes"] = transform.output_axes
    else:
        raise WrongInput(f"{type(item).__name__} has no place in a space")
    return item.replace(**changes)
