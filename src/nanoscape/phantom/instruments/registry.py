"""All instruments, and what a study needs to know of each.

Those of sections, those of uncut blocks and those of whole animals.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from nanoscape.compute import Task
from nanoscape.phantom.animal import Animal, Voxels
from nanoscape.phantom.block import TumourBlock, View
from nanoscape.phantom.instruments import (
    confocal,
    ct,
    dce,
    fluorescence,
    histology,
    imc,
    laser,
    lightsheet,
    maldi,
    pet,
    spect,
    ultrasound,
    ultrasound_settings,
)
from nanoscape.phantom.instruments.volumes import Map
from nanoscape.phantom.specimen import Specimen

Tags = dict[str, str]


@dataclass(frozen=True)
class Instrument:
    """An instrument that looks at sections.

    Attributes
    ----------
    number
        Never changes: from it come its random numbers and which section it gets.
    modality
        As studies name it.
    ending
        Of its file, after the name of the section.
    settings
        A dataclass of its own.
    write
        Called with path, specimen, settings and task.
    truth
        Called with specimen and settings; returns maps by name.
    pitch_um
        Distance of rows and columns of these maps.
    tags
        What is known of the file, and of its images by their names.
    extra
        Files beside the first, by their endings, written in the same way.
    blocks
        Whether images are rendered in blocks, on all cores at once.
    about
        Called with specimen and settings; returns what else is true, in plain values.
    """

    number: int
    modality: str
    ending: str
    settings: Any
    write: Callable[[Path, Specimen, Any, Task | None], None]
    truth: Callable[[Specimen, Any], dict[str, NDArray[Any]]]
    pitch_um: tuple[float, float]
    tags: Tags = field(default_factory=dict)
    images: dict[str, Tags] = field(default_factory=dict)
    extra: dict[str, Callable[[Path, Specimen, Any, Task | None], None]] = field(
        default_factory=dict
    )
    blocks: bool = False
    about: Callable[[Specimen, Any], dict[str, Any]] | None = None

    def describe(self) -> dict[str, Any]:
        """Return its settings in plain values."""
        return {"modality": self.modality, **asdict(self.settings)}


def instruments(slide_pixel_um: float) -> dict[str, Instrument]:
    """Return all instruments by name.

    Parameters
    ----------
    slide_pixel_um
        Pixels of slide scanners.
    """
    scanner = fluorescence.SlideScanner(pixel_um=slide_pixel_um)
    brightfield = histology.Brightfield(pixel_um=slide_pixel_um)
    spectrometer, ablation = maldi.Maldi(), laser.Laser()
    support = fluorescence.SUPPORT * slide_pixel_um
    return {
        "fluorescence": Instrument(
            0,
            "fluorescence",
            "_slide.ome.tif",
            scanner,
            fluorescence.write,
            fluorescence.truth,
            (support, support),
            images={
                "DAPI": {"role": "Nuclei", "stain": "DAPI"},
                "CD31": {"role": "Vessels", "stain": "CD31"},
                "lectin": {"role": "Perfusion", "stain": "lectin"},
                "pimonidazole": {"role": "Hypoxia", "stain": "pimonidazole"},
                "carrier": {"role": "Carrier", "analyte": "carrier"},
                "doxorubicin": {"role": "Drug", "analyte": "doxorubicin"},
            },
            blocks=True,
        ),
        "histology": Instrument(
            1,
            "H&E",
            "_histology.ome.tif",
            brightfield,
            histology.write,
            histology.truth,
            (support, support),
            tags={"stain": "H&E", "role": "Anatomy"},
            blocks=True,
        ),
        "maldi": Instrument(
            2,
            "MALDI",
            "_maldi.imzML",
            spectrometer,
            maldi.write,
            maldi.truth,
            (spectrometer.pixel_um,) * 2,
        ),
        "laser": Instrument(
            3,
            "LA-ICP-MS",
            "_laser",
            ablation,
            laser.write,
            laser.truth,
            (ablation.spot_um, ablation.step_um),
            images={"Au197": {"role": "Carrier", "analyte": "gold"}},
            extra={"_standards": laser.write_standards},
        ),
        "imc": _cytometer(),
    }


def _cytometer() -> Instrument:
    cytometer = imc.Imc()
    return Instrument(
        4,
        "IMC",
        "_imc.mcd",
        cytometer,
        imc.write,
        imc.truth,
        (cytometer.pixel_um,) * 2,
        images={
            "DNA1": {"role": "Nuclei", "stain": "DNA1"},
            "DNA2": {"role": "Nuclei", "stain": "DNA2"},
            "CD31": {"role": "Vessels", "stain": "CD31"},
            "pimonidazole": {"role": "Hypoxia", "stain": "pimonidazole"},
            "CAIX": {"role": "Hypoxia", "stain": "CAIX"},
            "gold": {"role": "Carrier", "analyte": "gold"},
            "panorama": {"role": "Anatomy"},
        },
        about=imc.about,
    )


@dataclass(frozen=True)
class BlockInstrument:
    """An instrument that looks at the uncut block of a tumour, in volumes.

    Attributes
    ----------
    number
        Never changes: from it come its random numbers.
    modality
        As studies name it.
    ending
        Of its file, after the name of the lesion.
    settings
        A dataclass of its own.
    write
        Called with path, block, settings and task; renders tiles on all cores.
    truth
        Called with block, settings and task; returns maps by name.
    view
        Called with block and settings; returns voxels and their places in the tumour.
    images
        What is known of its images, by their names.
    """

    number: int
    modality: str
    ending: str
    settings: Any
    write: Callable[[Path, TumourBlock, Any, Task | None], None]
    truth: Callable[[TumourBlock, Any, Task | None], dict[str, Map]]
    view: Callable[[TumourBlock, Any], View]
    images: dict[str, Tags]

    def describe(self) -> dict[str, Any]:
        """Return its settings in plain values."""
        return {"modality": self.modality, **asdict(self.settings)}


def block_instruments() -> dict[str, BlockInstrument]:
    """Return all instruments for uncut blocks by name."""
    vessels = {"role": "Vessels", "stain": "CD31"}
    carrier = {"role": "Carrier", "analyte": "carrier"}
    return {
        "confocal": BlockInstrument(
            0,
            "confocal",
            "_confocal.ome.tif",
            confocal.Confocal(),
            confocal.write,
            confocal.truth,
            confocal.view_of,
            {
                "DAPI": {"role": "Nuclei", "stain": "DAPI"},
                "CD31": vessels,
                "lectin": {"role": "Perfusion", "stain": "lectin"},
                "carrier": carrier,
                "doxorubicin": {"role": "Drug", "analyte": "doxorubicin"},
            },
        ),
        "lightsheet": BlockInstrument(
            1,
            "light sheet",
            "_lightsheet.ome.zarr",
            lightsheet.LightSheet(),
            lightsheet.write,
            lightsheet.truth,
            lightsheet.view_of,
            {
                "CD31": vessels,
                "carrier": carrier,
                "autofluorescence": {"role": "Anatomy"},
            },
        ),
    }


@dataclass(frozen=True)
class Scanner:
    """An instrument that looks at whole animals.

    Attributes
    ----------
    modality
        As studies name it.
    settings
        A dataclass of its own.
    files
        What writes each file, by its ending; called with path, animal, settings and
        task.
    truth
        Called with animal and settings; returns volumes by name.
    voxels
        Of these volumes.
    tags
        What is known of each file, by its ending.
    tables
        What writes tables beside the files, in the same way.
    films
        Called like ``truth``; returns what changes from frame to frame, in pixels that
        cover the same field and may be coarser.
    about
        Called like ``truth``; returns what else is true, in plain values.
    """

    modality: str
    settings: Any
    files: dict[str, Callable[[Path, Animal, Any, Task | None], None]]
    truth: Callable[[Animal, Any], dict[str, NDArray[Any]]]
    voxels: Voxels
    tags: dict[str, Tags]
    tables: dict[str, Callable[[Path, Animal, Any, Task | None], None]] = field(
        default_factory=dict
    )
    films: Callable[[Animal, Any], dict[str, NDArray[Any]]] | None = None
    about: Callable[[Animal, Any], dict[str, Any]] | None = None

    def describe(self) -> dict[str, Any]:
        """Return its settings in plain values."""
        return {"modality": self.modality, **asdict(self.settings)}


def scanners() -> dict[str, Scanner]:
    """Return all scanners of whole animals by name."""
    carrier = {"role": "Carrier"}
    at = {
        f"_spect_{hours:g}h.dcm": functools.partial(spect.write, hours=hours)
        for hours in spect.HOURS
    }
    counted = {ending: {**carrier, "analyte": "111In"} for ending in at}
    return {
        "pet": Scanner(
            "PT",
            pet.Pet(),
            {"_pet": pet.write},
            pet.truth,
            pet.VOXELS,
            {"_pet": {**carrier, "analyte": "64Cu"}},
        ),
        "spect": Scanner(
            "NM",
            spect.Spect(),
            {**at, "_spect_calibration.dcm": spect.write_calibration},
            spect.truth,
            spect.VOXELS,
            {**counted, "_spect_calibration.dcm": {"scan": "calibration"}},
        ),
        "ct": Scanner(
            "CT",
            ct.Ct(),
            {"_ct": ct.write},
            ct.truth,
            ct.VOXELS,
            {"_ct": {"role": "Anatomy"}},
        ),
        "dce": Scanner(
            "MR",
            dce.Dce(),
            {"_dce.nii": dce.write, "_t1.nii": dce.write_t1},
            dce.truth,
            dce.VOXELS,
            {"_dce.nii": {"scan": "dynamic"}, "_t1.nii": {"scan": "T1 in ms"}},
            {"_dce_input.csv": dce.write_input},
        ),
        "ultrasound": _ultrasound(),
    }


def _ultrasound() -> Scanner:
    echo = ultrasound_settings.Ultrasound()
    return Scanner(
        "US",
        echo,
        {
            f"_ultrasound_{mode}.dcm": functools.partial(ultrasound.write, mode=mode)
            for mode in ultrasound_settings.MODES
        },
        ultrasound.truth,
        echo.voxels,
        {
            "_ultrasound_bmode.dcm": {"role": "Anatomy", "scan": "B-mode"},
            "_ultrasound_contrast.dcm": {
                "role": "Perfusion",
                "scan": "dynamic",
                "analyte": "microbubbles",
            },
        },
        films=ultrasound.films,
        about=ultrasound.about,
    )


NAMES = (*instruments(1.0), *block_instruments(), *scanners())
"""Of all instruments."""

USUAL = (
    "fluorescence",
    "histology",
    "maldi",
    "laser",
    "pet",
    "spect",
    "ct",
    "dce",
)
"""What a study has unless others are asked for: all that fits into a minute."""
