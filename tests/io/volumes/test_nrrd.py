"""NRRD against SimpleITK and against headers written after the format's definition."""

from __future__ import annotations

import bz2
import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damaged import COPIES, assert_data_or_one_error, damaged_copies

from nanoscape.errors import MissingCalibration, NanoscapeError, UnreadableFile
from nanoscape.io import open_file, read
from nanoscape.io.volumes.raw import plane_chunks
from nanoscape.model import Image, ImageGroup, Labels

sitk = pytest.importorskip("SimpleITK")
RNG = np.random.default_rng(4)
FILES = (
    "ct/dicom_ct_seg/liver_seg.nrrd",
    "mri/nrrd/prostate_phantom_subvolume-label.nrrd",
    "mri/nrrd/prostate_phantom_subvolume.nrrd",
)
VALUES = RNG.integers(0, 99, (2, 3, 4)).astype("<i2")
FIELDS = {
    "type": "short",
    "dimension": "3",
    "space": "left-posterior-superior",
    "sizes": "4 3 2",
    "space directions": "(0.3,0.4,0) (-0.8,0.6,0) (0,0,-2)",
    "space units": '"mm" "mm" "mm"',
    "kinds": "domain domain domain",
    "endian": "little",
    "encoding": "raw",
    "space origin": "(-30,12,7.5)",
}


def write(
    path: Path,
    values: np.ndarray[Any, Any] | bytes,
    keys: dict[str, str] | None = None,
    **changes: str | None,
) -> Path:
    """Write a header of the fields above with changes; ``_`` stands for a blank."""
    fields = dict(FIELDS)
    for name, value in changes.items():
        if value is None:
            fields.pop(name.replace("_", " "))
        else:
            fields[name.replace("_", " ")] = value
    lines = ["NRRD0005", "# a comment", *(f"{k}: {v}" for k, v in fields.items())]
    lines += [f"{key}:={value}" for key, value in (keys or {}).items()]
    samples = values if isinstance(values, bytes) else values.tobytes()
    path.write_bytes("\n".join(lines).encode() + b"\n\n" + samples)
    return path


def only(path: Path, **options: Any) -> Image:
    (image,) = read(path, **options)
    assert isinstance(image, Image)
    return image


def assert_same_place(image: Image, path: Path) -> None:
    truth = sitk.ReadImage(str(path))
    count = len(image.spatial_axes)
    for index in np.ndindex(*image.spatial_shape):
        place = truth.TransformIndexToPhysicalPoint([int(i) for i in index[::-1]])
        found = image.grid_to_space.apply([index])[0] / 1e3
        np.testing.assert_allclose(found, place[:count][::-1], atol=1e-6)


@pytest.mark.parametrize("name", FILES)
def test_files_equal_the_reference(name: str, shared_data: Path) -> None:
    truth = json.loads((shared_data / "EXPECTED.json").read_text("utf-8"))[name]
    image = only(shared_data / name)
    values = image.data.compute()
    assert list(values.shape) == truth["shape"]
    assert values.dtype == truth["dtype"]
    assert values.sum(dtype=np.float64) == truth["sum"]
    assert (values.min(), values.max()) == (truth["min"], truth["max"])
    for where, value in truth["probe"].items():
        assert values[tuple(int(n) for n in re.findall(r"\d+", where))] == value
    spacing = [image.spacing[axis] / 1e3 for axis in "xyz"]
    assert spacing == pytest.approx(truth["spacing_xyz"])
    origin = image.grid_to_space.shift[::-1] / 1e3
    assert origin == pytest.approx(truth["origin_lps"], abs=1e-4)
    directions = image.grid_to_space.linear[::-1, ::-1] / 1e3 / spacing
    assert directions.ravel() == pytest.approx(truth["direction"])


