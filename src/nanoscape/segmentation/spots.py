"""Finding spots: particle clusters and other small round things."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numba
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.compute import Block, Task, reduce_blocks
from nanoscape.compute.blocks import run_blocks
from nanoscape.model import Image, Points
from nanoscape.operation import Option, Role, operation
from nanoscape.segmentation.calibrate import (
    added,
    core_of,
    counts_of,
    round_off,
    sample_blocks,
    spread_of,
)
from nanoscape.segmentation.hessian import (
    Floats,
    hessian_eigenvalues,
    kernel_radius,
)
from nanoscape.segmentation.prepare import Source, check_image, source_for


@dataclass(frozen=True)
class _Filter:
    """A Laplacian of Gaussian: its standard deviation in µm and in pixels."""

    source: Source
    sigma_um: float
    sigmas: tuple[float, ...]
    steps: tuple[float, ...]

    @property
    def halo(self) -> tuple[int, ...]:
        return tuple(kernel_radius(s) + 2 + self.source.halo for s in self.sigmas)


@operation(version=1, title="Find spots", role="Carrier")
def spots(
    image: Annotated[Image, Role("Carrier")],
    *,
    diameter: Annotated[
        float, Option(unit="µm", minimum=0.001, label="Spot diameter")
    ] = 1.5,
    smallest_snr: Annotated[
        float, Option(minimum=0.5, label="Smallest signal to noise")
    ] = 4.0,
    spots_are: Annotated[Literal["bright", "dark"], Option(label="Spots are")] = (
        "bright"
    ),
    task: Task | None = None,
) -> Points:
    """Find small round spots and measure their place and brightness.

    The image is filtered for spots of one size; the noise of the filtered image
    is measured, and spots that clearly stand out are kept. Their places are found
    to a fraction of a pixel.

    Parameters
    ----------
    image
        An image of particles or other spots, one plane (yx) or volume (zyx).
    diameter
        Full width at half height of a spot as it appears in the image. A larger
        value finds larger spots and joins those that touch.
    smallest_snr
        How far a spot must stand out, in standard deviations of the filtered
        image. A larger value finds fewer and brighter spots.
    spots_are
        Whether spots are brighter or darker than what is around them.
    task
        Progress.

    Returns
    -------
    spots
        Places in µm with a table: contrast of the fitted peak, signal to noise.

    Raises
    ------
    WrongInput
        If the image is not one plane or volume of one channel.

    Notes
    -----
    The scale-normalised Laplacian of Gaussian (Lindeberg 1998,
    doi:10.1023/A:1008097225773); the place is the top of a parabola through the
    image smoothed by a Gaussian as wide as the spot.
    """
    check_image(image, "spots")
    parts = (task or Task()).split(1, 3, 1, 4)
    steps = tuple(image.spacing.values())
    # The answer is strongest where the filter is as wide as the spot.
    sigma = diameter / (2 * math.sqrt(2 * math.log(2)))
    plan = _Filter(
        source_for(image, spots_are == "bright", (diameter / 2, diameter), parts[0]),
        sigma,
        tuple(max(sigma / step, 0.5) for step in steps),
        steps,
    )
    noise = _noise(image, plan, parts[1])
    limit = max(smallest_snr * noise, round_off(image.data, parts[2]))
    found = reduce_blocks(
        _peaks,
        [image.data],
        halo=plan.halo,
        arguments=(plan, image.shape, limit),
        with_block=True,
        task=parts[3],
        text="looking for spots",
    )
    peaks = np.concatenate(found)
    order = np.lexsort(peaks[:, : len(steps)].T[::-1])
    peaks = peaks[order]
    table = pd.DataFrame(
        {
            "index": np.arange(1, len(peaks) + 1),
            "contrast": peaks[:, -1] / _answer_to_unit(len(steps)),
            "snr": peaks[:, -1] / noise if noise > 0 else np.inf,
        }
    )
    return Points(
        coordinates=image.grid_to_space.apply(peaks[:, :-1]),
        axes=image.grid_to_space.output_axes,
        space=image.space,
        name=f"spots of {image.name}",
        table=table,
        tags=image.tags.having("user", role="Carrier"),
    )


def _answer_to_unit(axes: int) -> float:
    """Return the answer to a Gaussian spot of the filter's size, contrast one."""
    return axes * 0.5 ** (axes / 2 + 1)


@dataclass(frozen=True, eq=False)
class _Answer:
    """What the filter says of a crop.

    ``curve`` is −σ²·∇², positive on bright spots; ``smooth`` the smoothed image;
    ``hill`` tells where that is bent downwards in every direction.
    """

    curve: Floats
    smooth: Floats
    hill: NDArray[np.bool_]


