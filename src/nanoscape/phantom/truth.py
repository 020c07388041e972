"""Reading the truth of a simulated study back. No analysis does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pandas as pd
import tifffile

from nanoscape.errors import UnreadableFile
from nanoscape.model import Affine, Image, Labels, Landmarks, Quantity, Study
from nanoscape.phantom.warp import Raster, Warp

FOLDER = "truth"
FLAWED = "flawed_clicks"


@dataclass(frozen=True, eq=False)
class SectionTruth:
    """What is true of one section.

    Attributes
    ----------
    name
        Subject and section, such as ``"m1_s1"``.
    folder
        Where its files lie.
    values
        Numbers, as in ``truth.json``.
    """

    name: str
    folder: Path
    values: dict[str, Any]

    @property
    def slide_space(self) -> str:
        """Name of the slide's space."""
        return f"{self.name}_slide"

    def mask(self, name: str) -> Labels:
        """Return a mask on the slide's grid.

        Parameters
        ----------
        name
            ``"vessels"`` (the diameter class), ``"objects"`` (the number of the
            tree), ``"perfused"``, ``"tissue"`` or ``"necrosis"``.
        """
        array = self._plane(name)
        return Labels.from_array(
            da.from_array(array, chunks=1024),
            "yx",
            spacing=self.values["pixel_um"],
            space=self.slide_space,
            name=name,
        )

    def field(self, name: str) -> Image:
        """Return a noise-free field at every fourth pixel of the slide.

        Parameters
        ----------
        name
            ``"distance"`` to the wall of the nearest perfused vessel in µm,
            ``"carrier"`` or ``"drug"``.
        """
        array = self._plane(name)
        unit = "µm" if name == "distance" else "a.u."
        return Image.from_array(
            da.from_array(array, chunks=1024),
            "yx",
            spacing=self.values["field_step_um"],
            space=self.slide_space,
            name=name,
            quantity=Quantity(name, unit),
        )

    def table(self, name: str) -> pd.DataFrame:
        """Return ``"segments"``, ``"nuclei"`` or ``"spots"``."""
        return pd.read_csv(self.folder / f"{self.name}_{name}.csv")

    def raster(self, instrument: str) -> Raster:
        """Return where the pixels of ``"maldi"`` or ``"gold"`` lie on the slide."""
        values = self.values["instruments"][instrument]
        waves = values["waves"]
        warp = Warp(
            Affine.from_dict(values["affine"]),
            np.array(waves["amplitudes_um"], dtype=np.float64).reshape(-1, 2),
            np.array(waves["frequencies_per_um"], dtype=np.float64).reshape(-1, 2),
            np.array(waves["phases"], dtype=np.float64),
        )
        rows, columns = values["shape"]
        return Raster(warp, (rows, columns), values["pixel_um"])

    def landmarks(self, instrument: str) -> Landmarks:
        """Return the landmarks of an instrument as they lie, without clicking."""
        table = self.table(f"{instrument}_landmarks")
        return Landmarks(
            moving=table[["moving_y_um", "moving_x_um"]].to_numpy(),
            fixed=table[["slide_y_um", "slide_x_um"]].to_numpy(),
            moving_space=f"{self.name}_{instrument}",
            fixed_space=self.slide_space,
            names=tuple(table["name"]),
            click_error_um=0.0,
        )

    def _plane(self, name: str) -> Any:
        path = self.folder / f"{self.name}_{name}.ome.tif"
        return np.squeeze(tifffile.imread(path))


@dataclass(frozen=True, eq=False)
class StudyTruth:
    """What is true of a study.

    Attributes
    ----------
    values
        Numbers of the whole study, as in ``truth.json``.
    sections
        By name, such as ``"m1_s1"``.
    """

    values: dict[str, Any]
    sections: dict[str, SectionTruth]

    def section(self, subject: str, section: str) -> SectionTruth:
        """Return the truth of a section by the tags of its sources."""
        return self.sections[f"{subject}_{section}"]


def read_truth(study: Path) -> StudyTruth:
    """Read the truth of a simulated study.

    Parameters
    ----------
    study
        Folder of the study.

    Raises
    ------
    UnreadableFile
        If the study is not a simulated one.
    """
    folder = Path(study) / FOLDER
    try:
        text = (folder / "truth.json").read_text(encoding="utf-8")
        values = json.loads(text)
    except (OSError, ValueError) as error:
        raise UnreadableFile(
            f"{study} has no readable truth", "a simulated study"
        ) from error
    sections = {
        name: SectionTruth(name, folder, section)
        for name, section in values.pop("sections").items()
    }
    return StudyTruth(values, sections)


def read_flawed_clicks(study: Path) -> dict[str, Landmarks]:
    """Return landmarks clicked in wrong order or on a mirrored image, by name.

    Their tag ``flaw`` says which; they are kept beside the study, whose own
    landmarks are sound.
    """
    return Study.load(Path(study) / FLAWED).landmarks
