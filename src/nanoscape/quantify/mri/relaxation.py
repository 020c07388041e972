"""Maps of relaxation times: T1 by flip angles or inversion, T2 and T2* by echoes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import dask.array as da
import numpy as np

from nanoscape.compute import Task
from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Labels, Quantity, Regions
from nanoscape.operation import Option, Role, operation
from nanoscape.quantify.fitting.laws import (
    DECAY,
    DECAY_OFFSET,
    FLIP_ANGLES,
    INVERSION,
    INVERSION_MAGNITUDE,
)
from nanoscape.quantify.fitting.levenberg import fit_curves
from nanoscape.quantify.mri.protocol import setting, settings
from nanoscape.quantify.mri.starts import decay_start, flip_start, inversion_start
from nanoscape.quantify.series import Floats, kept_tags, map_curves, map_image, mask_of

_SHORTEST_S, _LONGEST_S = 1e-4, 30.0
_NOTHING = np.zeros(2)

_Tissue = Annotated[Labels | Regions | None, Role("Tissue")]


@dataclass(frozen=True)
class RelaxationTime:
    """A relaxation time of every pixel.

    Attributes
    ----------
    time
        In s. Missing where the signal is not above zero.
    error
        Its standard error in s; missing where there are as many images as parameters.
    r_squared
        Share of the variance between the images that the fit explains.
    """

    time: Image
    error: Image
    r_squared: Image


@operation(version=1, title="T1 by flip angles")
def t1_flip_angles(
    images: Annotated[list[Image], Role(label="Flip angles")],
    tissue: _Tissue = None,
    *,
    flip_angles_deg: Annotated[str, Option(label="Flip angles in °")] = "",
    repetition_time_ms: Annotated[
        float | None, Option(unit="ms", minimum=0.1, label="Repetition time")
    ] = None,
    task: Task | None = None,
) -> RelaxationTime:
    """Map T1 from spoiled gradient echoes with several flip angles.

    Errors of the flip angle go into T1 twofold: they should be mapped, or the
    result compared with a phantom.

    Parameters
    ----------
    images
        One image for each flip angle, with the same repetition time.
    tissue
        Where to compute; everywhere by default.
    flip_angles_deg
        In the order of the images, separated by commas; empty where the files state
        them.
    repetition_time_ms
        In place of that in the file.
    task
        Progress.

    Returns
    -------
    RelaxationTime
        T1, its standard error, and how well the fit explains the signal.

    Raises
    ------
    CannotCompute
        If a flip angle or the repetition time is missing.
    WrongInput
        If the images lie on different grids.

    Notes
    -----
    Least squares of S = M₀ sin α (1 − E) / (1 − E cos α), E = exp(−TR/T1), begun at
    the linear fit of Fram et al. 1987, doi:10.1016/0730-725X(87)90021-X.
    """
    angles = np.radians(settings(images, "flip_angle_deg", flip_angles_deg))
    repetition = setting(images[0], "repetition_time_ms", repetition_time_ms) / 1e3
    steps = f"{len(images)} flip angles, repetition time {repetition * 1e3:g} ms"
    arguments = (FLIP_ANGLES, angles, repetition)
    return _mapped(images, tissue, arguments, "T1", steps, task)


@operation(version=1, title="T1 by inversion recovery")
def t1_inversion_recovery(
    images: Annotated[list[Image], Role(label="Inversion times")],
    tissue: _Tissue = None,
    *,
    inversion_times_ms: Annotated[str, Option(label="Inversion times in ms")] = "",
    signal: Annotated[
        Literal["magnitude", "with its sign"], Option(label="The signal is")
    ] = "magnitude",
    task: Task | None = None,
) -> RelaxationTime:
    """Map T1 from images at several times after an inversion.

    Parameters
    ----------
    images
        One image for each inversion time.
    tissue
        Where to compute; everywhere by default.
    inversion_times_ms
        In the order of the images, separated by commas; empty where the files state
        them.
    signal
        Usual images are magnitudes, without the sign that the signal has before it
        crosses zero.
    task
        Progress.

    Returns
    -------
    RelaxationTime
        T1, its standard error, and how well the fit explains the signal.

    Raises
    ------
    CannotCompute
        If an inversion time is missing, or there are fewer than three.
    WrongInput
        If the images lie on different grids.

    Notes
    -----
    Least squares of S = a − b exp(−TI/T1), or of its magnitude, which allows for an
    imperfect inversion and a finite repetition time (Barral et al. 2010,
    doi:10.1002/mrm.22497).
    """
    times = settings(images, "inversion_time_ms", inversion_times_ms) / 1e3
    kind = INVERSION_MAGNITUDE if signal == "magnitude" else INVERSION
    _at_least(images, 3, "inversion times")
    steps = f"{len(images)} inversion times, {signal}"
    return _mapped(images, tissue, (kind, times, 0.0), "T1", steps, task)


@operation(version=1, title="T2 or T2* by echoes")
def t2_echoes(
    images: Annotated[list[Image], Role(label="Echoes")],
    tissue: _Tissue = None,
    *,
    echo_times_ms: Annotated[str, Option(label="Echo times in ms")] = "",
    echoes: Annotated[
        Literal["spin echoes (T2)", "gradient echoes (T2*)"], Option(label="Kind")
    ] = "spin echoes (T2)",
    offset: Annotated[bool, Option(label="Fit a constant", advanced=True)] = False,
    task: Task | None = None,
) -> RelaxationTime:
    """Map T2 or T2* from images at several echo times.

    Parameters
    ----------
    images
        One image for each echo.
    tissue
        Where to compute; everywhere by default.
    echo_times_ms
        In the order of the images, separated by commas; empty where the files state
        them.
    echoes
        Spin echoes give T2, gradient echoes T2*.
    offset
        Adds a constant, which stands for the floor of noise in late echoes.
    task
        Progress.

    Returns
    -------
    RelaxationTime
        T2 or T2*, its standard error, and how well the fit explains the signal.

    Raises
    ------
    CannotCompute
        If an echo time is missing, or there are fewer than parameters.
    WrongInput
        If the images lie on different grids.

    Notes
    -----
    Least squares of S = S₀ exp(−TE/T2), with a constant where asked. The first of many
    spin echoes is often too low; leave it out then.
    """
    times = settings(images, "echo_time_ms", echo_times_ms) / 1e3
    kind = DECAY_OFFSET if offset else DECAY
    _at_least(images, 3 if offset else 2, "echo times")
    name = "T2" if echoes.startswith("spin") else "T2*"
    steps = f"{len(images)} {echoes}" + (", with a constant" if offset else "")
    return _mapped(images, tissue, (kind, times, 0.0), name, steps, task)


def _at_least(images: Sequence[Image], count: int, words: str) -> None:
    if len(images) < count:
        raise CannotCompute(f"there are {len(images)} {words}", f"{count} or more")


def _mapped(
    images: Sequence[Image],
    tissue: Labels | Regions | None,
    arguments: tuple[int, Floats, float],
    name: str,
    steps: str,
    task: Task | None,
) -> RelaxationTime:
    first = images[0]
    kind, x, constant = arguments
    order = np.argsort(x)
    curves = da.stack([images[i].data for i in order], axis=-1)
    values, _ = map_curves(
        _fitted,
        curves,
        width=3,
        area=None if tissue is None else mask_of(tissue, first),
        arguments=(kind, np.ascontiguousarray(x[order]), constant),
        task=task,
        text=f"fitting {name}",
    )
    dropped = ("flip_angle_deg", "inversion_time_ms", "echo_time_ms")
    tags = kept_tags(first, derivation=[steps])
    tags = type(tags)({k: t for k, t in tags.tags.items() if k not in dropped})

    def image(number: int, label: str, quantity: Quantity) -> Image:
        return map_image(values, number, first, label, quantity, tags)

    return RelaxationTime(
        image(0, name, Quantity(name, "s")),
        image(1, f"standard error of {name}", Quantity(f"error of {name}", "s")),
        image(2, f"R² of {name}", Quantity("R²", "1")),
    )


_STARTS: dict[int, Any] = {
    FLIP_ANGLES: flip_start,
    INVERSION: inversion_start,
    INVERSION_MAGNITUDE: inversion_start,
    DECAY: decay_start,
    DECAY_OFFSET: decay_start,
}
_PLACE = {FLIP_ANGLES: 1, INVERSION: 2, INVERSION_MAGNITUDE: 2, DECAY: 1}


def _fitted(
    curves: Floats, kind: int, x: Floats, constant: float
) -> tuple[Floats, None]:
    """Return relaxation time, its error and R² of each curve."""
    starts = _STARTS[kind](curves, x, constant, kind)
    place = _PLACE.get(kind, 1)
    size = starts.shape[1]
    low, high = np.full(size, -math.inf), np.full(size, math.inf)
    low[place], high[place] = _SHORTEST_S, _LONGEST_S
    found, errors, squares = fit_curves(
        kind, x, constant, _NOTHING, _NOTHING, curves, starts, low, high,
        np.ones(size, bool),
    )  # fmt: skip
    total = ((curves - curves.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        explained = np.where(total > 0, 1 - squares / total, np.nan)
    result = np.stack([found[:, place], errors[:, place], explained], axis=1)
    result[~((curves > 0).any(axis=1) & (total > 0))] = np.nan
    return result, None