def _filtered(values: Floats, plan: _Filter) -> _Answer:
    smooth, *curvatures = hessian_eigenvalues(values, plan.sigmas, plan.steps)
    total = curvatures[0]
    for curvature in curvatures[1:]:
        total = total + curvature
    return _Answer(total * np.float32(-(plan.sigma_um**2)), smooth, curvatures[-1] < 0)


def _noise(image: Image, plan: _Filter, task: Task) -> float:
    parts = run_blocks(
        _answer_counts,
        [image.data],
        sample_blocks(image.shape, plan.halo),
        arguments=(plan,),
        with_block=True,
        task=task,
        text="measuring the noise",
    )
    return spread_of(added(parts))


def _answer_counts(
    block: Block, crop: NDArray[Any], plan: _Filter
) -> tuple[None, NDArray[np.int64]]:
    answer = core_of(block, _filtered(plan.source.read(crop), plan).curve)
    known = np.isfinite(crop[block.inner])
    # A surround that is exactly flat, as round a cut-out, has no noise to measure.
    return None, counts_of(np.abs(answer[known & (answer != 0)]))


def _peaks(
    block: Block,
    crop: NDArray[Any],
    plan: _Filter,
    shape: tuple[int, ...],
    limit: float,
) -> NDArray[np.float64]:
    """Return index and height of each peak whose brightest pixel is in the core."""
    answer = _filtered(plan.source.read(crop), plan)
    volume = crop.shape if crop.ndim == 3 else (1, *crop.shape)
    curve, smooth = answer.curve.reshape(volume), answer.smooth.reshape(volume)
    # The bright ring that the filter sees round a dark spot is no hill.
    known = (answer.hill & np.isfinite(crop)).reshape(volume)
    inner = block.inner if crop.ndim == 3 else (slice(0, 1), *block.inner)
    bounds = np.array([[part.start, part.stop] for part in inner])
    tops = _local_maxima(curve, known, bounds, np.float32(limit))
    rows = [_refined(curve, smooth, top) for top in tops]
    result = np.array(rows, np.float64).reshape(len(rows), 4)
    result[:, 3 - crop.ndim : 3] += block.origin
    ends = np.asarray(shape) - 0.5
    peaks = result[:, 3 - crop.ndim :]
    peaks[:, :-1] = np.clip(peaks[:, :-1], -0.5, ends)
    return peaks


@numba.njit(nogil=True, cache=True)
def _local_maxima(
    answer: Floats, known: NDArray[np.bool_], bounds: NDArray[np.int64], limit: float
) -> list[tuple[int, int, int]]:
    """Return the index of maxima over all neighbours; of equal ones the first."""
    depth, height, width = answer.shape
    found = []
    for z in range(bounds[0, 0], bounds[0, 1]):
        for y in range(bounds[1, 0], bounds[1, 1]):
            for x in range(bounds[2, 0], bounds[2, 1]):
                value = answer[z, y, x]
                if value < limit or not known[z, y, x]:
                    continue
                top = True
                for k in range(max(z - 1, 0), min(z + 2, depth)):
                    for j in range(max(y - 1, 0), min(y + 2, height)):
                        for i in range(max(x - 1, 0), min(x + 2, width)):
                            other = answer[k, j, i]
                            before = (k, j, i) < (z, y, x)
                            if other > value or (before and other == value):
                                top = False
                if top:
                    found.append((z, y, x))
    return found


def _refined(curve: Floats, smooth: Floats, top: tuple[int, int, int]) -> list[float]:
    """Return the place of a peak between the pixels, and its height.

    The place is the top of a parabola through the smoothed image, which is the
    best estimate for a spot in white noise; the height that through the answer.
    """
    height = float(curve[top])
    place = []
    for axis in range(3):
        shift = 0.0
        if 0 < top[axis] < curve.shape[axis] - 1:
            line = [list(top), list(top), list(top)]
            line[0][axis] -= 1
            line[2][axis] += 1
            shift, _ = _parabola(*(float(smooth[tuple(i)]) for i in line))
            height += _parabola(*(float(curve[tuple(i)]) for i in line))[1]
        place.append(top[axis] + shift)
    return [*place, height]


def _parabola(low: float, middle: float, high: float) -> tuple[float, float]:
    """Return the top of a parabola: its shift, at most one pixel, and its gain."""
    bend = low - 2 * middle + high
    if bend >= 0:
        return 0.0, 0.0
    shift = max(-1.0, min(1.0, 0.5 * (low - high) / bend))
    return shift, 0.25 * (high - low) * shift
