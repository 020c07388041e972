"""A dynamic MRI series after an injection of gadolinium, with Tofts' model in it.

The contrast agent leaves plasma at Ktrans into a share ve of the tissue (Tofts et al.
1999, doi:10.1002/(SICI)1522-2586(199909)10:3<223::AID-JMRI2>3.0.CO;2-S), shortens T1
there, and a spoiled gradient echo shows this as brighter voxels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from nanoscape.compute import Task, tile_generator
from nanoscape.phantom.animal import Animal, Voxels
from nanoscape.phantom.files import complete
from nanoscape.phantom.specimen import Artefact

FloatArray = NDArray[np.float64]

_SAMPLES = 2
_NOISE, _MAPPING = 80, 81

VOXELS = Voxels((10, 48, 56), (1.2, 0.5, 0.5))


@dataclass(frozen=True)
class Dce:
    """The instrument and the agent. All values are chosen.

    Attributes
    ----------
    voxels
        Of each frame.
    fwhm_mm
        Full width at half maximum of the Gaussian point spread.
    frames, frame_s
        Number of frames, and time from one to the next.
    injected_s
        When plasma is reached, after the first frame.
    plasma_mm, plasma_per_s
        Plasma holds Σ a exp(−m t) of the agent: a in mM and m in 1/s.
    relaxivity
        Of the agent in 1/(mM s).
    repetition_s, flip_deg
        Of the spoiled gradient echo.
    full_signal
        Signal of fully relaxed tissue at 90°.
    noise
        Standard deviation of the real and the imaginary part.
    t1_error
        Relative standard deviation of the map of T1.
    ktrans_per_min, ve
        Of muscle, rim of the lesion and its core.
    t1_s
        Before the injection, of the same.
    hole_mm, hole_signal
        Radius of a hole that an ear tag's field tears in the body, and what is left of
        the signal there.
    """

    voxels: Voxels = VOXELS
    fwhm_mm: float = 0.9
    frames: int = 40
    frame_s: float = 8.0
    injected_s: float = 60.0
    plasma_mm: tuple[float, float] = (4.0, 1.2)
    plasma_per_s: tuple[float, float] = (1 / 25, 1 / 1200)
    relaxivity: float = 4.5
    repetition_s: float = 0.012
    flip_deg: float = 20.0
    full_signal: float = 12_000.0
    noise: float = 25.0
    t1_error: float = 0.03
    ktrans_per_min: tuple[float, float, float] = (0.05, 0.18, 0.02)
    ve: tuple[float, float, float] = (0.12, 0.30, 0.45)
    t1_s: tuple[float, float, float] = (1.5, 1.9, 2.3)
    hole_mm: float = 1.8
    hole_signal: float = 0.1

    @property
    def time_s(self) -> FloatArray:
        """Time of each frame."""
        return (np.arange(self.frames) * self.frame_s).astype(np.float64)


def tissue(animal: Animal, dce: Dce) -> dict[str, FloatArray]:
    """Return Ktrans per minute, ve and T1 in s of finely sampled places, by name.

    From the rim, at a tenth of the way to the centre, to the core, at six tenths, they
    change evenly. All are 0 in air.
    """
    places = dce.voxels.places(_SAMPLES)
    depth = animal.lesion.depth(places)
    body = animal.lesion.in_body(places)
    inner = np.clip((depth - 0.1) / 0.5, 0.0, 1.0)

    def spread_out(values: tuple[float, float, float]) -> FloatArray:
        muscle, rim, core = values
        found = np.where(depth > 0, rim + (core - rim) * inner, muscle)
        return np.where(body, found, 0.0)

    chosen = {"ktrans_per_min": dce.ktrans_per_min, "ve": dce.ve, "t1_s": dce.t1_s}
    return {name: spread_out(values) for name, values in chosen.items()}


def plasma(dce: Dce, time_s: FloatArray) -> FloatArray:
    """Return the arterial input in mM."""
    since = time_s - dce.injected_s
    found = np.zeros(len(since))
    for amount, rate in zip(dce.plasma_mm, dce.plasma_per_s, strict=True):
        found += np.where(since >= 0, amount * np.exp(-rate * np.maximum(since, 0)), 0)
    return found


def concentration(
    ktrans_per_min: FloatArray, ve: FloatArray, dce: Dce, time_s: float
) -> FloatArray:
    """Return mM of the agent in tissue, Tofts' integral over each exponential."""
    since = time_s - dce.injected_s
    if since <= 0:
        return np.zeros(ktrans_per_min.shape)
    ktrans = ktrans_per_min / 60
    back = ktrans / np.where(ve > 0, ve, 1.0)
    total = np.zeros(ktrans.shape)
    for amount, rate in zip(dce.plasma_mm, dce.plasma_per_s, strict=True):
        apart = back - rate
        even = np.abs(apart) < 1e-9
        part = (np.exp(-rate * since) - np.exp(-back * since)) / np.where(
            even, 1.0, apart
        )
        total += amount * np.where(even, since * np.exp(-rate * since), part)
    return ktrans * total


