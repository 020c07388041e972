"""Which formats there are; a format's module is imported when it is first needed."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from nanoscape.errors import WrongInput
from nanoscape.io.opening import Options, Readable


class FormatModule(Protocol):
    """What the module of a format offers."""

    def sniff(self, path: Path) -> bool:
        """Tell by its content whether a file is of this format; never raises."""
        ...

    def read(self, path: Path, options: Options) -> Sequence[Readable]:
        """Return what a file holds."""
        ...


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes
    ----------
    name
        Short name, such as ``"ome-tiff"``.
    title
        Plain words for the window.
    module
        Import path of the module with ``sniff`` and ``read``.
    patterns
        Names that such files usually have; reading goes by content.
    broad
        Whether the patterns also match many files of other kinds, so that other
        programs offer themselves for them.
    line_scan
        Whether a laser ran over the specimen line by line, so that scan speed and
        spot size make a pixel.
    """

    name: str
    title: str
    module: str
    patterns: tuple[str, ...]
    broad: bool = False
    line_scan: bool = False

    def load(self) -> FormatModule:
        """Import the module."""
        return cast(FormatModule, importlib.import_module(self.module))


FORMATS = (
    # Before TIFF, because the preamble of a DICOM file may look like TIFF (PS3.10).
    Format("dicom", "DICOM", "nanoscape.io.dicom.reader", ("*.dcm",)),
    Format(
        "ome-tiff",
        "OME-TIFF microscopy image",
        "nanoscape.io.microscopy.ome_tiff",
        ("*.ome.tif", "*.ome.tiff"),
        broad=True,
    ),
    Format(
        "slide",
        "Whole slide (Aperio, Hamamatsu, Leica, Ventana, Philips, Akoya)",
        "nanoscape.io.microscopy.slide",
        ("*.svs", "*.ndpi", "*.scn", "*.bif", "*.qptiff"),
    ),
    Format(
        "tiff",
        "TIFF or ImageJ stack",
        "nanoscape.io.microscopy.tiff",
        ("*.tif", "*.tiff"),
        broad=True,
    ),
    Format(
        "czi", "Zeiss CZI image", "nanoscape.io.microscopy.czi", ("*.czi",), broad=True
    ),
    Format("nd2", "Nikon ND2 image", "nanoscape.io.microscopy.nd2_file", ("*.nd2",)),
    Format("lif", "Leica LIF project", "nanoscape.io.microscopy.lif", ("*.lif",)),
    Format(
        "olympus",
        "Olympus OIB or OIF image",
        "nanoscape.io.microscopy.olympus",
        ("*.oib", "*.oif"),
    ),
    Format("imaris", "Imaris image", "nanoscape.io.microscopy.imaris", ("*.ims",)),
    Format(
        "bdv",
        "BigDataViewer image (XML and HDF5)",
        "nanoscape.io.microscopy.bdv",
        ("*.xml", "*.h5"),
        broad=True,
    ),
    Format(
        "ome-zarr",
        "OME-Zarr image or labels",
        "nanoscape.io.microscopy.ome_zarr",
        ("*.ome.zarr", "*.zarr"),
        broad=True,
    ),
    Format(
        "nifti",
        "NIfTI volume",
        "nanoscape.io.volumes.nifti",
        ("*.nii", "*.nii.gz"),
        broad=True,
    ),
    Format(
        "metaimage",
        "MetaImage volume or ultrasound sequence",
        "nanoscape.io.volumes.metaimage",
        ("*.mha", "*.mhd"),
        broad=True,
    ),
    Format(
        "nrrd",
        "NRRD volume or segmentation",
        "nanoscape.io.volumes.nrrd",
        ("*.nrrd", "*.nhdr"),
        broad=True,
    ),
    Format("mgh", "FreeSurfer volume", "nanoscape.io.volumes.mgh", ("*.mgh", "*.mgz")),
    Format(
        "parrec",
        "Philips MR image",
        "nanoscape.io.volumes.parrec",
        ("*.par",),
        broad=True,
    ),
    Format(
        "bruker",
        "Bruker ParaVision MR image",
        "nanoscape.io.volumes.bruker",
        ("2dseq",),
    ),
    Format(
        "imzml",
        "imzML mass spectrometry image",
        "nanoscape.io.spectrometry.imzml",
        ("*.imzML",),
    ),
    Format(
        "inveon", "Siemens Inveon image", "nanoscape.io.volumes.inveon", ("*.img.hdr",)
    ),
    Format(
        "interfile",
        "Interfile image",
        "nanoscape.io.volumes.interfile",
        ("*.hv", "*.h33"),
    ),
    Format("ecat", "ECAT 7 volume", "nanoscape.io.volumes.ecat", ("*.v",), broad=True),
    Format(
        "msot",
        "Photoacoustic raw signals",
        "nanoscape.io.volumes.msot",
        ("*.msot", "*.nod", "*.hdf5"),
        broad=True,
    ),
    Format(
        "imc-mcd",
        "Imaging mass cytometry slide",
        "nanoscape.io.spectrometry.imc_mcd",
        ("*.mcd",),
    ),
    Format(
        "imc-txt",
        "Imaging mass cytometry acquisition as text",
        "nanoscape.io.spectrometry.imc_txt",
        ("*.txt",),
        broad=True,
    ),
    Format(
        "arterial-input",
        "Table of times and contrast agent in blood",
        "nanoscape.io.tables.arterial_csv",
        ("*.csv",),
        broad=True,
    ),
    Format(
        "laicpms-lines",
        "LA-ICP-MS lines (PerkinElmer, Agilent, CSV)",
        "nanoscape.io.spectrometry.laicpms_lines",
        ("*.b", "*.xl", "*.csv"),
        broad=True,
        line_scan=True,
    ),
    Format(
        "laicpms-icap",
        "LA-ICP-MS lines exported from Qtegra",
        "nanoscape.io.spectrometry.laicpms_icap",
        ("*.csv",),
        broad=True,
        line_scan=True,
    ),
    Format(
        "laicpms-npz",
        "LA-ICP-MS image saved by pewlib",
        "nanoscape.io.spectrometry.laicpms_npz",
        ("*.npz",),
        broad=True,
        line_scan=True,
    ),
    Format(
        "laicpms-nu",
        "LA-ICP-MS lines of a Nu Vitesse",
        "nanoscape.io.spectrometry.laicpms_nu",
        ("laser.info",),
        broad=True,
        line_scan=True,
    ),
    Format(
        "tofwerk",
        "Tofwerk icpTOF image",
        "nanoscape.io.spectrometry.tofwerk",
        ("*.h5",),
        broad=True,
        line_scan=True,
    ),
    Format(
        "laicpms-matrix",
        "LA-ICP-MS image as a table of numbers",
        "nanoscape.io.spectrometry.laicpms_matrix",
        ("*.csv", "*.txt"),
        broad=True,
        line_scan=True,
    ),
    Format(
        "geojson",
        "GeoJSON outlines and points",
        "nanoscape.io.annotations.geojson",
        ("*.geojson",),
        broad=True,
    ),
    Format(
        "imagej-roi",
        "ImageJ selections",
        "nanoscape.io.annotations.imagej_roi",
        ("*.roi", "RoiSet*.zip"),
        broad=True,
    ),
    Format(
        "bigwarp",
        "BigWarp landmarks",
        "nanoscape.io.annotations.bigwarp",
        ("*.bigwarp.csv",),
    ),
    Format(
        "elastix-points",
        "elastix or transformix points",
        "nanoscape.io.annotations.elastix_points",
        ("*.pts", "outputpoints.txt"),
        broad=True,
    ),
    Format(
        "parquet",
        "Table or points written here",
        "nanoscape.io.tables.parquet",
        ("*.parquet",),
        broad=True,
    ),
    Format(
        "picture",
        "PNG or JPEG picture",
        "nanoscape.io.microscopy.picture",
        ("*.png", "*.jpg", "*.jpeg"),
        broad=True,
    ),
    Format(
        "landmarks",
        "Pairs of landmarks",
        "nanoscape.io.annotations.landmarks_csv",
        ("*.csv",),
        broad=True,
    ),
    Format(
        "lists",
        "List of standards or ions",
        "nanoscape.io.tables.lists",
        ("*.csv", "*.tsv", "*.txt"),
        broad=True,
    ),
    # Last, because many tables have columns for x and y.
    Format(
        "points",
        "Table of points",
        "nanoscape.io.annotations.points_csv",
        ("*.csv",),
        broad=True,
    ),
)
"""Every format, in the order in which they are asked."""


def format_named(name: str) -> Format:
    """Return a format by its name.

    Raises
    ------
    WrongInput
        If there is none.
    """
    for candidate in FORMATS:
        if candidate.name == name:
            return candidate
    names = ", ".join(candidate.name for candidate in FORMATS)
    raise WrongInput(f"no format is called {name!r}", f"one of {names}")


def recognise(path: Path) -> Format | None:
    """Return the first format whose content test accepts a file or folder."""
    return next((f for f in FORMATS if f.load().sniff(path)), None)
