"""What each maker of slide scanners writes into its TIFF files, and where."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import tifffile

from nanoscape.errors import UnreadableFile
from nanoscape.io.damage import local_name, parse_xml
from nanoscape.io.microscopy.tiff import resolution_of
from nanoscape.io.opening import Options

_MPP = re.compile(r"\bMPP\s*=\s*([0-9.]+)")
_APERIO_POWER = re.compile(r"\bAppMag\s*=\s*([0-9.]+)")
_APERIO_TIME = re.compile(r"\|\s*Date = ([0-9/]+)\s*\|\s*Time = ([0-9:]+)")
_PHILIPS_SPACING = ".//Attribute[@Name='DICOM_PIXEL_SPACING']"
_NANOMETRE = 1e-3

# Private tags of Hamamatsu (https://openslide.org/formats/hamamatsu).
_SOURCE_LENS, _FLUORESCENCE, _PROPERTIES, _EMISSION = 65421, 65434, 65449, 65451
_XMP = 700


@dataclass(frozen=True, kw_only=True)
class Optics:
    """What is told about a fluorescence; empty for brightfield."""

    fluorophore: str | None = None
    emission_nm: float | None = None


@dataclass(frozen=True, kw_only=True)
class Scan:
    """One scanned region of a slide.

    Attributes
    ----------
    series
        Number of the image in the file.
    name
        What the scanner calls it.
    spacing
        Distance of pixel centres in µm.
    corner
        Where the outer corner of the first pixel lies on the slide, in µm; without
        it the first pixel's centre is the origin.
    magnification
        Of the objective.
    channels
        Names of the channels of a fluorescence scan.
    colour
        Which of red, green and blue carries the signal of a fluorescence that is
        stored in colour, -1 where the file does not say.
    modality
        Kind of microscopy, ``None`` where only the colours tell.
    optics
        Of a fluorescence scan.
    """

    series: int
    name: str
    spacing: Mapping[str, float]
    corner: Mapping[str, float] = field(default_factory=dict)
    magnification: float | None = None
    channels: tuple[str, ...] = ()
    colour: int | None = None
    modality: str | None = None
    optics: Optics = field(default_factory=Optics)


@dataclass(frozen=True, kw_only=True)
class Slide:
    """What a file holds.

    Attributes
    ----------
    vendor
        Maker of the scanner.
    scans
        The scanned regions.
    associated
        Numbers of the series that picture the label or the whole slide, by name.
    acquisition_time
        In ISO 8601.
    """

    vendor: str
    scans: tuple[Scan, ...]
    associated: Mapping[str, int] = field(default_factory=dict)
    acquisition_time: str | None = None


def slide_of(file: tifffile.TiffFile, path: Path, options: Options) -> Slide:
    """Return what an open slide holds.

    Raises
    ------
    UnreadableFile
        If no scanner's marks are found, or its metadata is damaged.
    """
    for mark, reader in _READERS.items():
        if getattr(file.pages.first, mark):
            return reader(file, path, options)
    raise UnreadableFile(f"{path} has no marks of a slide scanner")


def _aperio(file: tifffile.TiffFile, path: Path, options: Options) -> Slide:
    del path, options
    text = file.pages.first.description
    size = _number(_MPP.search(text))
    scan = Scan(
        series=0,
        name="Baseline",
        spacing={} if size is None else {"y": size, "x": size},
        magnification=_number(_APERIO_POWER.search(text)),
    )
    match = _APERIO_TIME.search(text)
    time = _time(" ".join(match.groups()), "%m/%d/%y %H:%M:%S") if match else None
    others = _others(file, {0})
    return Slide(
        vendor="Aperio", scans=(scan,), associated=others, acquisition_time=time
    )


def _hamamatsu(file: tifffile.TiffFile, path: Path, options: Options) -> Slide:
    del path, options
    tags = file.pages.first.tags
    dye = str(tags.valueof(_FLUORESCENCE) or "").strip("\0 ")
    wavelength = tags.valueof(_EMISSION)
    power = tags.valueof(_SOURCE_LENS)
    scans = []
    for number, series in enumerate(file.series):
        if series.name in ("Macro", "Map"):
            continue
        scan = Scan(
            series=number,
            name=series.name,
            spacing=resolution_of(series.keyframe),
            magnification=float(power) if power else None,
            channels=(dye,) if dye else (),
            colour=_hamamatsu_colour(str(tags.valueof(_PROPERTIES))) if dye else None,
            modality="fluorescence" if dye else None,
            optics=Optics(
                fluorophore=dye or None,
                emission_nm=float(wavelength) if dye and wavelength else None,
            ),
        )
        scans.append(scan)
    return Slide(
        vendor="Hamamatsu",
        scans=tuple(scans),
        associated=_others(file, {scan.series for scan in scans}),
        acquisition_time=_time(file.pages.first.tags.valueof("DateTime")),
    )


def _hamamatsu_colour(properties: str) -> int:
    """Return which colour carries the signal: the filter of the others is ``-``."""
    shares = [
        re.search(rf"Transmittance{colour}=([^\r\n;]*)", properties) for colour in "RGB"
    ]
    used = [i for i, m in enumerate(shares) if m and m.group(1).strip() not in "-"]
    return used[0] if len(used) == 1 else -1


def _leica(file: tifffile.TiffFile, path: Path, options: Options) -> Slide:
    del options
    root = parse_xml(file.pages.first.description.encode(), path)
    scans: list[Scan] = []
    associated: dict[str, int] = {}
    number = -1
    for collection in _named(root, "collection"):
        whole = (collection.get("sizeX"), collection.get("sizeY"))
        for image in _named(collection, "image"):
            number += len(list(_named(image, "pixels")))
            view = next(_named(image, "view"))
            if (view.get("sizeX"), view.get("sizeY")) == whole:
                associated[f"Overview {len(associated) + 1}"] = number
            else:
                shape = dict(
                    zip(
                        file.series[number].axes, file.series[number].shape, strict=True
                    )
                )
                scans.append(_leica_scan(image, view, number, shape))
    return Slide(vendor="Leica", scans=tuple(scans), associated=associated)


def _leica_scan(
    image: ElementTree.Element,
    view: ElementTree.Element,
    number: int,
    shape: Mapping[str, int],
) -> Scan:
    """Return one image; sizes and offsets of its view are in nm on the slide."""
    power = next(_inside(image, "objective"), None)
    light = next(_inside(image, "illuminationSource"), None)
    names = [c.get("name") or "" for c in _inside(image, "channel")]
    fluorescence = light is not None and "fluor" in (light.text or "").lower()
    spacing = {
        axis: float(view.get(f"size{axis.upper()}", 0))
        * _NANOMETRE
        / shape[axis.upper()]
        for axis in "yx"
    }
    corner = {
        axis: float(view.get(f"offset{axis.upper()}", 0)) * _NANOMETRE for axis in "yx"
    }
    return Scan(
        series=number,
        name=image.get("name") or f"image {number + 1}",
        spacing=spacing,
        corner=corner,
        magnification=float(power.text) if power is not None and power.text else None,
        channels=tuple(names),
        modality="fluorescence" if fluorescence else None,
    )


def _ventana(file: tifffile.TiffFile, path: Path, options: Options) -> Slide:
    scanner, joints = None, [0]
    for page in file.pages:
        xmp = page.aspage().tags.valueof(_XMP)
        if xmp is None or b"<iScan" not in bytes(xmp):
            continue
        root = parse_xml(bytes(xmp).rstrip(b"\0 "), path)
        scanner = next(_inside(root, "iScan"), scanner)
        joints += [
            abs(int(joint.get(key, "0")))
            for joint in _inside(root, "TileJointInfo")
            for key in ("OverlapX", "OverlapY")
        ]
    series = [n for n, s in enumerate(file.series) if s.name == "Baseline"]
    if not series:
        raise UnreadableFile(f"{path} holds no scan at full resolution")
    size = float(scanner.get("ScanRes", 0)) if scanner is not None else 0.0
    power = scanner.get("Magnification") if scanner is not None else None
    if max(joints):
        options.warn(
            f"the tiles of this Ventana slide overlap by up to {max(joints)} pixels "
            "and are shown side by side: lengths across their borders are too long"
        )
    scan = Scan(
        series=series[0],
        name="Baseline",
        spacing={"y": size, "x": size},
        magnification=float(power) if power else None,
    )
    others = _others(file, set(series))
    return Slide(vendor="Ventana", scans=(scan,), associated=others)


def _philips(file: tifffile.TiffFile, path: Path, options: Options) -> Slide:
    del options
    root = parse_xml(file.pages.first.description.encode(), path)
    spacing: dict[str, float] = {}
    for element in root.iterfind(_PHILIPS_SPACING):
        values = [float(v) for v in (element.text or "").replace('"', " ").split()]
        if len(values) == 2 and not spacing:
            # DICOM's order: the distance of rows, then of columns, in mm.
            spacing = {"y": values[0] * 1e3, "x": values[1] * 1e3}
    time = root.find(".//Attribute[@Name='DICOM_ACQUISITION_DATETIME']")
    stamp = (time.text or "").strip('" ')[:14] if time is not None else ""
    return Slide(
        vendor="Philips",
        scans=(Scan(series=0, name="Baseline", spacing=spacing),),
        associated=_others(file, {0}),
        acquisition_time=_time(stamp, "%Y%m%d%H%M%S"),
    )


def _akoya(file: tifffile.TiffFile, path: Path, options: Options) -> Slide:
    del options
    series = file.series[0]
    names, power = [], None
    for page in series.pages:
        root = parse_xml(page.aspage().description.encode(), path)
        name = root.findtext("Biomarker") or root.findtext("Name") or ""
        names.append(name)
        power = root.findtext(".//Objective") or power
    colours = series.axes.endswith("S")
    match = re.match(r"([0-9.]+)\s*[xX]", power or "")
    scan = Scan(
        series=0,
        name="Baseline",
        spacing=resolution_of(series.keyframe),
        magnification=_number(match),
        channels=() if colours else tuple(names),
        modality=None if colours else "fluorescence",
    )
    return Slide(vendor="Akoya", scans=(scan,), associated=_others(file, {0}))


_READERS: dict[str, Callable[[tifffile.TiffFile, Path, Options], Slide]] = {
    "is_svs": _aperio,
    "is_ndpi": _hamamatsu,
    "is_scn": _leica,
    "is_bif": _ventana,
    "is_philips": _philips,
    "is_qpi": _akoya,
}


def _others(file: tifffile.TiffFile, scans: set[int]) -> dict[str, int]:
    """Return the series that are no scans, by their names."""
    found: dict[str, int] = {}
    for number, series in enumerate(file.series):
        if number not in scans:
            name = series.name or "image"
            found[name if name not in found else f"{name} {number}"] = number
    return found


def _named(parent: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (child for child in parent if local_name(child.tag) == name)


def _inside(root: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (child for child in root.iter() if local_name(child.tag) == name)


def _number(match: re.Match[str] | None) -> float | None:
    return float(match.group(1)) if match else None


def _time(text: Any, form: str = "%Y:%m:%d %H:%M:%S") -> str | None:
    """Return a time in ISO 8601, ``None`` when it is written in another form."""
    try:
        return datetime.datetime.strptime(str(text), form).isoformat()
    except ValueError:
        return None
