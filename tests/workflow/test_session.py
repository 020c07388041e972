from __future__ import annotations

import dataclasses
import hashlib
import os

import numpy as np
import pytest
from dicom_files import dicom_file, save

from nanoscape.errors import UnevenSlices, WrongInput
from nanoscape.io import read, write
from nanoscape.model import Image, Landmarks, Regions, Tags
from nanoscape.model.study import Source
from nanoscape.workflow import Session, export_script, recipe_from_history
from nanoscape.workflow.keys import source_key
from nanoscape.workflow.lineage import lineage, with_history

pytestmark = pytest.mark.usefixtures("operations")


def image(name, space="slide", **tags):
    rng = np.random.default_rng(len(name))
    return Image.from_array(
        rng.random((30, 40)), "yx", spacing=2.0, space=space, name=name,
        tags=Tags.of("user", **tags),
    )  # fmt: skip


@pytest.fixture
def session():
    session = Session()
    session.add(image("CD31", role="Vessels", subject="m1", section="1"))
    return session


def test_a_written_result_tells_the_steps_behind_it(session, tmp_path):
    session.run("statistics.threshold", {"image": "CD31"}, {"level": 0.25})
    again = session.run("statistics.threshold", {"image": "CD31"}, {"level": 0.75})
    labels = again.outputs["labels"]
    last = session.run("statistics.area", {"mask": labels})
    steps = lineage(session, last.outputs["summary"])
    assert [record.id for record in steps] == [again.id, last.id]
    assert "history" not in with_history(session, "CD31").tags
    path = write(with_history(session, labels), tmp_path / "labels.ome.zarr")
    (step,) = read(path)[0].tags["history"]
    assert step["operation"] == "statistics.threshold"
    assert step["parameters"] == {"level": 0.75}
    assert step["inputs"] == {"image": ["CD31"]}
    assert step["software"] == dict(again.software)


def test_a_step_is_recorded_with_all_its_parameters(session):
    record = session.run("statistics.threshold", {"image": "CD31"}, {"level": 0.25})
    assert record.operation == "statistics.threshold"
    assert record.version == 2
    assert dict(record.parameters) == {"level": 0.25}
    assert record.inputs == {"image": ("CD31",)}
    assert record.outputs == {"labels": "Bright (CD31)"}
    assert record.scope == {"subject": "m1", "section": "1"}
    assert "numpy" in record.software
    assert any("2 × 2 µm" in note for note in record.notes)
    assert session["Bright (CD31)"].kind == "labels"


def test_running_again_replaces_the_result_in_its_place(session):
    session.run("statistics.threshold", {"image": "CD31"}, {"level": 0.9})
    few = int(session["Bright (CD31)"].data.sum())
    session.run("statistics.threshold", {"image": "CD31"}, {"level": 0.1})
    assert int(session["Bright (CD31)"].data.sum()) > few
    assert list(session) == ["CD31", "Bright (CD31)"]
    assert len(session.study.records) == 2


def test_images_in_spaces_that_are_not_aligned_are_refused(session):
    session.add(image("dox", space="maldi"))
    with pytest.raises(WrongInput, match="not aligned to each other"):
        session.run("statistics.where", {"image": "dox", "other": "CD31"})


def test_aligned_images_come_in_the_fixed_space_with_their_error(session):
    session.add(image("dox", space="maldi"))
    moving = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    session.study.landmarks["clicks"] = Landmarks(
        moving=moving, fixed=moving + np.array([5.0, 1.0]), moving_space="maldi",
        fixed_space="slide",
    )  # fmt: skip
    session.run("statistics.shift", {"landmarks": "clicks"})
    record = session.run("statistics.where", {"image": "dox", "other": "CD31"})
    row = session[record.outputs["table"]].data.iloc[0]
    assert (row.image_y_um, row.other_y_um, row.error_um) == (5.0, 0.0, 3.0)


def test_history_becomes_a_recipe_without_names(session):
    first = session.run("statistics.threshold", {"image": "CD31"}, {"level": 0.25})
    session.run("statistics.threshold", {"image": "CD31"}, {"level": 0.3})
    session.run("statistics.area", {"mask": first.outputs["labels"]})
    values = recipe_from_history(session, "Mine").to_dict()
    assert values["steps"] == [
        {
            "id": "threshold",
            "op": "statistics.threshold@2",
            "for": "section",
            "in": {"image": {"kind": "image", "role": "Vessels"}},
            "with": {"level": 0.3},
        },
        {
            "id": "area",
            "op": "statistics.area@1",
            "for": "section",
            "in": {"mask": "$threshold.labels"},
        },
    ]


