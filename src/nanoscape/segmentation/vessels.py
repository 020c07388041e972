"""Finding vessels: ridges of all diameters, with walls at local half height."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import dask.array as da
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.compute import Block, Task, keep_labels, label, map_blocks
from nanoscape.compute.blocks import run_blocks
from nanoscape.model import Image, Labels
from nanoscape.model.raster import Level
from nanoscape.operation import Option, Role, operation
from nanoscape.segmentation.calibrate import (
    BINS,
    added,
    core_of,
    counts_of,
    noise_sigma,
    round_off,
    sample_blocks,
    weighted_mean,
)
from nanoscape.segmentation.hessian import Floats, kernel_radius, smoothed
from nanoscape.segmentation.objects import object_sums
from nanoscape.segmentation.prepare import (
    Source,
    at_working_spacing,
    check_diameters,
    check_image,
    source_for,
)
from nanoscape.segmentation.ridge import (
    Filter,
    Scale,
    filtered_scales,
    halo_of,
    noise_gain,
    on_full_grid,
    scales_for,
    strength,
)
from nanoscape.segmentation.walls import at_half_height, without_small_holes

_ROUNDS = 2

_SHARE = 0.22
"""Smallest contrast of a vessel, as a share of the typical one."""

_LOW, _HIGH = 3.0, 6.0
"""Signal to noise that a vessel has everywhere, and somewhere."""

_SMALLEST_STEP = 0.25
"""Step at a wall, as a share of the smallest contrast of a vessel."""

_STEPS_FINER = 3
"""How many scales finer the brightness of a pixel is read."""

_PEAK = {2: math.sqrt(2 / math.pi) * math.sqrt(2) * math.exp(-1), 3: math.exp(-1)}
"""Answer at its own scale of a band (2D) or cylinder (3D) with a contrast of one."""


@dataclass(frozen=True)
class Plan:
    """All that a block needs to know.

    Attributes
    ----------
    source
        How samples are read.
    shape
        Shape of the whole image.
    scales
        Scales of the filter.
    kind
        Which filter.
    fine
        Standard deviation in pixels of the light smoothing before the wall is
        placed, by axis.
    reach
        Reach in pixels of the search for the wall, by axis.
    gains
        Noise of each scale's answer for a pixel noise of one.
    noise
        Standard deviation of the noise of single pixels.
    low, high
        Signal to noise of the answer that a vessel must have everywhere, and
        somewhere.
    contrast
        Smallest contrast in the unit of the image.
    """

    source: Source
    shape: tuple[int, ...]
    scales: tuple[Scale, ...]
    kind: Filter
    fine: tuple[float, ...]
    reach: tuple[float, ...]
    gains: tuple[float, ...]
    noise: float = 0.0
    low: float = 0.0
    high: float = 0.0
    contrast: float = 0.0

    @property
    def halo(self) -> tuple[int, ...]:
        """Reach in pixels of all steps together, by axis."""
        filters = np.maximum(
            halo_of(self.scales), [kernel_radius(s) for s in self.fine]
        )
        walls = [_ROUNDS * kernel_radius(s) for s in self.reach]
        total = filters + np.asarray(walls) + self.source.halo
        return tuple(int(n) for n in total)


@operation(version=1, title="Find vessels", role="Vessels")
def vessels(
    image: Annotated[Image, Role("Vessels")],
    *,
    diameters: Annotated[
        tuple[float, float], Option(unit="µm", minimum=0.1, label="Vessel diameters")
    ] = (5.0, 40.0),
    sensitivity: Annotated[
        float,
        Option(minimum=0.0, maximum=1.0, step=0.05, label="Find fainter vessels"),
    ] = 0.5,
    smallest_extent: Annotated[
        float, Option(unit="µm", minimum=0.0, label="Remove pieces shorter than")
    ] = 15.0,
    vessels_are: Annotated[
        Literal["bright", "dark"], Option(label="Vessels are")
    ] = "bright",
    filter: Annotated[  # noqa: A002 - the word of the field
        Filter, Option(label="Filter", advanced=True)
    ] = "frangi",
    largest_hole: Annotated[
        float | None,
        Option(unit="µm", minimum=0.0, label="Fill holes up to", advanced=True),
    ] = None,
    working_spacing: Annotated[
        float | None,
        Option(unit="µm", minimum=0.001, label="Work at a pixel of", advanced=True),
    ] = None,
    task: Task | None = None,
) -> Labels:
    """Find blood vessels in an image of their stain and number them.

    Places that look like a bright line at any of the diameters are sought, with
    an uneven background taken into account. A vessel must stand out from the
    noise, which is measured on the image, and its wall is put where the stain has
    fallen half way to its surroundings.

    Parameters
    ----------
    image
        An image of a vessel stain such as CD31, one plane (yx) or volume (zyx).
    diameters
        Smallest and largest diameter of the vessels you look for. A larger second
        value finds wider vessels and takes longer.
    sensitivity
        How faint a vessel may be. A larger value finds fainter vessels, and more
        things that are none.
    smallest_extent
        Connected pieces that are shorter than this from end to end are left out.
        A larger value removes more debris and more vessels cut across.
    vessels_are
        Whether vessels are brighter or darker than the tissue around them.
    filter
        "frangi" passes over round spots and flat sheets; "sato" keeps them, and
        with them vessels that are cut straight across.
    largest_hole
        Holes in vessels that are not longer than this are filled. Auto: the
        smallest diameter. Raise it to the widest lumen when only walls are
        stained.
    working_spacing
        Pixel size to work at; the nearest resolution that is not coarser is
        taken. Auto: a third of the smallest diameter. A larger value is quicker
        and coarser.
    task
        Progress.

    Returns
    -------
    vessels
        One number per connected vessel, on the grid worked at, with a table of
        area (or volume), extent and centre.

    Raises
    ------
    WrongInput
        If the image is not one plane or volume of one stain, or the diameters are
        in the wrong order.

    Notes
    -----
    The second derivatives are scale-normalised (Lindeberg 1998,
    doi:10.1023/A:1008097225773) and weighted after Frangi (1998,
    doi:10.1007/BFb0056195) or Sato (1998, doi:10.1016/S1361-8415(98)80009-1).

    Examples
    --------
    >>> import numpy as np
    >>> plane = np.random.default_rng(0).poisson(10, (64, 64))
    >>> plane[28:36] += 40
    >>> found = vessels(Image.from_array(plane, "yx", spacing=1.0))
    >>> len(found.table)
    1
    """
    check_image(image, "vessels")
    check_diameters(diameters)
    parts = (task or Task()).split(2, 1, 2, 1, 10, 1, 4, 2, 1)
    image = at_working_spacing(image, working_spacing or diameters[0] / 3, parts[0])
    plan = _calibrated(
        _plan(image, diameters, filter, vessels_are == "bright"),
        image.data,
        sensitivity,
        parts[1:4],
    )
    codes = map_blocks(
        classify,
        [image.data],
        dtype=np.uint8,
        halo=plan.halo,
        arguments=(plan,),
        with_block=True,
        task=parts[4],
        text="looking for vessels",
    )
    hole = diameters[0] if largest_hole is None else largest_hole
    reach = tuple(int(hole / step) for step in image.spacing.values())
    codes = map_blocks(
        without_small_holes,
        [codes],
        dtype=np.uint8,
        halo=tuple(n + 1 for n in reach),
        arguments=(reach,),
        task=parts[5],
        text="filling holes",
    )
    data, table = _objects(codes, image, smallest_extent, parts[6:])
    return Labels(
        levels=(Level(data, (1.0,) * len(image.axes)),),
        axes=image.axes,
        grid_to_space=image.grid_to_space,
        space=image.space,
        name=f"vessels of {image.name}",
        tags=image.tags.having("user", role="Vessels"),
        table=table,
    )


def _plan(
    image: Image, diameters: tuple[float, float], kind: Filter, bright: bool
) -> Plan:
    steps = tuple(image.spacing.values())
    scales = scales_for(diameters, steps)
    low = diameters[0]
    return Plan(
        source=source_for(image, bright, low / 2),
        shape=image.shape,
        scales=scales,
        kind=kind,
        fine=tuple(0.24 * low / step for step in steps),
        reach=tuple(0.6 * low / step for step in steps),
        gains=tuple(noise_gain(scale) for scale in scales),
    )


def _calibrated(
    plan: Plan, data: da.Array, sensitivity: float, parts: list[Task]
) -> Plan:
    """Return the plan with the image's noise and the limits that follow from it."""
    fold = 4.0 ** (0.5 - sensitivity)
    noise = noise_sigma(data, plan.source, parts[0])
    limits = {"noise": noise, "low": _LOW * fold, "high": _HIGH * fold}
    first = _with(plan, **limits)
    counts = run_blocks(
        _contrast_counts,
        [data],
        sample_blocks(data.shape, plan.halo),
        arguments=(first,),
        with_block=True,
        task=parts[1],
        text="measuring the contrast",
    )
    typical = weighted_mean(added(counts))
    floor = round_off(data, parts[2])
    return _with(first, contrast=max(_SHARE * fold * typical, floor))


