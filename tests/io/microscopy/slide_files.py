"""Whole slides of several makers, synthetic, written with tifffile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile

RNG = np.random.default_rng(11)
SCAN = RNG.integers(0, 250, (1024, 768, 3)).astype(np.uint8)
HALF = SCAN[::2, ::2].copy()
PHOTO = RNG.integers(0, 250, (60, 90, 3)).astype(np.uint8)
TILES: dict[str, Any] = {"tile": (256, 256), "photometric": "rgb", "metadata": None}
PLAIN: dict[str, Any] = {"photometric": "rgb", "metadata": None}


def philips(path: Path) -> None:
    def level(millimetres: float) -> str:
        return (
            '<DataObject ObjectType="PixelDataRepresentation"><Attribute '
            f'Name="DICOM_PIXEL_SPACING">"{millimetres}" "{millimetres}"</Attribute>'
            "</DataObject>"
        )

    text = (
        '<?xml version="1.0"?><DataObject ObjectType="DPUfsImport"><Attribute '
        'Name="DICOM_ACQUISITION_DATETIME">"20260105101500.000000"</Attribute>'
        '<Attribute Name="PIIM_PIXEL_DATA_REPRESENTATION_SEQUENCE"><Array>'
        f"{level(0.00025)}{level(0.0005)}</Array></Attribute></DataObject>"
    )
    with tifffile.TiffWriter(path) as file:
        file.write(
            SCAN, description=text, software="Philips DP v1.0", subfiletype=0, **TILES
        )
        # Philips fills coarser levels up to whole tiles.
        filled = np.pad(HALF, ((0, 0), (0, 128), (0, 0)))
        file.write(filled, description="level=1", subfiletype=1, **TILES)
        file.write(PHOTO, description="Macro -offset=(0,0)", **PLAIN)
        file.write(PHOTO, description="Label", **PLAIN)


def leica(path: Path) -> None:
    def image(name: str, view: str, first: int, shape: tuple[int, ...]) -> str:
        return (
            f'<image name="{name}"><creationDate>2026-01-05T10:15:00Z</creationDate>'
            f'<pixels sizeX="{shape[1]}" sizeY="{shape[0]}">'
            f'<dimension sizeX="{shape[1]}" sizeY="{shape[0]}" r="0" ifd="{first}"/>'
            f"</pixels><view {view}/><scanSettings><objectiveSettings><objective>20"
            "</objective></objectiveSettings><illuminationSettings>"
            "<illuminationSource>brightfield</illuminationSource>"
            "</illuminationSettings></scanSettings></image>"
        )

    whole = 'sizeX="26000000" sizeY="76000000" offsetX="0" offsetY="0"'
    part = 'sizeX="384000" sizeY="512000" offsetX="2000000" offsetY="3000000"'
    text = (
        '<?xml version="1.0"?><scn xmlns="http://www.leica-microsystems.com/scn/'
        '2010/10/01"><collection name="c" sizeX="26000000" sizeY="76000000">'
        + image("overview", whole, 0, PHOTO.shape)
        + image("tissue 1", part, 1, SCAN.shape)
        + image("tissue 2", part.replace("2000000", "8000000"), 2, SCAN.shape)
        + "</collection></scn>"
    )
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        file.write(PHOTO, description=text, **PLAIN)
        file.write(SCAN, **TILES)
        file.write(SCAN, **TILES)


def ventana(path: Path, overlap: int = 0) -> None:
    xml = (
        "<EncodeInfo><SlideInfo><iScan Magnification='40' ScanRes='0.2325'/>"
        "</SlideInfo><SlideStitchInfo><ImageInfo><TileJointInfo FlagJoined='1' "
        f"OverlapX='{overlap}' OverlapY='0'/></ImageInfo></SlideStitchInfo>"
        "</EncodeInfo>"
    ).encode()
    label = b"<Metadata><iScan Magnification='40' ScanRes='0.2325'/></Metadata>"
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        for data, text, xmp, options in (
            (PHOTO, "Label_Image", label, PLAIN),
            (SCAN, "level=0 mag=40 quality=90", xml, TILES),
            (HALF, "level=1 mag=20 quality=90", None, TILES),
        ):
            tags = [] if xmp is None else [(700, 1, len(xmp), xmp, True)]
            file.write(
                data,
                description=text,
                software="ScanOutputManager 1.1",
                extratags=tags,
                **options,
            )


def akoya(path: Path) -> None:
    planes = SCAN.transpose(2, 0, 1).astype(np.uint16)
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        for factor in (1, 0, 2):
            data = planes[:, ::factor, ::factor] if factor else PHOTO[np.newaxis]
            for plane, name in zip(data, ("DAPI", "CD31", "Opal 690"), strict=False):
                text = (
                    "<PerkinElmer-QPI-ImageDescription>"
                    f"<Name>{name}</Name><ScanProfile><Objective>20x</Objective>"
                    "</ScanProfile></PerkinElmer-QPI-ImageDescription>"
                )
                file.write(
                    plane,
                    description=text,
                    software="PerkinElmer-QPI",
                    resolution=(20000, 20000),
                    resolutionunit="CENTIMETER",
                    metadata=None,
                    tile=(256, 256) if factor else None,
                    photometric="minisblack" if factor else "rgb",
                )
