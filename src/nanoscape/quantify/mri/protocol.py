"""What was set at the scanner: stated by the user, or by the file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image
from nanoscape.quantify.series import Floats

_PER_SECOND = {"s": 1.0, "ms": 1e-3}

_WORDS = {
    "flip_angle_deg": ("flip angle", "°"),
    "repetition_time_ms": ("repetition time", "ms"),
    "echo_time_ms": ("echo time", "ms"),
    "inversion_time_ms": ("inversion time", "ms"),
}


def setting(image: Image, name: str, given: float | None) -> float:
    """Return one setting, in the unit in which its tag ends.

    Parameters
    ----------
    image
        May state it in its tags.
    name
        Name of the tag, such as ``"flip_angle_deg"``.
    given
        What the user says; it wins.

    Raises
    ------
    CannotCompute
        If neither states it, or it is not positive.
    """
    words, unit = _WORDS[name]
    value = image.tags.get(name) if given is None else given
    if value is None:
        raise CannotCompute(
            f"{image.name} does not state the {words}",
            todo=f"give the {words} in {unit}",
        )
    if not float(value) > 0:
        raise CannotCompute(f"the {words} is {float(value):g} {unit}", "more than 0")
    return float(value)


def settings(images: Sequence[Image], name: str, given: str) -> Floats:
    """Return the setting in which images differ.

    Parameters
    ----------
    images
        On one grid, without time.
    name
        Name of the tag.
    given
        Numbers separated by commas in the order of the images; empty to take the
        tags.

    Raises
    ------
    CannotCompute
        If a setting is missing or not positive, or there are fewer than two.
    WrongInput
        If there are more or fewer numbers than images, or grids differ.
    """
    words, unit = _WORDS[name]
    _check_grids(images)
    if given.strip():
        try:
            values = [float(part) for part in given.split(",")]
        except ValueError as error:
            raise WrongInput(
                f"{given!r} is no list of {words}s", "numbers separated by commas"
            ) from error
        if len(values) != len(images):
            raise WrongInput(
                f"there are {len(values)} {words}s for {len(images)} images",
                "one for each image, in their order",
            )
    else:
        values = [setting(image, name, None) for image in images]
    found = np.asarray(values)
    if not (np.isfinite(found).all() and (found > 0).all()):
        raise CannotCompute(f"a {words} is not above 0 {unit}", f"{words}s in {unit}")
    if len(np.unique(found)) < 2:
        raise CannotCompute(
            f"all images have the same {words} of {found[0]:g} {unit}",
            "images that differ in it",
        )
    return found


def seconds_of(image: Image, unit: str) -> float:
    """Return how many seconds one unit of a map of relaxation times is.

    Parameters
    ----------
    image
        A map.
    unit
        ``"as in the file"``, ``"s"`` or ``"ms"``.

    Raises
    ------
    CannotCompute
        If nobody states it.
    """
    stated = image.quantity.unit if unit == "as in the file" else unit
    if stated not in _PER_SECOND:
        raise CannotCompute(
            f"{image.name} does not state whether it is in s or ms",
            todo="choose the unit of T1",
        )
    return _PER_SECOND[stated]


def _check_grids(images: Sequence[Image]) -> None:
    if len(images) < 2:
        raise WrongInput("there is one image", "two or more images of the same place")
    first = images[0]
    for image in images:
        if "t" in image.axes or image.rgb:
            raise WrongInput(f"{image.name} is a series or in colour", "single images")
        same = image.shape == first.shape and image.space == first.space
        if not same or not np.allclose(
            image.grid_to_space.matrix, first.grid_to_space.matrix
        ):
            raise WrongInput(
                f"{image.name} and {first.name} lie on other grids", "one grid"
            )
