"""What a DICOM header says about a radioactive dose and its decay (PS3.3 C.8.9)."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Any

from pydicom.dataset import Dataset

from nanoscape.io.dicom.values import (
    instant,
    moment,
    number,
    of_frames,
    private,
    text,
    texts,
    zone_of,
)
from nanoscape.model import Tags

_BECQUERELS = {"Bq": 1.0, "MBq": 1e6}
_GE_SCAN = (0x0009, 0x0D, "GEMS_PETD_01")
_SIEMENS_DECAY = (0x0071, 0x22, "SIEMENS MED PT")
_PHILIPS_SUV = (0x7053, 0x00, "Philips PET Private Group")
_PHILIPS_ACTIVITY = (0x7053, 0x09, "Philips PET Private Group")


def dose_tags(
    first: Dataset, timed: Sequence[Dataset], frames: int, dose_unit: str
) -> Tags:
    """Return all that the conversion to SUV needs.

    Parameters
    ----------
    first
        Header of the first slice.
    timed
        Elements that tell when each slice was acquired, frame by frame. Values that
        differ between slices become lists, one value for each frame where that
        suffices.
    frames
        Number of frames.
    dose_unit
        ``"Bq"`` or ``"MBq"``, the unit of RadionuclideTotalDose: Bq in PET images, MBq
        in enhanced PET (C.8.22) and nuclear medicine images (C.8.4.10).

    Returns
    -------
    Tags
        What the scanner knew of weight and dose is kept twice, because the tags of a
        study sheet replace ``weight_g`` and ``injected_dose``, and an SUV that the
        scanner computed depends on what the scanner knew.
    """
    injections = first.get("RadiopharmaceuticalInformationSequence") or [Dataset()]
    injection = injections[0]
    dose = number(injection, "RadionuclideTotalDose")
    weight = number(first, "PatientWeight")
    time, dated = _injection_time(first, injection)

    def each(value: Callable[[Dataset], Any]) -> Any:
        return of_frames([value(header) for header in timed], frames)

    tags = Tags.of(
        "header",
        units=text(first, "Units"),
        suv_type=text(first, "SUVType"),
        decay_correction=text(first, "DecayCorrection"),
        corrected_image=texts(first, "CorrectedImage"),
        analyte=text(injection, "Radiopharmaceutical"),
        radionuclide=_radionuclide(injection),
        injected_dose=dose,
        injected_dose_unit=dose_unit if dose else None,
        scanner_dose_bq=dose * _BECQUERELS[dose_unit] if dose else None,
        scanner_weight_g=weight * 1e3 if weight else None,
        injection_time=time,
        injection_date_known=dated if time else None,
        half_life_s=number(injection, "RadionuclideHalfLife"),
        reference_time=_stated(first, "DecayCorrectionDateTime"),
        scanner_reference_time=_private_time(first),
    )
    return tags.merged(
        Tags.of(
            "header",
            acquisition_times=each(lambda h: moment(h, "Acquisition")),
            frame_durations_s=each(lambda h: number(h, "ActualFrameDuration", 1e-3)),
            frame_reference_times_s=each(
                lambda h: number(h, "FrameReferenceTime", 1e-3)
            ),
            decay_factors=each(lambda h: number(h, "DecayFactor")),
            philips_suv_factor=each(lambda h: _private_number(h, _PHILIPS_SUV)),
            philips_activity_factor=each(
                lambda h: _private_number(h, _PHILIPS_ACTIVITY)
            ),
        )
    )


def _injection_time(header: Dataset, injection: Dataset) -> tuple[str | None, bool]:
    """Return the time of the injection, and whether its date is stated."""
    time = _stated(injection, "RadiopharmaceuticalStartDateTime", header)
    if time:
        return time, True
    clock = text(injection, "RadiopharmaceuticalStartTime")
    if clock is None:
        return None, False
    dates = (text(header, f"{name}Date") for name in ("Series", "Acquisition", "Study"))
    date = next((date for date in dates if date), "")
    return instant(date, clock), False


def _stated(holder: Dataset, name: str, header: Dataset | None = None) -> str | None:
    value = text(holder, name)
    return value and instant(value[:8], value[8:], zone_of(header or holder))


def _radionuclide(injection: Dataset) -> str | None:
    codes = injection.get("RadionuclideCodeSequence") or [Dataset()]
    return text(codes[0], "CodeMeaning")


def _private_time(header: Dataset) -> str | None:
    for place in (_GE_SCAN, _SIEMENS_DECAY):
        value = str(private(header, *place) or "").strip()
        try:
            datetime.datetime.strptime(value[:14], "%Y%m%d%H%M%S")
        except ValueError:
            continue
        return instant(value[:8], value[8:], zone_of(header))
    return None


def _private_number(header: Dataset, place: tuple[int, int, str]) -> float | None:
    try:
        value = float(private(header, *place) or 0)
    except (TypeError, ValueError):
        return None
    return value or None