@pytest.mark.parametrize(
    "space", ["left-posterior-superior", "RAS", "left-anterior-superior"]
)
def test_every_voxel_lies_where_itk_puts_it(space: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.nrrd", VALUES, space=space)
    opened = open_file(path)
    (image,) = opened.objects
    assert isinstance(image, Image)
    assert (image.axes, image.space, opened.warnings) == ("zyx", "patient", ())
    np.testing.assert_array_equal(image.data.compute(), VALUES)
    assert_same_place(image, path)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]
)
def test_number_types_as_itk_writes_them(
    dtype: str, packed: bool, tmp_path: Path
) -> None:
    values = RNG.integers(0, 99, (2, 3, 4)).astype(dtype)
    path = tmp_path / "a.nrrd"
    sitk.WriteImage(sitk.GetImageFromArray(values), str(path), packed)
    image = only(path)
    assert image.dtype == values.dtype
    np.testing.assert_array_equal(image.data.compute(), values)


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("bz2", bz2.compress), ("raw", bytes)],
)
@pytest.mark.parametrize("skip", [0, 6])
def test_encodings(encoding: str, pack: Any, skip: int, tmp_path: Path) -> None:
    samples = pack(bytes(skip) + VALUES.tobytes())
    path = write(tmp_path / "a.nrrd", samples, encoding=encoding, byte_skip=str(skip))
    np.testing.assert_array_equal(only(path).data.compute(), VALUES)


def test_two_gzip_streams_are_one(tmp_path: Path) -> None:
    raw = VALUES.tobytes()
    samples = gzip.compress(raw[:11]) + gzip.compress(raw[11:])
    path = write(tmp_path / "a.nrrd", samples, encoding="gz")
    np.testing.assert_array_equal(only(path).data.compute(), VALUES)


def test_what_no_disk_can_hold_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.nrrd",
        bz2.compress(VALUES.tobytes()),
        encoding="bzip2",
        sizes="40000 40000 40000",
    )
    with pytest.raises(UnreadableFile, match="temporary"):
        read(path)


