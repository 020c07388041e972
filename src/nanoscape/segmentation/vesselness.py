"""The answer of a vessel filter as an image, to look at and to tune."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Block, Task, map_blocks, reduce_blocks
from nanoscape.model import Image, Quantity
from nanoscape.model.raster import single_level
from nanoscape.operation import Option, Role, operation
from nanoscape.segmentation.hessian import Floats
from nanoscape.segmentation.prepare import (
    Source,
    at_working_spacing,
    check_diameters,
    check_image,
    fill_reach,
    source_for,
)
from nanoscape.segmentation.ridge import (
    Filter,
    Scale,
    filtered_scales,
    halo_of,
    on_full_grid,
    scales_for,
    shape_weight,
    strength,
    structureness,
)


@operation(version=1, title="Vessel filter")
def vesselness(
    image: Annotated[Image, Role("Vessels")],
    *,
    diameters: Annotated[
        tuple[float, float], Option(unit="µm", minimum=0.1, label="Vessel diameters")
    ] = (5.0, 40.0),
    vessels_are: Annotated[
        Literal["bright", "dark"], Option(label="Vessels are")
    ] = "bright",
    filter: Annotated[Filter, Option(label="Filter")] = "frangi",  # noqa: A002
    working_spacing: Annotated[
        float | None,
        Option(unit="µm", minimum=0.001, label="Work at a pixel of", advanced=True),
    ] = None,
    task: Task | None = None,
) -> Image:
    """Show how strongly each place looks like a vessel.

    The answer is the largest over all diameters. It is not a mask: use *Find
    vessels* for that.

    Parameters
    ----------
    image
        An image of a vessel stain such as CD31, one plane (yx) or volume (zyx).
    diameters
        Smallest and largest diameter of the vessels you look for. A larger second
        value answers to wider vessels and takes longer.
    vessels_are
        Whether vessels are brighter or darker than the tissue around them.
    filter
        "frangi" gives a likeness from 0 to 1, "sato" the contrast in the unit of
        the image.
    working_spacing
        Pixel size to work at. Auto: a third of the smallest diameter. A larger
        value is quicker and coarser.
    task
        Progress.

    Returns
    -------
    vesselness
        The answer on the grid worked at; unmeasured places stay NaN.

    Raises
    ------
    WrongInput
        If the image is not one plane or volume of one stain, or the diameters are
        in the wrong order.

    Notes
    -----
    Frangi (1998, doi:10.1007/BFb0056195) with α = β = ½, and c half of the
    largest structureness in the whole image at each scale; Sato (1998,
    doi:10.1016/S1361-8415(98)80009-1). Derivatives are scale-normalised.
    """
    check_image(image, "vessels")
    check_diameters(diameters)
    parts = (task or Task()).split(1, 1, 2, 2)
    image = at_working_spacing(image, working_spacing or diameters[0] / 3, parts[0])
    source = source_for(image, vessels_are == "bright", fill_reach(diameters), parts[1])
    scales = scales_for(diameters, tuple(image.spacing.values()))
    halo = tuple(n + source.halo for n in halo_of(scales))
    common: tuple[Any, ...] = (source, image.shape, scales)
    largest = np.ones(len(scales), np.float32)
    if filter == "frangi":
        maxima = reduce_blocks(
            _largest_structure,
            [image.data],
            halo=halo,
            arguments=common,
            with_block=True,
            task=parts[2],
            text="measuring the contrast",
        )
        largest = np.max(maxima, axis=0)
    data = map_blocks(
        _answer,
        [image.data],
        dtype=np.float32,
        halo=halo,
        arguments=(*common, filter, largest),
        with_block=True,
        task=parts[3],
        text="filtering vessels",
    )
    unit = "1" if filter == "frangi" else image.quantity.unit
    return Image(
        levels=single_level(data, image.spatial_axes),
        axes=image.axes,
        grid_to_space=image.grid_to_space,
        space=image.space,
        name=f"vessel filter of {image.name}",
        tags=image.tags,
        quantity=Quantity("vesselness", unit),
    )


def _largest_structure(
    block: Block,
    crop: NDArray[Any],
    source: Source,
    shape: tuple[int, ...],
    scales: tuple[Scale, ...],
) -> Floats:
    values = source.read(crop)
    largest = []
    for scale, _, eigenvalues, covered in filtered_scales(values, block, shape, scales):
        size = structureness(eigenvalues)
        size = on_full_grid(size, covered, block, shape, scale)
        largest.append(size[block.inner].max())
    return np.asarray(largest, np.float32)


def _answer(
    block: Block,
    crop: NDArray[Any],
    source: Source,
    shape: tuple[int, ...],
    scales: tuple[Scale, ...],
    kind: Filter,
    largest: Floats,
) -> Floats:
    values = source.read(crop)
    best = np.zeros(values.shape, np.float32)
    results = filtered_scales(values, block, shape, scales)
    for number, (scale, _, eigenvalues, covered) in enumerate(results):
        if kind == "sato":
            answer = strength(eigenvalues, kind)
        else:
            answer = frangi(eigenvalues, float(largest[number]) / 2)
        answer = on_full_grid(answer, covered, block, shape, scale)
        np.maximum(best, answer, out=best)
    if np.issubdtype(crop.dtype, np.inexact):
        best[~np.isfinite(crop)] = np.nan
    return best


def frangi(values: tuple[Floats, ...], c: float) -> Floats:
    """Return Frangi's vesselness of bright vessels.

    Parameters
    ----------
    values
        Scale-normalised eigenvalues, smallest first.
    c
        Structureness at which the answer is 39 % of its largest.
    """
    bright = values[0] < 0
    if len(values) == 3:
        bright &= values[1] < 0
    size = structureness(values) / np.float32(max(c, 1e-30))
    answer = np.float32(1) - np.exp(np.float32(-0.5) * np.minimum(size, 20) ** 2)
    return np.where(bright, answer * shape_weight(values), np.float32(0))
