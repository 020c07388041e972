"""DICOM files for tests, written with pydicom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless, generate_uid

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


def small_object(kind: str, path: Path) -> Path:
    """Write a small file of a kind, for tests of damage."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 200, (4, 12, 10)).astype(np.uint16)
    groups = [plane_groups([0, 0, 2.0 * z]) for z in range(4)]
    if kind == "spect":
        header = dicom_file(
            pixels, "20", "NM",
            ImageType=["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"],
            PixelSpacing=[2, 2], SpacingBetweenSlices=3, SliceVector=[1, 2, 3, 4],
            DetectorInformationSequence=[item(
                ImagePositionPatient=[0, 0, 0],
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            )],
        )  # fmt: skip
    elif kind == "enhanced":
        header = dicom_file(
            pixels, "4.1", "MR", PerFrameFunctionalGroupsSequence=groups
        )
    elif kind in ("cine", "cine-rle"):
        header = dicom_file(
            pixels.astype(np.uint8), "3.1", "US", PixelSpacing=[1, 1], FrameTime=20
        )
        if kind == "cine-rle":
            header.compress(RLELossless, pixels.astype(np.uint8))
    elif kind == "segmentation":
        for group in groups:
            group.SegmentIdentificationSequence = [item(ReferencedSegmentNumber=1)]
        header = dicom_file(
            (pixels > 100).astype(np.uint8), "66.4", "SEG",
            SegmentationType="BINARY",
            SegmentSequence=[item(SegmentNumber=1, SegmentLabel="a")],
            PerFrameFunctionalGroupsSequence=groups,
        )  # fmt: skip
        bits = np.packbits((pixels > 100).ravel(), bitorder="little").tobytes()
        header.BitsAllocated = header.BitsStored = 1
        header.HighBit = 0
        header.PixelData = bits
    elif kind == "structures":
        header = dicom_file(pixels[:1], "481.3", "RTSTRUCT")
        header.StructureSetROISequence = [item(ROINumber=1, ROIName="tumour")]
        contour = item(
            ContourGeometricType="CLOSED_PLANAR",
            NumberOfContourPoints=4,
            ContourData=[0, 0, 5, 3, 0, 5, 3, 4, 5, 0, 4, 5],
        )
        header.ROIContourSequence = [
            item(ReferencedROINumber=1, ContourSequence=[contour])
        ]
        del header.PixelData
    else:
        header = dicom_file(
            pixels[:1], "128", "PT", Units="BQML", PixelSpacing=[2, 2],
            SliceThickness=3, ImagePositionPatient=[0, 0, 0],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0], RescaleSlope=1.5,
            DecayCorrection="START", AcquisitionDate="20260105",
            AcquisitionTime="100000", PatientWeight=0.025,
            RadiopharmaceuticalInformationSequence=[
                item(RadionuclideTotalDose=5e6, RadionuclideHalfLife=6586.2)
            ],
        )  # fmt: skip
    return save(header, path)


KINDS = ("spect", "enhanced", "cine", "cine-rle", "segmentation", "structures", "pet")
