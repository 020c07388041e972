"""From the signal of a spoiled gradient echo to the concentration of an agent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task
from nanoscape.compute.resample import onto
from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Labels, Quantity, Regions
from nanoscape.model.raster import single_level
from nanoscape.operation import Option, Role, operation
from nanoscape.quantify.mri.protocol import seconds_of, setting
from nanoscape.quantify.series import (
    Floats,
    curves_of,
    frame_of,
    kept_tags,
    map_curves,
    map_image,
    mask_of,
    times_of,
)

_DOUBTFUL = 0.001
_SHIFT = 1e-3


@dataclass(frozen=True)
class Concentration:
    """What the signal of a dynamic series says of an agent.

    Attributes
    ----------
    concentration
        mM for each frame. Samples brighter than fully relaxed tissue, or at the end of
        the range of the file's numbers, are missing.
    scale_error
        Relative standard error that all frames of a pixel share, from T1 and from the
        noise of the baseline; missing with a baseline of one frame.
    """

    concentration: Image
    scale_error: Image


@operation(version=1, title="Concentration from a spoiled gradient echo")
def spoiled_gradient_echo(
    series: Annotated[Image, Role(label="Dynamic series")],
    t1_map: Annotated[Image | None, Role(label="T1 before the agent")] = None,
    tissue: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    *,
    t1_s: Annotated[
        float | None, Option(unit="s", minimum=1e-3, maximum=20.0, label="One T1")
    ] = None,
    t1_unit: Annotated[
        Literal["as in the file", "s", "ms"], Option(label="Unit of the T1 map")
    ] = "as in the file",
    relaxivity: Annotated[
        float | None,
        Option(unit="1/(mM s)", minimum=1e-3, maximum=1e3, label="Relaxivity r1"),
    ] = None,
    t1_error_percent: Annotated[
        float, Option(unit="%", minimum=0.0, maximum=100.0, label="Error of T1")
    ] = 0.0,
    baseline_end_s: Annotated[
        float | None, Option(unit="s", minimum=0.0, label="Without agent until")
    ] = None,
    skip_frames: Annotated[
        int, Option(minimum=0, label="First frames to skip", advanced=True)
    ] = 0,
    flip_angle_deg: Annotated[
        float | None, Option(unit="°", minimum=0.1, maximum=180.0, label="Flip angle")
    ] = None,
    repetition_time_ms: Annotated[
        float | None, Option(unit="ms", minimum=0.1, label="Repetition time")
    ] = None,
    task: Task | None = None,
) -> Concentration:
    """Convert the signal of a T1-weighted dynamic series to mM of contrast agent.

    The signal before the agent arrives, with the T1 of the tissue, tells the scale;
    from then on each signal gives a T1, and each T1 a concentration.

    Parameters
    ----------
    series
        Spoiled gradient echo (SPGR, FLASH, T1-FFE) over time.
    t1_map
        T1 of every pixel before the agent.
    tissue
        Where to compute; everywhere by default.
    t1_s
        One T1 for all pixels, where there is no map.
    t1_unit
        Unit of the map, where its file does not state it.
    relaxivity
        Of the agent in this field and at this temperature. Inside a closed carrier it
        is smaller, and rises with release.
    t1_error_percent
        Standard error of T1, such as 3. Without it ``scale_error`` holds the noise of
        the baseline only.
    baseline_end_s
        Frames before this time are without agent.
    skip_frames
        Frames at the start that are left out of the baseline, because the signal was
        not steady yet.
    flip_angle_deg, repetition_time_ms
        In place of those in the file.
    task
        Progress.

    Returns
    -------
    Concentration
        mM, and by how much its scale may be wrong.

    Raises
    ------
    CannotCompute
        If flip angle, repetition time, T1, relaxivity or the end of the baseline is
        not known, or no sample can be converted.

    Notes
    -----
    S = M₀ sin α (1 − E) / (1 − E cos α), E = exp(−TR/T1), and C = (1/T1 − 1/T1₀) / r1.
    Shortening of T2* is neglected (Schabel and Parker 2008,
    doi:10.1088/0031-9155/53/9/010).
    """
    times = times_of(series)
    angle = math.radians(setting(series, "flip_angle_deg", flip_angle_deg))
    repetition = setting(series, "repetition_time_ms", repetition_time_ms) / 1e3
    frame = frame_of(series)
    if relaxivity is None:
        raise CannotCompute(
            "the relaxivity of the agent is not given",
            "such as 4.5 per mM and s for gadolinium chelates at 1.5 T",
            "give r1 for this field and temperature",
        )
    baseline = _baseline(times, baseline_end_s, skip_frames)
    ceiling = _ceiling(series)
    values, counts = map_curves(
        _concentrations,
        curves_of(series),
        [_t1(frame, t1_map, t1_s, t1_unit)],
        width=len(times) + 1,
        area=None if tissue is None else mask_of(tissue, frame),
        arguments=(
            baseline,
            angle,
            repetition,
            relaxivity,
            ceiling,
            t1_error_percent / 100,
        ),
        task=task,
        text="converting the signal",
    )
    lost = int(sum(part[0] for part in counts))
    every = int(sum(part[1] for part in counts))
    if lost == every:
        raise CannotCompute(
            f"no sample of {series.name} has a signal that this sequence can give",
            "a spoiled gradient echo with these settings",
            "check flip angle, repetition time, T1 and the area",
        )
    steps = [
        f"flip angle {math.degrees(angle):g}°, repetition time {repetition * 1e3:g} ms",
        f"T1 {'from ' + t1_map.name if t1_map is not None else f'{t1_s:g} s'}",
        f"relaxivity {relaxivity:g} per mM and s; baseline of {baseline.sum()} frames",
    ]
    tags = kept_tags(
        series, derivation=steps, derivation_warnings=_warnings(lost, every)
    )
    data = da.moveaxis(values[..., :-1], -1, 0)
    concentration = series.replace(
        levels=single_level(data, series.spatial_axes),
        name=f"{series.name} (mM)",
        quantity=Quantity("concentration", "mM"),
        tags=tags,
    )
    quantity = Quantity("relative error of the scale", "1")
    error = map_image(values, -1, frame, "error of the scale", quantity, tags)
    return Concentration(concentration, error)


def _baseline(
    times: Floats, end_s: float | None, skip_frames: int
) -> NDArray[np.bool_]:
    """Return which frames are without agent."""
    if end_s is None:
        raise CannotCompute(
            "until when the tissue is without agent is not given",
            todo="give the time up to which the frames are the baseline",
        )
    found: NDArray[np.bool_] = (times < end_s) & (np.arange(len(times)) >= skip_frames)
    if not found.any():
        raise CannotCompute(
            f"no frame from the {skip_frames + 1}. on lies before {end_s:g} s",
            "at least one frame without agent",
        )
    return found


def _warnings(lost: int, every: int) -> list[str] | None:
    """Return what to say of missing samples, if it is worth saying."""
    if lost <= _DOUBTFUL * every:
        return None
    return [
        f"{lost / every:.2%} of the samples are brighter than this sequence can give, "
        "or saturated, and are missing"
    ]


def _t1(frame: Image, t1_map: Image | None, t1_s: float | None, unit: str) -> da.Array:
    """Return T1 in s of every pixel."""
    if t1_map is not None:
        return onto(t1_map, frame, order=1) * seconds_of(t1_map, unit)
    if t1_s is None:
        raise CannotCompute(
            "the T1 of the tissue before the agent is not known",
            "a map of T1",
            "choose a map, or give one T1 in s",
        )
    return da.full(frame.shape, t1_s, chunks=frame.data.chunks)


def _ceiling(series: Image) -> float:
    """Return the value at which a sample says only that it is too large."""
    whole = np.issubdtype(series.dtype, np.integer)
    return float(np.iinfo(series.dtype).max) if whole else math.inf


def _concentrations(
    curves: Floats,
    t1: Floats,
    baseline: NDArray[np.bool_],
    angle: float,
    repetition: float,
    relaxivity: float,
    ceiling: float,
    t1_error: float,
) -> tuple[Floats, tuple[int, int]]:
    """Return mM of each sample and the error of the scale, and how many are missing."""
    before = curves[:, baseline].mean(axis=1)
    settings = (angle, repetition, relaxivity)
    found, possible = _converted(curves, before, t1, *settings)
    possible &= (curves < ceiling) & ((t1 > 0) & (before > 0))[:, np.newaxis]
    found = np.where(possible, found, np.nan)
    by_t1, _ = _converted(curves, before, t1 * (1 + _SHIFT), *settings)
    by_signal, _ = _converted(curves, before * (1 + _SHIFT), t1, *settings)
    count = int(baseline.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        noise = curves[:, baseline].std(axis=1, ddof=min(1, count - 1))
        share = np.where(count > 1, noise / (before * math.sqrt(count)), np.nan)
    error = np.hypot(_scale(found, by_t1) * t1_error, _scale(found, by_signal) * share)
    missing = int((~possible).sum())
    return np.column_stack([found, error]), (missing, possible.size)


def _converted(
    curves: Floats,
    before: Floats,
    t1: Floats,
    angle: float,
    repetition: float,
    relaxivity: float,
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return mM of each sample, and whether a signal like it can be."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        decay = np.exp(-repetition / t1)
        relaxed = (1 - decay) / (1 - decay * math.cos(angle))
        share = curves * (relaxed / before)[:, np.newaxis]
        left = (1 - share) / (1 - share * math.cos(angle))
        rate = -np.log(left) / repetition
        found = (rate - 1 / t1[:, np.newaxis]) / relaxivity
    return found, (share > 0) & (share < 1)


def _scale(found: Floats, shifted: Floats) -> Floats:
    """Return by which share a curve grows for each share of what was shifted."""
    both = np.isfinite(found) & np.isfinite(shifted)
    kept = np.where(both, found, 0.0)
    change = np.where(both, shifted - found, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (kept * change).sum(axis=1) / (kept**2).sum(axis=1) / _SHIFT
