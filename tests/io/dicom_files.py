"""DICOM files for tests, written with pydicom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

STORAGE = "1.2.840.10008.5.1.4.1.1."


def dicom_file(pixels: Any, ending: str, modality: str, **more: Any) -> Dataset:
    """Return a file of one or many frames; ``frames, rows, columns``, or with colours.

    Values of ``None`` are left out.
    """
    pixels = np.asarray(pixels)
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.SOPClassUID = STORAGE + ending
    header.SOPInstanceUID = generate_uid()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.Modality = modality
    header.SeriesInstanceUID = "1.2.3"
    header.PatientID = "mouse 7"
    colour = pixels.ndim == 4
    header.NumberOfFrames = pixels.shape[0]
    header.Rows, header.Columns = pixels.shape[1:3]
    header.SamplesPerPixel = 3 if colour else 1
    header.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        header.PlanarConfiguration = 0
    header.BitsAllocated = header.BitsStored = 8 * pixels.dtype.itemsize
    header.HighBit = header.BitsStored - 1
    header.PixelRepresentation = int(pixels.dtype.kind == "i")
    for name, value in more.items():
        if value is not None:
            setattr(header, name, value)
    header.PixelData = np.ascontiguousarray(pixels).tobytes()
    header["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
    return header


def item(**values: Any) -> Dataset:
    """Return an item of a sequence."""
    found = Dataset()
    for name, value in values.items():
        setattr(found, name, value)
    return found


def save(header: Dataset, path: Path) -> Path:
    """Write a file, and return its path."""
    header.save_as(path, enforce_file_format=True)
    return path


def plane_groups(
    position: Sequence[float],
    orientation: Sequence[float] = (1, 0, 0, 0, 1, 0),
    spacing: Sequence[float] = (0.8, 0.7),
    **more: Any,
) -> Dataset:
    """Return the functional groups of one frame."""
    return item(
        PlanePositionSequence=[item(ImagePositionPatient=list(position))],
        PlaneOrientationSequence=[item(ImageOrientationPatient=list(orientation))],
        PixelMeasuresSequence=[item(PixelSpacing=list(spacing), SliceThickness=9)],
        **{name: [value] for name, value in more.items()},
    )
