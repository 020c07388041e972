"""Files of laser ablation in the layouts of the instruments, all of them synthetic."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

ISOTOPES = ("P31", "Gd158", "Au197")
Values = np.ndarray[Any, Any]


def table(values: Values, step: float = 0.25, separator: str = ",") -> list[str]:
    """Return rows of time and signals; ``values`` are of shape (isotope, point)."""
    return [
        separator.join([f"{step * (i + 1):.4f}", *(f"{v:g}" for v in row)])
        for i, row in enumerate(values.T)
    ]


def write_perkinelmer(folder: Path, values: Values, parameters: str = "") -> None:
    folder.mkdir()
    for line in range(values.shape[1]):
        head = [
            "Intensity Vs Time, Counts Per Second",
            "Time in Seconds ," + ",".join(ISOTOPES),
        ]
        text = "\r\n".join(head + table(values[:, line]))
        (folder / f"line_{line + 1}.xl").write_text(text + "\r\n", encoding="utf-8")
    if parameters:
        (folder / "parameters.conf").write_text(parameters, encoding="utf-8")


def write_agilent(folder: Path, values: Values, log: Sequence[int] = ()) -> None:
    """Write a batch; the log lists the lines in the order of acquisition."""
    folder.mkdir()
    names = ",".join(f"{i} -> {i[-3:].lstrip('Pdu')}" for i in ISOTOPES)
    for line in range(values.shape[1]):
        inner = folder / f"{line + 1:03d}.d"
        inner.mkdir()
        text = [
            rf"D:\Agilent\ICPMH\1\DATA\{folder.name}\{inner.name}",
            "Intensity Vs Time,CPS",
            f"Acquired      : 16/11/2020 1:05:17 PM using Batch {folder.name}",
            f"Time [Sec],{names}",
            *table(values[:, line], 0.5),
            "",
            "",
            "          Printed:16/11/2020 1:05:54 PM",
        ]
        (inner / f"{inner.stem}.csv").write_text("\n".join(text), encoding="utf-8")
    if log:
        rows = ["#,Acq. Date-Time,Sample Type,Sample Name,Vial#,File Name,Acquisition"]
        for number in log:
            file = rf"D:\Agilent\DATA\{folder.name}\{number:03d}.d"
            rows.append(f"{number},16/11/2020,Sample,{number:03d},<Manual>,{file},Pass")
        (folder / "BatchLog.csv").write_text("\n".join(rows), encoding="utf-8")


def write_icap_columns(path: Path, values: Values, separator: str = ";") -> None:
    """Write what Qtegra exports with the lines of the laser as columns."""
    lines = values.shape[1]
    rows = [["", "", "", "", *(f"Sample {i + 1}" for i in range(lines))]]
    for kind in ("Time", "Counter"):
        for number, isotope in enumerate(("31P", "158Gd", "197Au")):
            for point in range(values.shape[2]):
                own = (
                    [f"{0.1 + 0.4 * point + 0.01 * number:.2f}"] * lines
                    if kind == "Time"
                    else [f"{v:.4f}" for v in values[number, :, point]]
                )
                rows.append(["MainRuns", str(point), isotope, kind, *own])
    text = "\n".join(separator.join([*row, ""]) for row in rows)
    path.write_text(text + "\n", encoding="utf-8")


def write_icap_rows(path: Path, values: Values) -> None:
    """Write what Qtegra exports with the lines of the laser as rows."""
    heads: list[list[str]] = [["", ""] for _ in range(4)]
    rows = [[str(i + 1), "<Identifier>"] for i in range(values.shape[1])]
    for point in range(values.shape[2]):
        for number, isotope in enumerate(("31P", "158Gd", "197Au")):
            for kind in ("X (u)", "Y", "Time", "Analog", "Counter"):
                for head, cell in zip(
                    heads, ("MainRuns", str(point), isotope, kind), strict=True
                ):
                    head.append(cell)
                for line, row in enumerate(rows):
                    signal = values[number, line, point]
                    cells = {"Time": 0.1 + 0.4 * point, "Counter": signal, "Y": signal}
                    row.append(f"{cells.get(kind, -0.01):g}")
    text = "\n".join(",".join([*row, ""]) for row in heads + rows)
    path.write_text(text + "\n", encoding="utf-8")


NU_OFFSET, NU_SLOPE, NU_DELAY = -0.2, 6e-4, 11890.0
NU_AREA, NU_PERIOD, NU_SUM = 1964.0, 25000.0, 2000


def write_nu(folder: Path, values: Values, masses: Sequence[float]) -> None:
    """Write counts in each of 0.05 s; NaN are acquisitions that are not there."""
    folder.mkdir()
    laser = {"AcquisitionLineGroupSize": 1, "LaserLineInfo": []}
    (folder / "laser.info").write_text(json.dumps(laser), encoding="utf-8")
    times = (np.sqrt(masses) - NU_OFFSET) / NU_SLOPE
    ticks = (times - NU_DELAY) * 2
    for line in range(values.shape[1]):
        inner = folder / f"{line + 1:05d}"
        inner.mkdir()
        run = {
            "NumAccumulations1": 2,
            "NumAccumulations2": NU_SUM // 2,
            "AverageSingleIonArea": NU_AREA,
            "MassCalCoefficients": [NU_OFFSET, NU_SLOPE],
            "SegmentInfo": [
                {
                    "Num": 1,
                    "AcquisitionPeriodNs": NU_PERIOD,
                    "AcquisitionTriggerDelayNs": NU_DELAY,
                }
            ],
        }
        (inner / "run.info").write_text(json.dumps(run), encoding="utf-8")
        points = values.shape[2]
        halves = (range(points // 2), range(points // 2, points))
        index = []
        for number, half in enumerate(halves, 1):
            data = b""
            for point in half:
                if np.isnan(values[0, line, point]):
                    continue
                data += struct.pack("<IIII", 1, 1, (point + 1) * NU_SUM, len(masses))
                for tick, counts in zip(ticks, values[:, line, point], strict=True):
                    data += struct.pack("<ff5x", tick, counts * NU_AREA)
            (inner / f"{number}.integ").write_bytes(data)
            index.append({"FileNum": number, "FirstCycNum": 1, "FirstSegNum": 1})
        (inner / "integrated.index").write_text(json.dumps(index), encoding="utf-8")


def write_tofwerk(path: Path, data: Values, step: float, period: float = 0.0) -> None:
    """Write peaks of shape (write, buffer, segment, peak)."""
    kinds = [("label", "S64"), ("mass", "<f4")]
    peaks = [(b"[31P]+", 30.97), (b"[158Gd]+", 157.92), (b"[197Au]+", 196.97)]
    with h5py.File(path, "w") as file:
        file.create_dataset("PeakData/PeakData", data=data, chunks=(1, *data.shape[1:]))
        file.create_dataset("PeakData/PeakTable", data=np.array(peaks, kinds))
        writes, buffers = data.shape[:2]
        within = step * np.arange(buffers)
        times = within + 100.0 * np.arange(writes)[:, np.newaxis]
        file.create_dataset("TimingData/BufTimes", data=times)
        if period:
            file["TimingData"].attrs["TofPeriod"] = np.array([period])


def save_archive(path: Path, **arrays: Any) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            file = io.BytesIO()
            np.save(file, array, allow_pickle=True)
            archive.writestr(f"{name}.npy", file.getvalue())


def pewlib_arrays(values: Values) -> dict[str, Any]:
    """Return the arrays of an archive of pewlib, of the first and the third isotope."""
    kinds = [("P31", "f8"), ("Au197", "f8")]
    data = np.zeros(values.shape[1:], kinds)
    data["P31"], data["Au197"] = values[0], values[2]
    config = [("spotsize", "f8"), ("speed", "f8"), ("scantime", "f8")]
    return {
        "header": np.array("version\t0.10.0\tclass\tRaster"),
        "data": data,
        "config": np.array((30.0, 20.0, 0.5), config),
    }
