"""Mass spectra on the stained section: the whole way, on files with known truth."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from nanoscape.model import Landmarks
from nanoscape.workflow.session import Session

DRUG_MZ = 544.1813


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "multimodal" / "msi_he_synth"


@pytest.fixture(scope="module")
def session(folder: Path) -> Session:
    """Both files, aligned by the five landmarks beside them."""
    session = Session()
    session.add_file(folder / "he.ome.tif", ident="he")
    session.add_file(folder / "msi_processed.imzML", ident="msi")
    with (folder / "landmarks.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    session.study.landmarks["clicked"] = Landmarks(
        moving=[[float(row["msi_y_um"]), float(row["msi_x_um"])] for row in rows],
        fixed=[[float(row["he_y_um"]), float(row["he_x_um"])] for row in rows],
        names=tuple(row["name"] for row in rows),
        moving_space=session["msi"].space,
        fixed_space=session["he"].space,
    )
    session.run("registration.align_landmarks", {"landmarks": "clicked"})
    return session


def test_every_pixel_comes_to_lie_within_the_stated_error(
    session: Session, folder: Path
) -> None:
    truth = np.load(folder / "truth.npz")
    matrix = truth["msi_um_to_he_um_yx"]
    measured = np.argwhere(truth["inside"])
    places = session["msi"].grid_to_space.apply(measured)
    (edge,) = session.study.edges
    found = session.study.transform(session["msi"].space, session["he"].space)
    error = found.apply(places) - (places @ matrix[:2, :2].T + matrix[:2, 2])
    rms = np.sqrt(np.mean(np.sum(error**2, axis=1)))
    # The file gives the places to three digits behind the point.
    assert rms < 1e-3
    assert edge.quality.bound_95_um is not None
    assert rms <= edge.quality.bound_95_um
    with (folder.parents[1] / "SYNTH_TRUTH.json").open() as stream:
        written = json.load(stream)["multimodal/msi_he_synth"]
    np.testing.assert_allclose(written["transform_msi_um_to_he_um_yx"], matrix)


def test_the_drug_has_its_amounts_in_the_place_of_the_section(
    session: Session, folder: Path
) -> None:
    truth = np.load(folder / "truth.npz")
    settings = {"mz": DRUG_MZ, "tolerance_ppm": 10.0}
    record = session.run("msi.ion_image", {"spectra": "msi"}, settings)
    (address,) = record.outputs.values()
    drug, section = session.together(session[address], session["he"])
    assert drug.space == section.space
    data = np.asarray(drug.data)
    rows, columns = data.shape
    inside = truth["inside"][:rows, :columns]
    assert not truth["inside"][:, columns:].any()
    np.testing.assert_array_equal(np.isfinite(data), inside)
    expected = truth["doxorubicin"][:rows, :columns][inside]
    # A peak below one count is not in the file.
    written = expected >= 1
    np.testing.assert_allclose(data[inside][written], expected[written], rtol=1e-5)
    assert not data[inside][~written].any()
    # Where there is drug there is a section; the pixels reach farther than the picture.
    ends = np.array(section.shape) * list(section.spacing.values())
    places = drug.grid_to_space.apply(np.argwhere(data > data[inside].max() / 10))
    assert len(places) > 20
    assert ((places >= 0) & (places <= ends)).all()
