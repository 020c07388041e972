"""What images of laser lines have in common: rows in the order of acquisition."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape.compute.resample import check_no_time
from nanoscape.errors import WrongInput
from nanoscape.model import Image, Tags
from nanoscape.model.raster import single_level

SUBTRACTED = "background_subtracted"
"""Tag of images whose signal is zero where nothing is ablated."""
BACKGROUND_ERROR = "background_error"
"""Tag for the standard error of what was subtracted, in the unit of the signal."""


def check_lines(image: Image) -> None:
    """Raise :class:`WrongInput` for what has no lines."""
    check_no_time(image)
    if image.axes != "yx":
        raise WrongInput(
            f"{image.name} has the axes {image.axes}", "lines of a laser, with yx"
        )


def is_net(image: Image) -> bool:
    """Whether the background was subtracted."""
    return bool(image.tags.get(SUBTRACTED))


def changed(image: Image, data: da.Array, step: str, **tags: Any) -> Image:
    """Return an image with other samples, and one step more in its account."""
    account = [*(image.tags.get("derivation") or ()), step]
    kept = {k: t for k, t in image.tags.tags.items() if k != "role"}
    return image.replace(
        levels=single_level(data, image.spatial_axes),
        tags=Tags(kept).having("header", derivation=account, **tags),
    )


def in_float(image: Image) -> da.Array:
    """Return the samples in floating point, each line in one piece."""
    dtype = np.result_type(image.dtype, np.float32)
    return image.data.astype(dtype).rechunk({1: -1})


def line_numbers_of(data: NDArray[Any], block_info: Any) -> NDArray[np.int64]:
    """Return the number of each line of a block within the whole image."""
    (first, _), _ = block_info[0]["array-location"]
    return first + np.arange(len(data))