def echo(t1_s: FloatArray, dce: Dce) -> FloatArray:
    """Return the signal of a spoiled gradient echo; 0 where T1 is."""
    some = t1_s > 0
    left = np.exp(-dce.repetition_s / np.where(some, t1_s, 1.0))
    angle = np.deg2rad(dce.flip_deg)
    signal = dce.full_signal * np.sin(angle) * (1 - left) / (1 - np.cos(angle) * left)
    return np.where(some, signal, 0.0)


def hole(animal: Animal, dce: Dce) -> NDArray[np.bool_]:
    """Return the voxels in which the signal is lost, on the far side of the body."""
    middle = np.array([-6.0, -4.0, animal.lesion.centre[2]])
    away = np.linalg.norm(dce.voxels.places() - middle, axis=-1)
    found: NDArray[np.bool_] = away < dce.hole_mm
    return found


def seen(animal: Animal, dce: Dce) -> Iterator[FloatArray]:
    """Yield the signal of each frame without noise, shape ``(z, y, x)``."""
    of = tissue(animal, dce)
    sigma = dce.fwhm_mm / np.sqrt(8 * np.log(2)) / np.array(dce.voxels.size_mm)
    left = np.where(hole(animal, dce), dce.hole_signal, 1.0)
    for time in dce.time_s:
        agent = concentration(of["ktrans_per_min"], of["ve"], dce, float(time))
        t1 = of["t1_s"] / (1 + of["t1_s"] * dce.relaxivity * agent)
        sharp = dce.voxels.means(echo(t1, dce), _SAMPLES)
        yield ndimage.gaussian_filter(sharp, sigma) * left


def write(path: Path, animal: Animal, dce: Dce, task: Task | None = None) -> None:
    """Write the series as NIfTI, magnitudes of a noisy complex signal."""
    task = task or Task()
    frames = np.empty((dce.frames, *dce.voxels.shape), np.int16)
    for frame, signal in enumerate(seen(animal, dce)):
        task.step(frame, dce.frames, "scanning")
        generator = tile_generator(animal.stream(_NOISE), frame)
        real, imaginary = generator.normal(0, dce.noise, (2, *dce.voxels.shape))
        frames[frame] = np.rint(np.hypot(signal + real, imaginary))
    _write_nifti(path, frames, dce.voxels, dce.frame_s)


def write_t1(path: Path, animal: Animal, dce: Dce, task: Task | None = None) -> None:
    """Write T1 before the injection in ms, as it was measured, as NIfTI."""
    if task is not None:
        task.check()
    generator = np.random.default_rng(animal.stream(_MAPPING))
    error = generator.normal(1, dce.t1_error, dce.voxels.shape)
    measured = truth(animal, dce)["t1_s"] * error * 1e3
    _write_nifti(path, measured.astype(np.float32)[None], dce.voxels, 0.0)


def write_input(path: Path, _: Animal, dce: Dce, task: Task | None = None) -> None:
    """Write the arterial input as a table."""
    if task is not None:
        task.check()
    table = pd.DataFrame({"time_s": dce.time_s, "plasma_mM": plasma(dce, dce.time_s)})
    with complete(path) as (draft,):
        table.round(6).to_csv(draft, index=False, lineterminator="\n")


def truth(animal: Animal, dce: Dce) -> dict[str, NDArray[Any]]:
    """Return Ktrans, ve, T1 and where the signal is lost, by name."""
    maps: dict[str, NDArray[Any]] = {
        name: dce.voxels.means(values, _SAMPLES).astype(np.float32)
        for name, values in tissue(animal, dce).items()
    }
    lost = np.where(hole(animal, dce), Artefact.LOST, 0)
    return maps | {"artefacts": lost.astype(np.uint8)}


def _write_nifti(
    path: Path, frames: NDArray[Any], voxels: Voxels, frame_s: float
) -> None:
    """Write frames ``(t, z, y, x)`` along LPS as NIfTI, whose axes are RAS."""
    z, y, x = voxels.size_mm
    affine = np.diag([-x, -y, z, 1.0])
    first = voxels.first_mm
    affine[:3, 3] = -first[2], -first[1], first[0]
    samples = frames.T if len(frames) > 1 else frames[0].T
    volume = nib.Nifti1Image(samples, affine)
    volume.header.set_xyzt_units("mm", "sec")
    volume.set_qform(affine, code=1)
    volume.set_sform(affine, code=1)
    if len(frames) > 1:
        volume.header.set_zooms((x, y, z, frame_s))
    with complete(path) as (draft,):
        nib.save(volume, draft)