def test_big_endian(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nrrd", VALUES.astype(">i2"), endian="big")
    np.testing.assert_array_equal(only(path).data.compute(), VALUES)


@pytest.mark.parametrize("where", ["LIST", "p%d.raw 1 2 1"])
def test_planes_in_files_of_their_own(where: str, tmp_path: Path) -> None:
    for number, plane in enumerate(VALUES, 1):
        (tmp_path / f"p{number}.raw").write_bytes(plane.tobytes())
    listed = "\np1.raw\np2.raw" if where == "LIST" else ""
    path = write(tmp_path / "a.nhdr", b"", data_file=where + listed)
    if where == "LIST":
        # The names follow the last field.
        path.write_text(path.read_text().rstrip("\n") + "\n")
    np.testing.assert_array_equal(only(path).data.compute(), VALUES)


@pytest.mark.parametrize("skip", [{"byte_skip": "-1"}, {"line_skip": "2"}])
def test_samples_behind_the_header_of_another_format(
    skip: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "a.raw").write_bytes(b"one\ntwo\n" + VALUES.tobytes())
    path = write(tmp_path / "a.nhdr", b"", data_file="a.raw", **skip)
    np.testing.assert_array_equal(only(path).data.compute(), VALUES)


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret.raw", "..\\secret.raw"])
def test_samples_stay_in_the_folder(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (tmp_path / "secret.raw").write_bytes(VALUES.tobytes())
    with pytest.raises(UnreadableFile, match="same folder"):
        read(write(folder / "a.nhdr", b"", data_file=name))


def test_units_are_followed(tmp_path: Path) -> None:
    units = '"um" "um" "um"'
    image = only(write(tmp_path / "a.nrrd", VALUES, space_units=units))
    assert image.spacing == pytest.approx({"z": 2.0, "y": 1.0, "x": 0.5})
    assert image.grid_to_space.shift == pytest.approx([7.5, 12, -30])


def test_without_a_unit_a_body_is_in_mm_and_anything_else_is_asked_for(
    tmp_path: Path,
) -> None:
    opened = open_file(write(tmp_path / "a.nrrd", VALUES, space_units=None))
    assert "taken as mm" in opened.warnings[0]
    plain: dict[str, str | None] = dict.fromkeys(
        ("space", "space_directions", "space_units", "space_origin")
    )
    path = write(tmp_path / "b.nrrd", VALUES, spacings="0.5 0.5 2", **plain)
    with pytest.raises(MissingCalibration, match="unit"):
        read(path)
    # The size that the user gives tells the unit, so that planes keep their ratio.
    image = only(path, pixel_size=3.0)
    assert image.spacing == pytest.approx({"z": 12.0, "y": 3.0, "x": 3.0})
    assert image.space == "b"
    path = write(tmp_path / "c.nrrd", VALUES, **plain)
    with pytest.raises(MissingCalibration):
        read(path)


def test_cells_begin_at_their_border(tmp_path: Path) -> None:
    plain: dict[str, str | None] = dict.fromkeys(
        ("space", "space_directions", "space_units", "space_origin")
    )
    path = write(
        tmp_path / "a.nrrd",
        VALUES,
        spacings="2 2 4",
        units='"um" "um" "um"',
        axis_mins="10 20 30",
        centers="cell cell node",
        **plain,
    )
    assert only(path).grid_to_space.shift == pytest.approx([30, 21, 11])


def test_colours_and_components(tmp_path: Path) -> None:
    samples = RNG.integers(0, 255, (2, 3, 4, 3)).astype("<i2")
    shape = {
        "dimension": "4",
        "sizes": "3 4 3 2",
        "space_directions": "none (1,0,0) (0,1,0) (0,0,1)",
    }
    kinds = "{} domain domain domain"
    path = write(tmp_path / "a.nrrd", samples, kinds=kinds.format("RGB-color"), **shape)
    colours = only(path)
    assert colours.rgb
    np.testing.assert_array_equal(colours.data.compute(), samples)
    path = write(tmp_path / "b.nrrd", samples, kinds=kinds.format("vector"), **shape)
    (group,) = read(path)
    assert isinstance(group, ImageGroup)
    assert [image.name for image in group] == [f"component {n}" for n in (1, 2, 3)]
    stored = np.stack([image.data.compute() for image in group], axis=-1)
    np.testing.assert_array_equal(stored, samples)
    path = write(tmp_path / "c.nrrd", samples, kinds="domain " * 4, **shape)
    assert isinstance(read(path)[0], ImageGroup)


def test_chunks_are_cheap_alone_and_not_too_many() -> None:
    wide = np.dtype(np.uint16)
    assert plane_chunks((5, 300, 512, 512), "tzyx", wide) == (1, 2, 512, 512)
    assert plane_chunks((80, 2, 10, 12), "tzyx", wide) == (80, 2, 10, 12)
    assert plane_chunks((9, 40, 100, 200), "czyx", wide) == (1, 26, 100, 200)
    assert plane_chunks((7, 5000, 3000, 3), "zyxs", wide) == (1, 1024, 1024, 3)
    assert plane_chunks((10**6, 4, 4), "tyx", wide) == (2**15, 4, 4)


@pytest.mark.parametrize("slicer", [True, False])
def test_time(slicer: bool, tmp_path: Path) -> None:
    frames = RNG.integers(0, 99, (3, 2, 3, 4)).astype("<i2")
    path = tmp_path / "a.seq.nrrd"
    vectors = "(1,0,0) (0,1,0) (0,0,1)"
    if slicer:
        write(
            path,
            np.ascontiguousarray(np.moveaxis(frames, 0, -1)),
            {"axis 0 index type": "numeric", "axis 0 index values": "0 5 20"},
            dimension="4",
            sizes="3 4 3 2",
            space_directions=f"none {vectors}",
            kinds="list domain domain domain",
            labels='"time" "" "" ""',
            units='"ms" "" "" ""',
        )
        times = (0.0, 0.005, 0.02)
    else:
        write(
            path,
            frames,
            dimension="4",
            sizes="4 3 2 3",
            space_directions=f"{vectors} none",
            kinds="domain domain domain time",
            spacings="nan nan nan 2",
            units='"" "" "" "min"',
        )
        times = (0.0, 120.0, 240.0)
    image = only(path)
    assert (image.axes, image.name) == ("tzyx", "a")
    assert image.times == pytest.approx(times)
    np.testing.assert_array_equal(image.data.compute(), frames)


def test_a_plane_in_the_body_is_a_volume_of_one(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.nrrd",
        VALUES[0],
        dimension="2",
        sizes="4 3",
        space_directions="(1,0,0) (0,0,1)",
        kinds="domain domain",
    )
    opened = open_file(path)
    (image,) = opened.objects
    assert isinstance(image, Image)
    assert (image.axes, image.shape, image.space) == ("zyx", (1, 3, 4), "patient")
    assert "single plane" in opened.warnings[0]
    np.testing.assert_array_equal(image.data.compute(), VALUES[:1])
    # Row 1 of column 2, in z y x, and a step across the plane.
    places = image.grid_to_space.apply([[0, 1, 2], [1, 1, 2]])
    np.testing.assert_allclose(places[0], [8.5e3, 12e3, -28e3])
    np.testing.assert_allclose(places[1] - places[0], [0, -1e3, 0], atol=1e-9)


SEGMENTS = {
    "Segmentation_SourceRepresentation": "Binary labelmap",
    "Segment0_ID": "Segment_1",
    "Segment0_Name": "tumour",
    "Segment0_LabelValue": "1",
    "Segment0_Layer": "0",
    "Segment1_ID": "Segment_2",
    "Segment1_Name": "left kidney",
    "Segment1_LabelValue": "3",
    "Segment1_Layer": "0",
}


def test_a_segmentation_is_labels_with_names(tmp_path: Path) -> None:
    (labels,) = read(write(tmp_path / "a.seg.nrrd", VALUES, SEGMENTS))
    assert isinstance(labels, Labels)
    assert labels.name == "a"
    assert labels.table is not None
    assert labels.table.to_dict("list") == {
        "index": [1, 3],
        "name": ["tumour", "left kidney"],
    }
    np.testing.assert_array_equal(labels.data.compute(), VALUES)


def test_overlapping_segments_lie_in_layers(tmp_path: Path) -> None:
    layers = RNG.integers(0, 3, (2, 3, 4, 2)).astype("<i2")
    keys = {**SEGMENTS, "Segment1_Layer": "1", "Segment1_LabelValue": "1"}
    path = write(
        tmp_path / "a.seg.nrrd",
        layers,
        keys,
        dimension="4",
        sizes="2 4 3 2",
        space_directions="none (1,0,0) (0,1,0) (0,0,1)",
        kinds="list domain domain domain",
    )
    found = read(path)
    for number, (labels, name) in enumerate(
        zip(found, ("tumour", "left kidney"), strict=True)
    ):
        assert isinstance(labels, Labels)
        assert labels.table is not None
        assert labels.table.to_dict("list") == {"index": [1], "name": [name]}
        np.testing.assert_array_equal(labels.data.compute(), layers[..., number])


def test_fractions_of_a_segment_are_an_image(tmp_path: Path) -> None:
    keys = SEGMENTS | {"Segmentation_SourceRepresentation": "Fractional labelmap"}
    assert isinstance(read(write(tmp_path / "a.seg.nrrd", VALUES, keys))[0], Image)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "block"},
        {"encoding": "ascii"},
        {"endian": None},
        {"sizes": "4 3"},
        {"sizes": "4 3 0"},
        {"sizes": "4 3 99999999999999"},
        {"dimension": "9"},
        {"space_directions": "(1,0,0) (0,1) (0,0,1)"},
        {"space_directions": "(1,0,0) (0,1,0) (0,0,inf)"},
        {"space_origin": "(1,2)"},
        {"space_units": '"mm" "mm" "parsec"'},
        {"byte_skip": "x"},
        {"byte_skip": "100"},
        {"data_file": "absent.raw"},
        {"data_file": "LIST"},
    ],
)
def test_a_wrong_field_gives_one_error(
    changes: dict[str, str | None], tmp_path: Path
) -> None:
    with pytest.raises(NanoscapeError):
        read(write(tmp_path / "a.nrrd", VALUES, **changes))


def test_damaged_files(tmp_path: Path) -> None:
    raw = write(tmp_path / "a.nrrd", VALUES, SEGMENTS)
    packed = gzip.compress(VALUES.tobytes())
    for number, origin in enumerate(
        (raw, write(tmp_path / "b.nrrd", packed, encoding="gzip"))
    ):
        place = tmp_path / f"copies{number}"
        place.mkdir()
        read_anyway = [
            assert_data_or_one_error(copy)
            for copy in damaged_copies(origin, place, count=COPIES)
        ]
        assert not all(read_anyway)
