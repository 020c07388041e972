"""Laser ablation with an inductively coupled plasma mass spectrometer.

A laser runs over the section line by line. What it frees washes out of the cell with
a tail, so that lines smear forwards; the sensitivity drifts over the hours of a run,
and gelatine standards of known concentration before and after it tell by how much.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.compute import Task, tile_generator
from nanoscape.phantom.files import complete
from nanoscape.phantom.specimen import Pixels, Specimen

FloatArray = NDArray[np.float64]

CHANNELS = ("P31", "Gd157", "Au197")
STANDARDS_UG_PER_G = (0.0, 1.0, 5.0, 20.0, 50.0)
"""Gelatine with gold and gadolinium; the first is the blank."""

_ALONG, _ACROSS = 4, 4
_TISSUE, _STANDARDS = 0, 1


@dataclass(frozen=True)
class Laser:
    """The instrument. All values are chosen.

    Attributes
    ----------
    spot_um
        Side of the square spot, by which lines lie apart.
    speed_um_s
        Of the stage along a line.
    scan_s
        Time from one reading to the next.
    dwell_s
        Time that each isotope is counted within it.
    washout_s
        Decay time of the cell.
    drift
        Sensitivity lost from the first line to the last.
    gold_ug_per_g, gadolinium_ug_per_g
        Where the level of the carrier, and of its load, is 1.
    phosphorus_ug_per_g
        In tissue.
    cps_per_ug_per_g
        Sensitivity for phosphorus, gadolinium and gold.
    background_cps
        Of the gas blank, for the same.
    """

    spot_um: float = 20.0
    speed_um_s: float = 40.0
    scan_s: float = 0.25
    dwell_s: float = 0.06
    washout_s: float = 0.35
    drift: float = 0.15
    gold_ug_per_g: float = 60.0
    gadolinium_ug_per_g: float = 25.0
    phosphorus_ug_per_g: float = 2500.0
    cps_per_ug_per_g: tuple[float, float, float] = (3.0, 900.0, 2200.0)
    background_cps: tuple[float, float, float] = (900.0, 40.0, 60.0)

    @property
    def step_um(self) -> float:
        """Way of the laser between two readings."""
        return self.speed_um_s * self.scan_s

    def pixels(self, specimen: Specimen) -> Pixels:
        """Return the raster over a slide."""
        return Pixels.over(specimen.size_um, (self.spot_um, self.step_um))


def amounts(specimen: Specimen, laser: Laser) -> FloatArray:
    """Return what lies under the spot of each reading, in µg/g.

    Returns
    -------
    ndarray
        Phosphorus, gadolinium and gold, shape ``(3, lines, readings)``.
    """
    pixels = laser.pixels(specimen)
    fine = Pixels(
        (pixels.shape[0] * _ACROSS, pixels.shape[1] * _ALONG),
        (laser.spot_um / _ACROSS, laser.step_um / _ALONG),
    )
    # The samples of a pixel lie around its centre, which is that of the first one.
    start = (np.array([_ACROSS, _ALONG]) - 1) / 2 * np.array(fine.pitch_um)
    places = fine.places() - start
    known = specimen.mounted.locate(places)
    tissue = specimen.tissue(places, known) > 0
    found = specimen.values(["carrier", "encapsulated"], places, known)
    thick = np.where(specimen.mounted.folded(places), 3.0, 1.0)
    element = [
        laser.phosphorus_ug_per_g * tissue * thick,
        laser.gadolinium_ug_per_g * found["encapsulated"],
        laser.gold_ug_per_g * found["carrier"],
    ]
    rows, columns = pixels.shape
    parts = np.stack(element).reshape(3, rows, _ACROSS, columns, _ALONG)
    under: FloatArray = _swept(parts.mean(axis=(2, 4)), laser)
    return under


def _swept(amount: FloatArray, laser: Laser) -> FloatArray:
    """Average over the square spot, as wide along a line as across."""
    width = max(round(laser.spot_um / laser.step_um), 1)
    padded = np.pad(amount, ((0, 0), (0, 0), (width // 2, (width - 1) // 2)))
    total = np.cumsum(np.pad(padded, ((0, 0), (0, 0), (1, 0))), axis=-1)
    mean: FloatArray = (total[..., width:] - total[..., :-width]) / width
    return mean


def washed_out(amount: FloatArray, laser: Laser) -> FloatArray:
    """Return what reaches the plasma: each reading holds a tail of those before.

    The tail is exponential and starts anew on each line, before which the cell is
    empty.
    """
    keep = np.exp(-laser.scan_s / laser.washout_s)
    arrives = np.empty(amount.shape)
    left = np.zeros(amount.shape[:-1])
    for reading in range(amount.shape[-1]):
        left = keep * left + (1 - keep) * amount[..., reading]
        arrives[..., reading] = left
    return arrives


def sensitivity(laser: Laser, lines: int, readings: int) -> FloatArray:
    """Return the sensitivity over that at the start, shape ``(lines, readings)``."""
    time = (np.arange(lines * readings) + 0.5) / (lines * readings)
    return (1 - laser.drift * time).reshape(lines, readings)


def expected_cps(amount: FloatArray, drift: FloatArray, laser: Laser) -> FloatArray:
    """Return mean counts per second for amounts ``(3, lines, readings)``."""
    per = np.array(laser.cps_per_ug_per_g)[:, None, None]
    blank = np.array(laser.background_cps)[:, None, None]
    return per * drift * washed_out(amount, laser) + blank


def write(
    folder: Path, specimen: Specimen, laser: Laser, task: Task | None = None
) -> None:
    """Write a folder of lines as PerkinElmer's Syngistix does.

    ``parameters.conf`` states speed and distance of lines in mm.
    """
    amount = amounts(specimen, laser)
    cps = expected_cps(amount, sensitivity(laser, *amount.shape[1:]), laser)
    counted = _counted(cps, laser, specimen.stream(_TISSUE), task)
    _write_lines(folder, counted, laser)


def write_standards(
    folder: Path, specimen: Specimen, laser: Laser, task: Task | None = None
) -> None:
    """Write the lines of the standards, first those before and then those after.

    ``standards.txt`` says what is in each line.
    """
    amount = standards()
    cps = expected_cps(amount, standard_drift(laser, amount.shape[-1]), laser)
    counted = _counted(cps, laser, specimen.stream(_STANDARDS), task)
    _write_lines(folder, counted, laser, certificate())


def standards(readings: int = 120) -> FloatArray:
    """Return what is in the lines of the standards, ``(3, lines, readings)``."""
    level = np.array(2 * STANDARDS_UG_PER_G)
    phosphorus = np.zeros(len(level))
    amount = np.stack([phosphorus, level, level])[..., None]
    return np.broadcast_to(amount, (3, len(level), readings))


def standard_drift(laser: Laser, readings: int) -> FloatArray:
    """Return the sensitivity of the standards' lines, before and after the run."""
    count = len(STANDARDS_UG_PER_G)
    line = np.repeat([1.0, 1.0 - laser.drift], count)
    return np.repeat(line[:, None], readings, axis=1)


