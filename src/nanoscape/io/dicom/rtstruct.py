"""DICOM structure sets: closed contours in the patient (PS3.3 C.8.8.6)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from nanoscape.errors import UnreadableFile
from nanoscape.io.damage import DAMAGE
from nanoscape.io.dicom.tags import tags_of
from nanoscape.io.dicom.values import text
from nanoscape.io.opening import Options, Readable, stem
from nanoscape.model import Regions, Tags


def read_object(path: Path, header: Dataset, options: Options) -> list[Readable]:
    """Return the regions of one structure set, in the patient's µm."""
    names = {
        str(item.get("ROINumber")): text(item, "ROIName") or f"{item.get('ROINumber')}"
        for item in header.get("StructureSetROISequence") or []
    }
    polygons: list[NDArray[np.float64]] = []
    owners: list[str] = []
    left_out = 0
    for structure in header.get("ROIContourSequence") or []:
        name = names.get(str(structure.get("ReferencedROINumber")), "region")
        for contour in structure.get("ContourSequence") or []:
            corners = _corners(contour, path)
            if corners is None:
                left_out += 1
                continue
            polygons.append(corners)
            owners.append(name)
    if left_out:
        options.warn(
            f"{left_out} contours of {path.name} are points or open lines and are "
            "left out"
        )
    if not polygons:
        raise UnreadableFile(f"{path} holds no closed contours")
    return [
        Regions(
            polygons=tuple(polygons),
            names=tuple(owners),
            axes="zyx",
            space="patient",
            name=text(header, "StructureSetLabel") or stem(path),
            tags=tags_of(header).merged(_reference(header)),
        )
    ]


def _corners(contour: Dataset, path: Path) -> NDArray[np.float64] | None:
    """Return the corners ``z y x`` in µm, ``None`` for what is no closed contour."""
    kind = text(contour, "ContourGeometricType") or ""
    if not kind.startswith("CLOSED_PLANAR") and kind != "CLOSEDPLANAR_XOR":
        return None
    try:
        values = np.array([float(v) for v in contour.ContourData])
        corners: NDArray[np.float64] = values.reshape(-1, 3)[:, ::-1] * 1e3
    except DAMAGE as error:
        raise UnreadableFile(
            f"{path} is damaged: a contour holds no list of places"
        ) from error
    if len(corners) > 1 and np.array_equal(corners[0], corners[-1]):
        corners = corners[:-1]
    if not np.isfinite(corners).all():
        raise UnreadableFile(f"{path} is damaged: a contour lies nowhere")
    return corners if len(corners) >= 3 else None


def _reference(header: Dataset) -> Tags:
    """Return the frame of reference of the images on which it was drawn."""
    frames = header.get("ReferencedFrameOfReferenceSequence") or []
    found = {text(item, "FrameOfReferenceUID") for item in frames} - {None}
    return Tags.of(
        "header", frame_of_reference=found.pop() if len(found) == 1 else None
    )
