"""What a DICOM header says about the animal, the dose and the quantity."""

from __future__ import annotations

import datetime
from pathlib import Path

from pydicom.dataset import Dataset

from nanoscape.io.opening import stem
from nanoscape.model import Quantity, Tags

_PET = {
    "BQML": Quantity("activity concentration", "Bq/mL"),
    "GML": Quantity("SUVbw", "g/mL"),
}


def quantity_of(header: Dataset) -> Quantity:
    """Return what the rescaled samples measure."""
    modality = str(header.get("Modality", ""))
    if modality == "CT" and str(header.get("RescaleType", "HU") or "HU") == "HU":
        return Quantity("attenuation", "HU")
    if modality == "PT":
        units = str(header.get("Units", "") or "unknown")
        suv_type = str(header.get("SUVType", "") or "BW")
        if units == "GML" and suv_type != "BW":
            return Quantity(f"SUV ({suv_type})", "g/mL")
        return _PET.get(units, Quantity("PET signal", units))
    name = "MR signal" if modality == "MR" else "intensity"
    return Quantity(name, str(header.get("RescaleType", "") or "a.u."))


def series_name(header: Dataset, path: Path) -> str:
    """Return a name for a series: its description, else its modality and file."""
    description = str(header.get("SeriesDescription", "") or "").strip()
    return description or f"{header.get('Modality', 'DICOM')} {stem(path)}"


def tags_of(header: Dataset) -> Tags:
    """Return the tags that a header gives."""
    weight = header.get("PatientWeight")
    tags = Tags.of(
        "header",
        modality=_text(header, "Modality"),
        subject=_text(header, "PatientID"),
        series_description=_text(header, "SeriesDescription"),
        frame_of_reference=_text(header, "FrameOfReferenceUID"),
        series_uid=_text(header, "SeriesInstanceUID"),
        weight_g=float(weight) * 1e3 if weight else None,
        acquisition_time=_time(header, "Acquisition") or _time(header, "Series"),
        series_time=_time(header, "Series"),
    )
    if str(header.get("Modality", "")) != "PT":
        return tags
    return tags.merged(_dose_tags(header))


def _dose_tags(header: Dataset) -> Tags:
    injections = header.get("RadiopharmaceuticalInformationSequence") or [Dataset()]
    injection = injections[0]
    dose = injection.get("RadionuclideTotalDose")
    half_life = injection.get("RadionuclideHalfLife")
    frame = header.get("ActualFrameDuration")
    start = injection.get("RadiopharmaceuticalStartDateTime")
    time = _instant(str(start)[:8], str(start)[8:]) if start else None
    if time is None and injection.get("RadiopharmaceuticalStartTime"):
        date = header.get("SeriesDate") or header.get("AcquisitionDate")
        time = _instant(str(date), str(injection.RadiopharmaceuticalStartTime))
    return Tags.of(
        "header",
        units=_text(header, "Units"),
        suv_type=_text(header, "SUVType"),
        decay_correction=_text(header, "DecayCorrection"),
        analyte=_text(injection, "Radiopharmaceutical"),
        injected_dose=float(dose) if dose else None,
        injected_dose_unit="Bq" if dose else None,
        injection_time=time,
        half_life_s=float(half_life) if half_life else None,
        frame_duration_s=float(frame) / 1e3 if frame else None,
    )


def _text(header: Dataset, name: str) -> str | None:
    value = str(header.get(name, "") or "").strip()
    return value or None


def _time(header: Dataset, which: str) -> str | None:
    return _instant(
        str(header.get(f"{which}Date") or ""), str(header.get(f"{which}Time") or "")
    )


def _instant(date: str, time: str) -> str | None:
    """Return a DICOM date and time as ISO 8601, ``None`` when they are incomplete."""
    digits = time.split("+")[0].split("-")[0].strip()
    whole, _, fraction = digits.partition(".")
    try:
        day = datetime.datetime.strptime(date.strip(), "%Y%m%d")
        clock = datetime.datetime.strptime(whole.ljust(6, "0")[:6], "%H%M%S").time()
    except ValueError:
        return None
    moment = datetime.datetime.combine(day.date(), clock)
    if fraction:
        moment = moment.replace(microsecond=int(fraction[:6].ljust(6, "0")))
    return moment.isoformat()
