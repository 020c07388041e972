"""What a DICOM header says about the animal, the scan and the quantity."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydicom.dataset import Dataset

from nanoscape.io.dicom.dose import dose_tags
from nanoscape.io.dicom.values import moment, number, text
from nanoscape.io.opening import stem
from nanoscape.model import Image, Quantity, Tags

_CLASSIC_PET = "1.2.840.10008.5.1.4.1.1.128"
_UNSPECIFIED = ("US", "UNSPECIFIED", "normalized")
_PET = {
    "BQML": Quantity("activity concentration", "Bq/mL"),
    "GML": Quantity("SUVbw", "g/mL"),
    "CM2ML": Quantity("SUVbsa", "cm²/mL"),
    "CNTS": Quantity("counts", "CNTS"),
}


def quantity_of(header: Dataset) -> Quantity:
    """Return what the rescaled samples measure."""
    modality = str(header.get("Modality", ""))
    if modality == "CT" and str(header.get("RescaleType", "HU") or "HU") == "HU":
        return Quantity("attenuation", "HU")
    if modality == "PT":
        units = text(header, "Units") or "unknown"
        suv_type = text(header, "SUVType") or "BW"
        if units == "GML" and suv_type != "BW":
            return Quantity(f"SUV ({suv_type})", "g/mL")
        return _PET.get(units, Quantity("PET signal", units))
    if modality == "NM":
        units = text(header, "Units") or "CNTS"
        return Quantity("counts", "counts") if units == "CNTS" else _PET.get(
            units, Quantity("NM signal", units)
        )  # fmt: skip
    name = {"MR": "MR signal", "US": "ultrasound signal"}.get(modality, "intensity")
    unit = text(header, "RescaleType") or "US"
    return Quantity(name, "a.u." if unit in _UNSPECIFIED else unit)


def series_name(header: Dataset, path: Path) -> str:
    """Return a name for a series: its description, else its modality and file."""
    description = text(header, "SeriesDescription")
    return description or f"{header.get('Modality', 'DICOM')} {stem(path)}"


def shared_tags(images: Sequence[Image]) -> Tags:
    """Return the tags that are the same on all images of a group."""
    first, *others = (image.tags.tags for image in images)
    return Tags(
        {
            name: tag
            for name, tag in first.items()
            if all(other.get(name) == tag for other in others)
        }
    )


def tags_of(header: Dataset, timed: Sequence[Dataset] = (), frames: int = 1) -> Tags:
    """Return the tags that the headers of a series give.

    Parameters
    ----------
    header
        The first one.
    timed
        Elements that tell when each slice was acquired, frame by frame; those of the
        header by default.
    frames
        Number of frames.
    """
    timed = timed or [header]
    weight = number(header, "PatientWeight")
    starts = [time for time in (moment(h, "Acquisition") for h in timed) if time]
    lightest = str(header.get("PhotometricInterpretation")) == "MONOCHROME1"
    tags = Tags.of(
        "header",
        shown_inverted=True if lightest else None,
        modality=text(header, "Modality"),
        subject=text(header, "PatientID"),
        sex=text(header, "PatientSex"),
        species=_species(header),
        series_description=text(header, "SeriesDescription"),
        frame_of_reference=text(header, "FrameOfReferenceUID"),
        study_uid=text(header, "StudyInstanceUID"),
        series_uid=text(header, "SeriesInstanceUID"),
        weight_g=weight * 1e3 if weight else None,
        size_m=number(header, "PatientSize") or None,
        acquisition_time=min(starts, default=None) or moment(header, "Series"),
        series_time=moment(header, "Series"),
    )
    if str(header.get("Modality", "")) == "MR":
        return tags.merged(_sequence(header))
    if str(header.get("Modality", "")) not in ("PT", "NM"):
        return tags
    classic = str(header.get("SOPClassUID")) == _CLASSIC_PET
    unit = "Bq" if classic else "MBq"
    return tags.merged(dose_tags(header, timed, frames, unit))


def _sequence(header: Dataset) -> Tags:
    """Return the settings of magnetic resonance that relaxation is computed from."""
    settings = {
        "repetition_time_ms": "RepetitionTime",
        "flip_angle_deg": "FlipAngle",
        "echo_time_ms": "EchoTime",
        "inversion_time_ms": "InversionTime",
    }
    found = {name: number(header, keyword) for name, keyword in settings.items()}
    return Tags.of("header", **{name: value or None for name, value in found.items()})


def _species(header: Dataset) -> str | None:
    stated = text(header, "PatientSpeciesDescription")
    codes = header.get("PatientSpeciesCodeSequence") or [Dataset()]
    return stated or text(codes[0], "CodeMeaning")
