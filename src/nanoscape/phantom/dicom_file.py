"""Writing DICOM whose bytes depend on what is measured alone."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from nanoscape.phantom.animal import WEIGHT_KG, Animal, Voxels
from nanoscape.phantom.files import complete, fixed_uuid

CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "NM": "1.2.840.10008.5.1.4.1.1.20",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "US": "1.2.840.10008.5.1.4.1.1.3.1",
}
"""Storage classes of DICOM PS3.4 B.5."""


def uid(seed: int, *place: int) -> str:
    """Return a UID made from a UUID (PS3.5 B.2)."""
    return f"2.25.{fixed_uuid(seed, *place).int}"


def item(**values: Any) -> Dataset:
    """Return an item of a sequence."""
    found = Dataset()
    for name, value in values.items():
        setattr(found, name, value)
    return found


def header(animal: Animal, modality: str, scan: int, frame: int = 0) -> Dataset:
    """Return what all files of an animal have in common.

    Parameters
    ----------
    animal
        Who was scanned.
    modality
        A key of :data:`CLASSES`.
    scan
        Number of the series.
    frame
        Number of the file in it.
    """
    found = Dataset()
    found.SOPClassUID = CLASSES[modality]
    found.SOPInstanceUID = uid(animal.seed, scan, frame + 1)
    found.StudyInstanceUID = uid(animal.seed, 0)
    found.SeriesInstanceUID = uid(animal.seed, scan, 0)
    found.FrameOfReferenceUID = uid(animal.seed, 0, 1)
    found.SeriesNumber, found.InstanceNumber = scan, frame + 1
    found.Modality = modality
    found.Manufacturer = "nanoscape phantom"
    found.PatientID = found.PatientName = animal.name.split("_")[0]
    found.PatientWeight = f"{WEIGHT_KG:g}"
    found.PatientPosition = "HFS"
    found.StudyID = "1"
    return found


def at_time(found: Dataset, moment: datetime.datetime) -> None:
    """State when a scan began."""
    for kind in ("Study", "Series", "Acquisition"):
        setattr(found, f"{kind}Date", f"{moment:%Y%m%d}")
        setattr(found, f"{kind}Time", f"{moment:%H%M%S}")


def set_pixels(found: Dataset, pixels: NDArray[np.integer[Any]]) -> None:
    """Set samples of 8 or 16 bits of one frame ``(y, x)`` or many ``(n, y, x)``."""
    found.Rows, found.Columns = pixels.shape[-2:]
    found.SamplesPerPixel = 1
    found.PhotometricInterpretation = "MONOCHROME2"
    found.BitsAllocated = found.BitsStored = 8 * pixels.dtype.itemsize
    found.HighBit = found.BitsStored - 1
    found.PixelRepresentation = int(pixels.dtype.kind == "i")
    little = pixels.astype(pixels.dtype.newbyteorder("<"))
    found.PixelData = np.ascontiguousarray(little).tobytes()


def save(found: Dataset, path: Path) -> None:
    """Write one file."""
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.file_meta.MediaStorageSOPClassUID = found.SOPClassUID
    found.file_meta.MediaStorageSOPInstanceUID = found.SOPInstanceUID
    found.save_as(path, enforce_file_format=True)


def write_slices(
    folder: Path,
    animal: Animal,
    modality: str,
    scan: int,
    voxels: Voxels,
    volume: NDArray[np.integer[Any]],
    more: list[dict[str, Any]],
    moment: datetime.datetime,
) -> None:
    """Write a volume ``(z, y, x)`` as a folder with a file for each slice.

    ``more`` holds elements of each slice's own.
    """
    z, y, x = voxels.first_mm
    with complete(folder) as (draft,):
        draft.mkdir()
        for number, pixels in enumerate(volume):
            found = header(animal, modality, scan, number)
            at_time(found, moment)
            height = z + number * voxels.size_mm[0]
            found.ImagePositionPatient = [f"{v:g}" for v in (x, y, height)]
            found.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
            found.PixelSpacing = [f"{v:g}" for v in voxels.size_mm[1:]]
            found.SliceThickness = f"{voxels.size_mm[0]:g}"
            for name, value in more[number].items():
                setattr(found, name, value)
            set_pixels(found, pixels)
            save(found, draft / f"{number + 1:04d}.dcm")


def injection(
    animal: Animal, nuclide: str, half_life_s: float, dose: float
) -> Sequence:
    """Return the sequence that tells what was injected, when and how much."""
    code = item(CodeValue="", CodingSchemeDesignator="", CodeMeaning=nuclide)
    told = item(
        Radiopharmaceutical="carrier",
        RadiopharmaceuticalStartDateTime=f"{animal.injected:%Y%m%d%H%M%S}",
        RadiopharmaceuticalStartTime=f"{animal.injected:%H%M%S}",
        RadionuclideTotalDose=f"{dose:g}",
        RadionuclideHalfLife=f"{half_life_s:g}",
        RadionuclideCodeSequence=Sequence([code]),
    )
    return Sequence([told])
