"""Files of each format, written here, whose copies are damaged.

Formats that are among the test data have richer files there; these are written through
the format's own library or byte by byte.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import nibabel
import numpy as np
import pandas as pd
import pytest
import roifile
from landmark_texts import BIGWARP, BIGWARP_JSON, ELASTIX, PLACES, TRANSFORMIX
from laser_files import (
    pewlib_arrays,
    save_archive,
    write_agilent,
    write_icap_columns,
    write_icap_rows,
    write_nu,
    write_perkinelmer,
    write_tofwerk,
)
from microscope_writers import lif_image, write_lif, write_oib, write_oif
from slide_files import akoya, leica, philips, ventana

from nanoscape.io import write
from nanoscape.model import Image, ImageGroup, Points, Regions, Table, Tags

DATA = np.random.default_rng(8).integers(0, 4000, (2, 2, 3, 20, 30), dtype=np.uint16)
SIGNALS = np.random.default_rng(7).integers(0, 900, (3, 4, 6)).astype(float)
PLACED = pd.DataFrame({"label": [f"cell {i}" for i in range(40)]})
LEVELS = "line,gold_ug_per_g\n" + "".join(f"{i},{i / 2}\n" for i in range(40))
LASER = {"scan_speed": 40.0, "spot_size": 12.0}


@dataclass(frozen=True)
class Written:
    """A file or folder that is written into an empty folder and then opened.

    Attributes
    ----------
    format
        What it must be recognised as.
    write
        Writes into a folder.
    opened
        What in the folder is opened.
    victims
        Files that are damaged, one at a time; by default what is opened.
    given
        What a user must say of it.
    readable
        Whether it can be read when it is whole.
    """

    format: str
    write: Callable[[Path], object]
    opened: str
    victims: tuple[str, ...] = ()
    given: dict[str, Any] = field(default_factory=dict)
    readable: bool = True


def lif(folder: Path) -> None:
    pytest.importorskip("liffile")
    steps = {"T": 12.5, "Z": 1.5e-6, "Y": 0.3e-6, "X": 0.3e-6}
    image = lif_image("series", DATA, "TCZYX", steps, channels=("Blue", "Red"))
    write_lif(folder / "a.lif", [image])


def oib(folder: Path) -> None:
    pytest.importorskip("oiffile")
    write_oib(folder / "a.oib", DATA[:1])


def oif(folder: Path) -> None:
    pytest.importorskip("oiffile")
    write_oif(folder / "a.oif", DATA[:1])


def nifti(folder: Path) -> None:
    tags = Tags.of("user", subject="m1", weight_g=25.0)
    image = Image.from_array(DATA[0, 0], "zyx", spacing=2.0, name="PET", tags=tags)
    write(image, folder / "a.nii")


def ome_tiff(folder: Path) -> None:
    images = tuple(
        Image.from_array(DATA[0, channel], "zyx", spacing=2.0,
                         name=name, tags=Tags.of("user", subject="m1", weight_g=25.0))
        for channel, name in enumerate(("CD31", "Drug"))
    )  # fmt: skip
    group = ImageGroup(images=images, coordinate="channel", name="pair")
    write(group, folder / "a.ome.tif")


def parrec(folder: Path) -> None:
    data = Path(nibabel.__file__).parent / "tests" / "data"
    if not data.exists():
        pytest.skip("nibabel is installed without its test files")
    for suffix in (".PAR", ".REC"):
        shutil.copy((data / PHILIPS).with_suffix(suffix), folder)


def metaimage_in_two_files(folder: Path) -> None:
    header = (
        "ObjectType = Image\nNDims = 3\nDimSize = 5 4 3\nElementType = MET_SHORT\n"
        "ElementSpacing = 1 1 2\nElementDataFile = a.raw\n"
    )
    (folder / "a.mhd").write_text(header)
    (folder / "a.raw").write_bytes(np.arange(60, dtype="<i2").tobytes())


def freesurfer(folder: Path, name: str) -> None:
    rng = np.random.default_rng(5)
    values = rng.integers(0, 99, (4, 5, 6)).astype(np.int16)
    nibabel.save(nibabel.MGHImage(values, np.diag([0.3, 0.3, -2, 1])), folder / name)


def text(folder: Path, name: str, content: str) -> None:
    (folder / name).write_text(content, encoding="utf-8")


def outlines(folder: Path) -> None:
    rng = np.random.default_rng(5)
    regions = Regions(
        polygons=tuple(rng.uniform(-50, 50, (n, 2)) for n in (3, 7, 4)),
        names=("a", "b", "b"),
        holes=((), (rng.uniform(-1, 1, (3, 2)), rng.uniform(2, 3, (5, 2))), ()),
        axes="yx",
        space="slide",
        name="drawn by hand",
        table=pd.DataFrame({"classification": ["Tumour", None, None]}),
    )
    write(regions, folder / "a.geojson", pixel_size=1.0)


def selection(folder: Path, name: str) -> None:
    rng = np.random.default_rng(5)
    roi = roifile.ImagejRoi.frompoints(rng.random((30, 2)) * 99)
    if name.endswith(".roi"):
        roi.tofile(folder / name)
        return
    with zipfile.ZipFile(folder / name, "w") as archive:
        for number in range(3):
            archive.writestr(f"{number}.roi", roi.tobytes())


def cells(folder: Path, name: str) -> None:
    rng = np.random.default_rng(5)
    places = rng.normal(0, 1, (40, 2))
    points = Points(coordinates=places, axes="yx", space="s", name="p", table=PLACED)
    write(points, folder / name)


def table(folder: Path) -> None:
    write(Table(data=PLACED, name="t"), folder / "t.parquet")


def matrix(folder: Path) -> None:
    np.savetxt(folder / "a_Au197.csv", SIGNALS[0], delimiter=",")


def pewlib(folder: Path) -> None:
    kinds = [("intercept", "f8"), ("gradient", "f8"), ("unit", "U8")]
    calibration = np.array(
        [("P31", (0.0, 2.0, "ug/g"))], [("element", "U5"), ("calibration", kinds)]
    )
    arrays = pewlib_arrays(SIGNALS) | {"calibration": calibration}
    save_archive(folder / "a.npz", **arrays)


def tofwerk(folder: Path) -> None:
    raster = np.moveaxis(SIGNALS, 0, -1)[:, :, np.newaxis]
    write_tofwerk(folder / "a.h5", raster, 0.6, 25000.0)


def photoacoustic(folder: Path) -> None:
    with h5py.File(folder / "a.hdf5", "w") as file:
        file["raw_data"] = np.zeros((1, 2, 8, 30))
        file["wavelengths"] = [700.0, 800.0]
        file["speedofsound"] = 1500.0


PHILIPS = "phantom_EPI_asc_CLEAR_2_1"
AGILENT = ("a.b/BatchLog.csv", "a.b/002.d/002.csv")
NU = tuple(
    f"nu/{name}"
    for name in (
        "laser.info",
        "00002/run.info",
        "00002/integrated.index",
        "00002/1.integ",
    )
)
UNIT = {"pixel_size": 0.5}
SIZED = {"pixel_size": 5.0, "spot_size": 12.0}

WRITTEN = (
    Written("nifti", nifti, "a.nii"),
    Written("ome-tiff", ome_tiff, "a.ome.tif"),
    Written("lif", lif, "a.lif"),
    Written("olympus", oib, "a.oib"),
    Written("olympus", oif, "a.oif", ("a.oif", "a.oif.files/s_C001Z002T001.tif")),
    *(
        Written("slide", lambda folder, of=of: of(folder / "a.tif"), "a.tif", (), UNIT)
        for of in (philips, leica, ventana, akoya)
    ),
    Written("parrec", parrec, f"{PHILIPS}.PAR", (f"{PHILIPS}.PAR", f"{PHILIPS}.REC")),
    Written("metaimage", metaimage_in_two_files, "a.mhd", ("a.mhd", "a.raw")),
    *(Written("mgh", partial(freesurfer, name=n), n) for n in ("a.mgh", "a.mgz")),
    Written("msot", photoacoustic, "a.hdf5", readable=False),
    Written(
        "laicpms-lines",
        lambda f: write_perkinelmer(f / "xl", SIGNALS, "ablation.speed=0.1\n"),
        "xl",
        ("xl/line_2.xl", "xl/parameters.conf"),
        LASER,
    ),
    Written(
        "laicpms-lines",
        lambda f: write_agilent(f / "a.b", SIGNALS, (1, 2, 3, 4)),
        "a.b",
        AGILENT,
        LASER,
    ),
    Written(
        "laicpms-icap",
        lambda f: write_icap_columns(f / "a.csv", SIGNALS),
        "a.csv",
        (),
        SIZED,
    ),
    Written(
        "laicpms-icap",
        lambda f: write_icap_rows(f / "a.csv", SIGNALS),
        "a.csv",
        (),
        SIZED,
    ),
    Written(
        "laicpms-nu",
        lambda f: write_nu(f / "nu", SIGNALS, (31.0, 158.0, 197.0)),
        "nu",
        NU,
        LASER,
    ),
    Written("laicpms-matrix", matrix, "a_Au197.csv", (), SIZED),
    Written("laicpms-npz", pewlib, "a.npz", (), SIZED),
    Written("tofwerk", tofwerk, "a.h5", (), SIZED),
    Written("geojson", outlines, "a.geojson"),
    *(
        Written("imagej-roi", partial(selection, name=name), name, (), UNIT)
        for name in ("a.roi", "RoiSet.zip")
    ),
    *(
        Written(kind, partial(text, name=name, content=content), name, (), UNIT)
        for kind, name, content in (
            ("bigwarp", "a.csv", BIGWARP),
            ("bigwarp", "a.json", BIGWARP_JSON),
            ("elastix-points", "a.pts", ELASTIX),
            ("elastix-points", "a.txt", TRANSFORMIX),
            ("landmarks", "b.csv", PLACES),
            ("arterial-input", "c.csv", "time_s,plasma_mM\n0,0\n8,4.2\n16,3\n"),
            ("lists", "d.csv", LEVELS),
        )
    ),
    Written("points", partial(cells, name="p.csv"), "p.csv"),
    Written("parquet", partial(cells, name="p.parquet"), "p.parquet"),
    Written("parquet", table, "t.parquet"),
)