def test_wrong_kinds_are_refused_in_one_sentence(session):
    with pytest.raises(WrongInput, match="was given image for 'Vessels'"):
        session.run("statistics.area", {"mask": "CD31"})
    with pytest.raises(WrongInput, match="was given nothing"):
        session.run("statistics.area", {})
    with pytest.raises(WrongInput, match="there is no object 'CD45'"):
        session.run("statistics.threshold", {"image": "CD45"})


def test_what_was_drawn_and_found_is_there_when_the_study_is_opened(session, tmp_path):
    drawn = Regions(
        polygons=(np.array([[0, 0], [0, 9], [9.0, 9]]),), names=("fold",), axes="yx",
        space="slide", name="Fold", tags=Tags.of("user", role="Exclude"),
    )  # fmt: skip
    session.add(drawn)
    record = session.run("statistics.threshold", {"image": "CD31"}, {"level": 0.25})
    labels = session[record.outputs["labels"]].data.compute()
    session.save(tmp_path / "study")
    again = Session.load(tmp_path / "study")
    np.testing.assert_array_equal(again["Fold"].polygons[0], drawn.polygons[0])
    assert again["Fold"].tags["role"] == "Exclude"
    found = again[record.outputs["labels"]]
    np.testing.assert_array_equal(found.data.compute(), labels)
    assert again.study.records[0].parameters == {"level": 0.25}


def test_scan_speed_and_spot_size_are_kept_with_the_study(tmp_path):
    file = tmp_path / "scan.csv"
    rows = [f"{line},{0.5 * i},{i}" for line in (1, 2) for i in range(4)]
    file.write_text("\n".join(["line,Time (s),Au197", *rows]), encoding="utf-8")
    session = Session()
    laser = {"scan_speed_um_per_s": 40.0, "spot_size_um": 12.0}
    (address,) = session.add_file(file, **laser)
    assert session[address].spacing == {"y": 12.0, "x": 20.0}
    session.save(tmp_path / "study")
    again = Session.load(tmp_path / "study")
    assert again[address].spacing == {"y": 12.0, "x": 20.0}
    again.run("statistics.threshold", {"image": address}, {"level": 0.25})
    script = export_script(again, tmp_path / "steps.py").read_text("utf-8")
    assert "scan_speed_um_per_s=40.0, spot_size_um=12.0" in script
    source = again.study.sources[address]
    keys = {
        source_key(dataclasses.replace(source, **changed), address)
        for changed in ({}, {"spot_size_um": 9.0}, {"scan_speed_um_per_s": None})
    }
    assert len(keys) == 3


def test_interpolation_of_uneven_slices_is_kept_with_the_study(tmp_path):
    series = tmp_path / "ct"
    series.mkdir()
    for number, height in enumerate((0, 1, 3, 4)):
        pixels = np.full((1, 5, 6), 10 * height, np.int16)
        header = dicom_file(
            pixels, "2", "CT", PixelSpacing=[1, 1], InstanceNumber=number,
            ImagePositionPatient=[0, 0, height], RescaleSlope=1, RescaleIntercept=0,
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        )  # fmt: skip
        save(header, series / f"{number}.dcm")
    session = Session()
    with pytest.raises(UnevenSlices, match="not evenly spaced"):
        session.add_file(series)
    assert not session.study.sources
    (address,) = session.add_file(series, resample=True)
    session.save(tmp_path / "study")
    again = Session.load(tmp_path / "study")
    volume = again[address]
    np.testing.assert_allclose(volume.data[:, 2, 2].compute(), [0, 10, 20, 30, 40])
    assert "interpolated" in volume.tags["resampled"]
    again.run("statistics.threshold", {"image": address}, {"level": 25})
    script = export_script(again, tmp_path / "steps.py").read_text("utf-8")
    assert "resample=True" in script
    source = again.study.sources[address]
    plain = dataclasses.replace(source, resample=False)
    assert source_key(source, address) != source_key(plain, address)


@pytest.mark.skipif(os.name == "nt", reason="files have no modes on this system")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_the_file_of_a_study_may_be_read_like_any_other(session, tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        path = session.save(tmp_path / "study")
    finally:
        os.umask(before)
    assert path.name == "study.yaml"
    assert path.stat().st_mode & 0o777 == mode


def test_files_without_a_laser_keep_their_keys():
    source = Source(id="a", path="a.tif", pixel_size_um=0.5, digest="d1")
    # The key under which results lie in studies of earlier versions.
    old = hashlib.sha256(b'["source", "d1", "a", 0.5]').hexdigest()[:24]
    assert source_key(source, "a") == old
