"""Enhanced multi-frame CT, MR and PET: one file, a functional group for each frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from pydicom.dataset import Dataset

from nanoscape.errors import UnreadableFile
from nanoscape.io.dicom.series import read_slices
from nanoscape.io.dicom.slice import Slice, clock_seconds, numbered_time
from nanoscape.io.dicom.source import DicomSource, check_pixels, frames_of
from nanoscape.io.dicom.tags import quantity_of, series_name, tags_of
from nanoscape.io.dicom.values import instant, number, numbers, text, texts, zone_of
from nanoscape.io.lazy import lazy_array
from nanoscape.io.opening import (
    Options,
    Readable,
    calibrate,
    calibration_tags,
    stem,
)
from nanoscape.model import Affine, Image
from nanoscape.model.raster import single_level

_MEASURED_UNITS = {"bq/ml": "BQML", "g/ml{suvbw}": "GML"}
_EMPTY = Dataset()


def read_object(path: Path, header: Dataset, options: Options) -> list[Readable]:
    """Return the images of one file: one for each stack that it holds."""
    check_pixels(path, header)
    if int(header.get("SamplesPerPixel", 1)) != 1:
        raise UnreadableFile(f"{path} is a colour image", "grey CT, MR or PET images")
    groups = header.get("PerFrameFunctionalGroupsSequence")
    if not groups:
        return [_without_place(path, header, options)]
    if len(groups) != frames_of(header):
        raise UnreadableFile(
            f"{path} is damaged: it has {frames_of(header)} frames and describes "
            f"{len(groups)}"
        )
    stacks: dict[object, list[Slice]] = defaultdict(list)
    top = _flat(header, groups[0])
    for frame, own in enumerate(groups):
        part = enhanced_slice(path, header, own, frame, top)
        content = functional_group("FrameContentSequence", own, header)
        way = part.orientation and tuple(round(v, 3) for v in part.orientation)
        stacks[text(content, "StackID"), way].append(part)
    return [read_slices(stack, path, options) for stack in stacks.values()]


def enhanced_slice(
    path: Path, header: Dataset, own: Dataset, frame: int, top: Dataset
) -> Slice:
    """Return one frame as a slice (PS3.3 C.7.6.16).

    Parameters
    ----------
    path, header
        The file.
    own
        Functional groups of the frame; the shared ones stand in.
    frame
        Its number, from zero.
    top
        The header as that of a classic image.
    """
    measures = functional_group("PixelMeasuresSequence", own, header)
    position = numbers(
        functional_group("PlanePositionSequence", own, header),
        "ImagePositionPatient",
        3,
    )
    orientation = numbers(
        functional_group("PlaneOrientationSequence", own, header),
        "ImageOrientationPatient",
        6,
    )
    spacing = numbers(measures, "PixelSpacing", 2)
    slope, intercept, _ = _rescale(header, own)
    content = functional_group("FrameContentSequence", own, header)
    return Slice(
        path=path,
        frame=frame,
        header=top,
        position=None if position is None else tuple(position),
        orientation=None if orientation is None else tuple(orientation),
        spacing=None if spacing is None else tuple(spacing),
        thickness=number(measures, "SliceThickness"),
        slope=slope,
        intercept=intercept,
        coordinates=_coordinates(header, own),
        time_s=_times(header, content),
        timing=_timing(header, own, content),
    )


def functional_group(name: str, own: Dataset, header: Dataset) -> Dataset:
    """Return a functional group of a frame, or the one that all frames share."""
    shared = header.get("SharedFunctionalGroupsSequence") or [_EMPTY]
    for holder in (own, shared[0]):
        found = holder.get(name)
        if found:
            return found[0]
    return _EMPTY


def _rescale(header: Dataset, own: Dataset) -> tuple[float, float, str | None]:
    """Return slope, intercept and unit: measured values of PET, else the rescaled."""
    mapping = functional_group("RealWorldValueMappingSequence", own, header)
    code = (mapping.get("MeasurementUnitsCodeSequence") or [_EMPTY])[0]
    unit = _MEASURED_UNITS.get(str(text(code, "CodeValue")).lower())
    slope = number(mapping, "RealWorldValueSlope")
    intercept = number(mapping, "RealWorldValueIntercept")
    if str(header.get("Modality")) == "PT" and unit and slope is not None:
        return slope, intercept or 0.0, unit
    transformation = functional_group("PixelValueTransformationSequence", own, header)
    slope = number(transformation, "RescaleSlope")
    intercept = number(transformation, "RescaleIntercept")
    return (
        1.0 if slope is None else slope,
        intercept or 0.0,
        text(transformation, "RescaleType"),
    )


def _flat(header: Dataset, own: Dataset) -> Dataset:
    """Return the header with what classic images state at its top."""
    units = _rescale(header, own)[2]
    flat = Dataset()
    flat.update(header)
    if units is not None:
        flat.RescaleType = units
    if str(header.get("Modality")) != "PT":
        return flat
    if units is not None:
        flat.Units = units
    decayed = text(header, "DecayCorrected")
    if decayed in ("YES", "NO"):
        flat.DecayCorrection = "START" if decayed == "YES" else "NONE"
    names = {"AttenuationCorrected": "ATTN", "ScatterCorrected": "SCAT",
             "DecayCorrected": "DECY"}  # fmt: skip
    flat.CorrectedImage = [
        word for name, word in names.items() if text(header, name) == "YES"
    ]
    return flat


def _coordinates(header: Dataset, own: Dataset) -> dict[str, object]:
    kind = functional_group("MRImageFrameTypeSequence", own, header)
    echo = functional_group("MREchoSequence", own, header)
    diffusion = functional_group("MRDiffusionSequence", own, header)
    gradient = (diffusion.get("DiffusionGradientDirectionSequence") or [_EMPTY])[0]
    timing = functional_group("MRTimingAndRelatedParametersSequence", own, header)
    gate = functional_group("CardiacSynchronizationSequence", own, header)
    modifier = functional_group("MRModifierSequence", own, header)
    direction = numbers(gradient, "DiffusionGradientOrientation", 3)
    inversion = texts(modifier, "InversionTimes") or []
    component = text(kind, "ComplexImageComponent")
    found = {
        "component": component.lower() if component else None,
        "echo_time_ms": number(echo, "EffectiveEchoTime"),
        "b_value": number(diffusion, "DiffusionBValue"),
        "b_direction": tuple(direction) if direction else None,
        "inversion_time_ms": float(inversion[0]) if inversion else None,
        "flip_angle_deg": number(timing, "FlipAngle"),
        "trigger_time_ms": number(gate, "NominalCardiacTriggerDelayTime"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _times(header: Dataset, content: Dataset) -> dict[str, float]:
    found: dict[str, float] = {}
    offset = number(content, "TemporalPositionTimeOffset")
    if offset is not None:
        found["temporal position"] = offset
    for name, key in (
        ("FrameReferenceDateTime", "date of reference"),
        ("FrameAcquisitionDateTime", "acquisition time"),
    ):
        stated = text(content, name) or ""
        seconds = clock_seconds(instant(stated[:8], stated[8:], zone_of(header)))
        if seconds is not None:
            found[key] = seconds
    numbered = numbered_time(header, number(content, "TemporalPositionIndex"))
    return found | {
        name: value for name, value in numbered.items() if value is not None
    }


def _timing(header: Dataset, own: Dataset, content: Dataset) -> Dataset | None:
    """Return when a PET frame was acquired, as classic images state it."""
    if str(header.get("Modality")) != "PT":
        return None
    timing = Dataset()
    started = text(content, "FrameAcquisitionDateTime")
    duration = number(content, "FrameAcquisitionDuration")
    decay = number(functional_group("PETFrameCorrectionFactorsSequence", own, header),
                   "DecayFactor")  # fmt: skip
    if started:
        timing.AcquisitionDateTime = started
    if duration is not None:
        timing.ActualFrameDuration = round(duration)
    if decay is not None:
        timing.DecayFactor = f"{decay:.10g}"
    return timing


def _without_place(file: Path, header: Dataset, options: Options) -> Image:
    """Return frames of which the file does not say where they lie."""
    step = number(header, "SpacingBetweenSlices")
    known = {"z": abs(step) * 1e3} if step else {}
    spacing = calibrate("zyx", known, options, file)
    options.warn(
        f"{file.name} does not say where its frames lie in the patient; they are "
        "stacked in their order"
    )
    blank = (None, None, None, None)
    count = frames_of(header)
    slices: Iterable[Slice] = (
        Slice(file, frame, header, *blank) for frame in range(count)
    )
    source = DicomSource.of(list(slices), [count])
    return Image(
        levels=single_level(lazy_array(source, source.native_chunks()), "zyx"),
        axes="zyx",
        grid_to_space=Affine.from_spacing("zyx", spacing),
        space=stem(file),
        name=series_name(header, file),
        quantity=quantity_of(header),
        tags=tags_of(header).merged(calibration_tags(options)),
    )