def _with(plan: Plan, **changes: Any) -> Plan:
    return dataclasses.replace(plan, **changes)


def evidence(
    crop: NDArray[Any], block: Block, plan: Plan
) -> tuple[Floats, Floats, Floats]:
    """Return fine image, signal to noise and contrast of the best scale.

    A scale speaks only for pixels that are brighter than the image smoothed at
    that scale: at the wall of a vessel of its own size that is half height. How
    bright they are is read from the image at a scale about three times finer.
    """
    values = plan.source.read(crop)
    fine = smoothed(values, plan.fine)
    signal = np.zeros(values.shape, np.float32)
    contrast = np.zeros(values.shape, np.float32)
    peak = np.float32(_PEAK[values.ndim])
    results = filtered_scales(values, block, plan.shape, plan.scales)
    finer = [fine] * _STEPS_FINER
    for number, (scale, smooth, eigenvalues, covered) in enumerate(results):
        ridge = strength(eigenvalues, plan.kind)
        ridge = on_full_grid(ridge, covered, block, plan.shape, scale)
        if number:
            around = on_full_grid(smooth, covered, block, plan.shape, scale)
            ridge = np.where(finer[number] > around, ridge, np.float32(0))
            finer.append(around)
        else:
            finer.append(fine)
        noise = max(plan.noise * plan.gains[number], 1e-12)
        np.maximum(signal, ridge / np.float32(noise), out=signal)
        np.maximum(contrast, ridge / peak, out=contrast)
    return fine, signal, contrast


