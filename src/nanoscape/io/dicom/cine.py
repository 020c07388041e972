"""Ultrasound, radiographs, photographs and secondary capture, still or moving."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from pydicom.dataset import Dataset

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io.dicom.slice import Slice, rescale_of
from nanoscape.io.dicom.source import DicomSource, check_pixels, frames_of
from nanoscape.io.dicom.tags import quantity_of, series_name, tags_of
from nanoscape.io.dicom.values import number, numbers
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

_CENTIMETRES = 3
_TWO_DIMENSIONAL = 1


def read_object(path: Path, header: Dataset, options: Options) -> list[Readable]:
    """Return the picture or cine of one file.

    Raises
    ------
    MissingCalibration
        If neither a region nor the header tells the size of a pixel.
    """
    check_pixels(path, header)
    spacing = calibrate("yx", _pixel_size(header, path, options), options, path)
    count = frames_of(header)
    colour = str(header.get("PhotometricInterpretation")) in (
        "RGB", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT",
    )  # fmt: skip
    if not colour and int(header.get("SamplesPerPixel", 1)) != 1:
        raise UnreadableFile(
            f"{path} holds colours as {header.get('PhotometricInterpretation')}",
            "RGB, YBR or a palette",
        )
    slope, intercept = rescale_of(header, path)
    blank = (None, None, None, None)
    slices = [
        Slice(path, frame, header, *blank, slope, intercept) for frame in range(count)
    ]
    source = DicomSource.of(slices, [count] if count > 1 else [], colour)
    times = frame_times(header, count) if count > 1 else None
    if count > 1 and times is None:
        options.warn(f"{path.name} does not say at which times its frames were taken")
    return [
        Image(
            levels=single_level(lazy_array(source, source.native_chunks()), "yx"),
            axes="tyx" if count > 1 else "yx",
            grid_to_space=Affine.from_spacing("yx", spacing),
            space=stem(path),
            name=series_name(header, path),
            quantity=quantity_of(header),
            tags=tags_of(header).merged(calibration_tags(options)),
            times=times,
            rgb=colour,
        )
    ]


def frame_times(header: Dataset, count: int) -> tuple[float, ...] | None:
    """Return the seconds of each frame of a cine (PS3.3 C.7.6.5)."""
    steps = numbers(header, "FrameTimeVector", count)
    if steps is not None and min(steps[1:]) > 0:
        return tuple(accumulate((0.0, *(step / 1e3 for step in steps[1:]))))
    step = number(header, "FrameTime", 1e-3)
    rate = number(header, "CineRate")
    if step is None and rate:
        step = 1 / rate
    return tuple(i * step for i in range(count)) if step and step > 0 else None


def _pixel_size(header: Dataset, path: Path, options: Options) -> dict[str, float]:
    """Return the size of a pixel in µm, empty where the file does not tell it.

    The deltas of a region are those of its pixels (PS3.3 C.8.5.5); in other regions,
    such as a Doppler trace, they do not hold.
    """
    regions = [
        region
        for region in header.get("SequenceOfUltrasoundRegions") or []
        if number(region, "PhysicalUnitsXDirection") == _CENTIMETRES
        and number(region, "PhysicalUnitsYDirection") == _CENTIMETRES
        and number(region, "RegionSpatialFormat") == _TWO_DIMENSIONAL
        and number(region, "PhysicalDeltaX")
        and number(region, "PhysicalDeltaY")
    ]
    if regions:
        return _region_size(regions, header, path, options)
    for name in ("PixelSpacing", "NominalScannedPixelSpacing", "ImagerPixelSpacing"):
        spacing = numbers(header, name, 2)
        if spacing is not None and min(spacing) > 0:
            if name == "ImagerPixelSpacing":
                options.warn(
                    f"the pixel size of {path.name} is that on the detector, before "
                    "any correction for magnification"
                )
            return {"y": spacing[0] * 1e3, "x": spacing[1] * 1e3}
    return {}


def _region_size(
    regions: Sequence[Dataset], header: Dataset, path: Path, options: Options
) -> dict[str, float]:
    region = max(regions, key=_area)
    size = {
        axis: abs(float(region[f"PhysicalDelta{axis.upper()}"].value)) * 1e4
        for axis in "yx"
    }
    x, y = (int(number(region, f"RegionLocationMax{a}1") or 0) for a in "XY")
    if x >= header.Columns or y >= header.Rows:
        if options.pixel_size is None:
            raise MissingCalibration(
                f"{path} was made smaller after it was calibrated: its region ends at "
                f"column {x} and row {y}, outside its {header.Columns} × {header.Rows} "
                f"pixels, so that the stated {size['x']:.4g} µm no longer hold",
                "a region inside the image",
                "give the pixel size in µm (pixel_size)",
            )
        return {}
    if len(regions) > 1:
        options.warn(
            f"the pixel size is that of the largest of {len(regions)} calibrated "
            "regions"
        )
    return size


def _area(region: Dataset) -> float:
    width, height = (
        (number(region, f"RegionLocationMax{a}1") or 0)
        - (number(region, f"RegionLocationMin{a}0") or 0)
        for a in "XY"
    )
    return width * height