def certificate() -> pd.DataFrame:
    """Return what each line of the standards holds."""
    count = len(STANDARDS_UG_PER_G)
    return pd.DataFrame(
        {
            "line": np.arange(2 * count) + 1,
            "measured": ["before"] * count + ["after"] * count,
            "gold_ug_per_g": 2 * STANDARDS_UG_PER_G,
            "gadolinium_ug_per_g": 2 * STANDARDS_UG_PER_G,
        }
    )


def truth(specimen: Specimen, laser: Laser) -> dict[str, NDArray[np.generic]]:
    """Return what is true of each reading, by name."""
    _, gadolinium, gold = amounts(specimen, laser)
    pixels = laser.pixels(specimen)
    bits = specimen.artefacts(pixels.places(), optical=False).reshape(pixels.shape)
    return {
        "gold_ug_per_g": gold.astype(np.float32),
        "gadolinium_ug_per_g": gadolinium.astype(np.float32),
        "sensitivity": sensitivity(laser, *pixels.shape).astype(np.float32),
        "artefacts": bits,
    }


def _counted(cps: FloatArray, laser: Laser, seed: int, task: Task | None) -> FloatArray:
    """Count for the dwell time; each line has a stream of its own."""
    task = task or Task()
    found = np.empty(cps.shape)
    for line in range(cps.shape[1]):
        task.step(line, cps.shape[1], "ablating")
        generator = tile_generator(seed, line)
        found[:, line] = generator.poisson(cps[:, line] * laser.dwell_s)
    return found / laser.dwell_s


def _write_lines(
    folder: Path, cps: FloatArray, laser: Laser, about: pd.DataFrame | None = None
) -> None:
    with complete(folder) as (draft,):
        draft.mkdir()
        for line in range(cps.shape[1]):
            rows = ["Intensity Vs Time, Counts Per Second"]
            rows.append("Time in Seconds ," + ",".join(CHANNELS))
            for reading, values in enumerate(cps[:, line].T):
                time = f"{(reading + 1) * laser.scan_s:.4f}"
                rows.append(",".join([time, *(f"{v:.6g}" for v in values)]))
            text = "\r\n".join(rows) + "\r\n"
            (draft / f"line_{line + 1}.xl").write_bytes(text.encode())
        speed, apart = laser.speed_um_s / 1e3, laser.spot_um / 1e3
        stated = f"ablation.speed={speed:g}\nspace.interval={apart:g}\n"
        (draft / "parameters.conf").write_bytes(stated.encode())
        if about is not None:
            lines = about.to_csv(index=False, lineterminator="\n", sep="\t")
            (draft / "standards.txt").write_bytes(lines.encode())