def classify(block: Block, crop: NDArray[Any], plan: Plan) -> NDArray[np.uint8]:
    """Return 1 for vessel, 2 where it stands out clearly, else 0."""
    fine, signal, contrast = evidence(crop, block, plan)
    rough = (signal > np.float32(plan.low)) & (contrast > np.float32(plan.contrast))
    sure = signal > np.float32(plan.high)
    sure &= contrast > np.float32(1.6 * plan.contrast)
    step = _SMALLEST_STEP * plan.contrast
    mask = at_half_height(rough, fine, plan.reach, _ROUNDS, step)
    if np.issubdtype(crop.dtype, np.inexact):
        mask &= np.isfinite(crop)
    return mask.astype(np.uint8) + (mask & sure)


def _contrast_counts(
    block: Block, crop: NDArray[Any], plan: Plan
) -> tuple[None, NDArray[np.int64]]:
    _, signal, contrast = (core_of(block, a) for a in evidence(crop, block, plan))
    chosen = contrast[signal > np.float32(plan.high)]
    return None, counts_of(chosen) if chosen.size else np.zeros(BINS, np.int64)


def _objects(
    codes: da.Array, image: Image, smallest_extent: float, parts: list[Task]
) -> tuple[da.Array, pd.DataFrame]:
    """Return the numbered pieces that are sure and long enough, and their table."""
    labels, count = label(codes, task=parts[0])
    sums = object_sums(labels, count, codes == 2, task=parts[1])
    keep = sums.marked > 0
    keep &= sums.extents(tuple(image.spacing.values())) >= smallest_extent
    labels, _ = keep_labels(labels, keep, task=parts[2])
    return labels, sums.chosen(keep).table(image.grid_to_space)
