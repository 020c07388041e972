"""Dynamic contrast ultrasound: a bolus of microbubbles in the plane of a lesion.

Two cines are taken at the same time, one of tissue and one in contrast mode, which
suppresses it. Both are compressed logarithmically into 8 bits; the animal breathes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task
from nanoscape.phantom.animal import Animal
from nanoscape.phantom.instruments.ultrasound_file import write_cine
from nanoscape.phantom.instruments.ultrasound_plane import plane_of
from nanoscape.phantom.instruments.ultrasound_scan import Scan, motion
from nanoscape.phantom.instruments.ultrasound_settings import MODES, Mode, Ultrasound
from nanoscape.phantom.specimen import Artefact

FloatArray = NDArray[np.float64]

COARSE = 4
"""The truth of frames is kept in pixels of 4 × 4."""


def write(
    path: Path, animal: Animal, us: Ultrasound, task: Task | None, mode: Mode
) -> None:
    """Write one of the two cines as DICOM of many frames."""
    task = task or Task()
    scan = Scan(animal, us, mode)
    film = np.empty((us.frames, *us.shape), np.uint8)
    for frame in range(us.frames):
        task.step(frame, us.frames, "scanning")
        film[frame] = scan.grey(scan.intensity(frame))
    write_cine(path, animal, film, us, mode)


def truth(animal: Animal, us: Ultrasound) -> dict[str, NDArray[Any]]:
    """Return maps of the plane at rest in frames' pixels, by name, ``(1, h, w)``."""
    scan = Scan(animal, us, "contrast")
    here = scan.anatomy
    flows = here.rbv > 0
    peak = scan.us.bubbles * here.rbv * scan.loss
    maps: dict[str, NDArray[Any]] = {
        "rbv": here.rbv,
        "transit_s": np.where(flows, here.transit_s, 0.0),
        "arrival_s": np.where(flows, us.injected_s + here.delay_s, 0.0),
        "tissue_intensity": scan.tissue,
        "bubbles_per_bolus": peak,
        "lesion_depth": np.maximum(here.depth, 0.0),
    }
    told = {name: scan.inner(m).astype(np.float32)[None] for name, m in maps.items()}
    shadow = np.where(scan.inner(here.shaded), Artefact.LOST, 0).astype(np.uint8)
    return told | {"artefacts": shadow[None]}


def films(animal: Animal, us: Ultrasound) -> dict[str, NDArray[Any]]:
    """Return the mean intensity of all frames of both modes, ``(t, h / 4, w / 4)``.

    Without speckle, with noise and gain, and moved as the animal was.
    """
    found = {}
    for mode in MODES:
        scan = Scan(animal, us, mode)
        found[f"{mode}_intensity"] = np.stack(
            [_coarse(scan.expected(frame)) for frame in range(us.frames)]
        )
    return found


def _coarse(values: FloatArray) -> NDArray[np.float32]:
    height, width = (n // COARSE for n in values.shape)
    parts = values[: height * COARSE, : width * COARSE]
    parts = parts.reshape(height, COARSE, width, COARSE)
    found: NDArray[np.float32] = parts.mean(axis=(1, 3)).astype(np.float32)
    return found


def about(animal: Animal, us: Ultrasound) -> dict[str, Any]:
    """Return in plain values where the plane lies, and how it moved."""
    plane = plane_of(animal)
    first = plane.places(us.depth_mm[:1], us.across_mm[:1])[0, 0]
    moved = motion(animal, us)
    flip = np.array([-1.0, -1.0, 1.0])
    return {
        "first_voxel_lps_zyx_mm": (first * flip)[::-1].tolist(),
        "rows_run_along_lps_zyx": (plane.down * flip)[::-1].tolist(),
        "columns_run_along_lps_zyx": (plane.across * flip)[::-1].tolist(),
        "time_s": us.time_s.round(6).tolist(),
        "moved_down_mm": moved[:, 0].round(6).tolist(),
        "moved_across_mm": moved[:, 1].round(6).tolist(),
    }
