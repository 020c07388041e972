"""ParaVision against the truth of a written data set and against brukerapi."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damaged import COPIES, assert_data_or_one_error, damaged_copies

from nanoscape.errors import NanoscapeError, UnreadableFile
from nanoscape.io import open_file, read
from nanoscape.io.volumes.jcamp import read_parameters
from nanoscape.model import Image, ImageGroup

RNG = np.random.default_rng(6)
FIXTURE = "mri/bruker_synth/7/pdata/1/2dseq"
# Rows are the directions of the image's axes in the body.
TURN = np.array([[0.6, -0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]]) @ np.array(
    [[1.0, 0.0, 0.0], [0.0, 0.28, -0.96], [0.0, 0.96, 0.28]]
)
ORIGIN = np.array([-8.0, 6.5, 3.0])


def listed(values: Any) -> str:
    return " ".join(f"{value:.12g}" for value in np.ravel(values))


def write(
    folder: Path,
    stored: np.ndarray[Any, Any],
    groups: str = "",
    **changes: str | None,
) -> Path:
    """Write frames, shape ``(frames, y, x)`` or ``(frames, z, y, x)``."""
    inside = stored.ndim - 1
    place = folder / "3" / "pdata" / "2"
    place.mkdir(parents=True)
    values: dict[str, str | None] = {
        "VisuCreatorVersion": "( 65 )\n<6.0.1>",
        "VisuCoreFrameCount": str(len(stored)),
        "VisuCoreDim": str(inside),
        "VisuCoreSize": f"( {inside} )\n" + listed(stored.shape[:0:-1]),
        "VisuCoreDimDesc": f"( {inside} )\n" + "spatial " * inside,
        "VisuCoreExtent": f"( {inside} )\n"
        + listed(np.multiply(stored.shape[:0:-1], (0.25, 0.5, 2.0)[:inside])),
        "VisuCoreFrameThickness": "( 1 )\n1.5",
        "VisuCoreUnits": f"( {inside}, 65 )\n" + "<mm> " * inside,
        "VisuCoreOrientation": "( 1, 9 )\n" + listed(TURN),
        "VisuCorePosition": "( 1, 3 )\n" + listed(ORIGIN),
        "VisuCoreWordType": {"i2": "_16BIT_SGN_INT", "i4": "_32BIT_SGN_INT"}.get(
            stored.dtype.str[1:], "_32BIT_FLOAT"
        ),
        "VisuCoreByteOrder": "bigEndian"
        if stored.dtype.str[0] == ">"
        else "littleEndian",
        "VisuCoreDataSlope": "( 1 )\n1",
        "VisuCoreDataOffs": "( 1 )\n0",
        "VisuAcquisitionProtocol": "( 65 )\n<T1 (map), a<b>",
    }
    if groups:
        values["VisuFGOrderDesc"] = f"( {groups.count('FG_')} )\n{groups}"
    values |= changes
    lines = [
        "##TITLE=Parameter List, ParaVision 6.0.1",
        "##JCAMPDX=4.24",
        "$$ a comment",
    ]
    lines += [f"##${name}={value}" for name, value in values.items() if value]
    (place / "visu_pars").write_text("\n".join([*lines, "##END=\n"]))
    (place / "2dseq").write_bytes(stored.tobytes())
    return place / "2dseq"


def slices(count: int, step: float = 2.0) -> dict[str, str]:
    normal = TURN[2]
    origins = [ORIGIN + i * step * normal for i in range(count)]
    return {
        "VisuCoreOrientation": f"( {count}, 9 )\n" + listed([TURN] * count),
        "VisuCorePosition": f"( {count}, 3 )\n" + listed(origins),
    }


def only(path: Path) -> Image:
    (image,) = read(path)
    assert isinstance(image, Image)
    return image


def place(image: Image, x: int, y: int, z: int) -> np.ndarray[Any, Any]:
    return image.grid_to_space.apply([[z, y, x]])[0][::-1] / 1e3


def test_the_data_set_equals_its_truth(shared_data: Path) -> None:
    truth = json.loads((shared_data / "EXPECTED.json").read_text("utf-8"))[FIXTURE]
    image = only(shared_data / FIXTURE)
    values = image.data.compute()
    assert image.axes.upper() == truth["axes"].split()[0]
    assert list(values.shape) == truth["shape"]
    assert values.sum(dtype=np.float64) == pytest.approx(truth["sum"], rel=1e-7)
    assert values.min() == pytest.approx(truth["min"], rel=1e-6)
    assert values.max() == pytest.approx(truth["max"], rel=1e-6)
    assert [image.spacing[axis] / 1e3 for axis in "zyx"] == truth["voxel_mm"]
    assert image.times is not None
    assert np.diff(image.times) == pytest.approx(truth["dt_s"])
    assert image.name == "FLASH 7"
    assert read(shared_data / Path(FIXTURE).parent)[0].name == "FLASH 7"


@pytest.mark.parametrize(
    "disk", ["disk_normal_slice_order", "disk_reverse_slice_order"]
)
@pytest.mark.parametrize("volume", [False, True])
def test_values_and_places_equal_those_of_brukerapi(
    volume: bool, disk: str, tmp_path: Path
) -> None:
    dataset = pytest.importorskip("brukerapi.dataset")
    if volume:
        stored = RNG.integers(-99, 99, (3, 4, 5, 6)).astype("<i2")
        path = write(
            tmp_path,
            stored,
            "(3, <FG_CYCLE>, <>, 0, 0)",
            VisuCoreDataSlope="( 3 )\n0.5 0.25 2",
            VisuCoreDataOffs="( 3 )\n1 2 3",
            VisuCoreDiskSliceOrder=disk,
        )
    else:
        stored = RNG.integers(-99, 99, (12, 5, 6)).astype("<i2")
        path = write(
            tmp_path,
            stored,
            "(4, <FG_SLICE>, <>, 0, 2) (3, <FG_CYCLE>, <>, 2, 0)",
            VisuCoreDataSlope="( 12 )\n" + listed(np.arange(1, 13) / 4),
            VisuCoreDataOffs="( 12 )\n" + listed(np.arange(12)),
            VisuCoreDiskSliceOrder=disk,
            VisuGroupDepVals="( 2 )\n(<VisuCoreOrientation>, 0) "
            "(<VisuCorePosition>, 0)",
            **slices(4),
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = dataset.Dataset(path)
        theirs, affine = np.asarray(peer.data), np.asarray(peer.affine)
    image = only(path)
    ours = image.data.compute().transpose(3, 2, 1, 0)
    for x, y, z in np.ndindex(*ours.shape[:3]):
        # The same sample has the same place, whichever way the planes are counted.
        found = np.linalg.solve(affine, [*place(image, x, y, z), 1.0])[:3]
        index = np.round(found).astype(int)
        np.testing.assert_allclose(found, index, atol=1e-6)
        np.testing.assert_allclose(ours[x, y, z], theirs[tuple(index)].ravel())


def test_echoes_are_a_group_with_their_times(tmp_path: Path) -> None:
    stored = RNG.normal(size=(6, 5, 4)).astype(">f4")
    path = write(
        tmp_path,
        stored,
        "(3, <FG_ECHO>, <fit: y=A*exp(-t/T2)>, 0, 1) (2, <FG_SLICE>, <>, 1, 2)",
        VisuAcqEchoTime="( 3 )\n10 20 30.5",
        **slices(2),
    )
    (group,) = read(path)
    assert isinstance(group, ImageGroup)
    assert group.coordinate == "echo_time_ms"
    assert group.coordinates() == [10, 20, 30.5]
    assert [image.name for image in group] == ["TE 10 ms", "TE 20 ms", "TE 30.5 ms"]
    for echo, image in enumerate(group):
        # The first group is the fastest.
        np.testing.assert_array_equal(image.data.compute(), stored[echo::3])
        sent = pickle.loads(pickle.dumps(image.data))
        np.testing.assert_array_equal(sent[1, 2:].compute(), stored[echo + 3, 2:])


def test_diffusion_is_a_group_with_b_values(tmp_path: Path) -> None:
    stored = RNG.integers(0, 99, (2, 3, 4, 5)).astype("<i4")
    matrices = [np.zeros((3, 3)), np.diag([100.0, 250.0, 650.0])]
    path = write(
        tmp_path,
        stored,
        "(2, <FG_DIFFUSION>, <>, 0, 1)",
        VisuAcqDiffusionBMatrix="( 2, 9 )\n" + listed(matrices),
    )
    (group,) = read(path)
    assert isinstance(group, ImageGroup)
    assert group.coordinates() == [0.0, 1000.0]
    assert group.images[1].dtype == np.int32
    np.testing.assert_array_equal(group.images[1].data.compute(), stored[1])


def test_maps_have_names_and_units(tmp_path: Path) -> None:
    stored = RNG.normal(size=(4, 3, 4)).astype("<f4")
    path = write(
        tmp_path,
        stored,
        "(2, <FG_ISA>, <T2 (y=A+C*exp(-t/T2))>, 0, 2) (2, <FG_SLICE>, <>, 2, 2)",
        VisuFGElemComment="( 2, 65 )\n<proton density> <T2 relaxation>",
        VisuCoreDataUnits="( 2, 65 )\n<a.u.> <ms>",
        **slices(2),
    )
    (group,) = read(path)
    assert isinstance(group, ImageGroup)
    assert [str(image.quantity) for image in group] == [
        "proton density (a.u.)",
        "T2 relaxation (ms)",
    ]


def test_packages_of_slices_are_images_of_their_own(tmp_path: Path) -> None:
    stored = RNG.integers(0, 99, (5, 3, 4)).astype("<i2")
    other = TURN[[1, 2, 0]]
    turns = [TURN, TURN, other, other, other]
    origins = [ORIGIN, ORIGIN - 2 * TURN[2], *(ORIGIN + i * other[2] for i in range(3))]
    path = write(
        tmp_path,
        stored,
        "(5, <FG_SLICE>, <>, 0, 2)",
        VisuCoreOrientation="( 5, 9 )\n" + listed(turns),
        VisuCorePosition="( 5, 3 )\n" + listed(origins),
    )
    first, second = read(path)
    assert isinstance(first, Image)
    assert isinstance(second, Image)
    np.testing.assert_array_equal(first.data.compute(), stored[:2])
    np.testing.assert_array_equal(second.data.compute(), stored[2:])
    for image, number in ((first, 0), (second, 2)):
        for z in range(image.shape[0]):
            there = origins[number + z] + turns[number][:2].T @ (2 * 0.25, 1 * 0.5)
            np.testing.assert_allclose(place(image, 2, 1, z), there, atol=1e-6)


def test_a_single_slice_takes_its_thickness(tmp_path: Path) -> None:
    stored = RNG.integers(0, 99, (1, 3, 4)).astype("<i2")
    opened = open_file(write(tmp_path, stored))
    (image,) = opened.objects
    assert isinstance(image, Image)
    assert image.axes == "zyx"
    assert image.spacing == pytest.approx({"z": 1500, "y": 500, "x": 250})
    assert "thickness" in opened.warnings[0]
    assert image.name == "T1 (map), a<b 3-2"


def test_frames_that_nothing_is_said_of(tmp_path: Path) -> None:
    stored = RNG.integers(0, 99, (3, 3, 4)).astype("<i2")
    (stack,) = read(write(tmp_path / "slices", stored, **slices(3)))
    assert isinstance(stack, Image)
    assert stack.axes == "zyx"
    np.testing.assert_array_equal(stack.data.compute(), stored)
    # Frames in one place are not stacked upon each other.
    (group,) = read(write(tmp_path / "frames", stored))
    assert isinstance(group, ImageGroup)
    assert [image.name for image in group] == ["frame 1", "frame 2", "frame 3"]
    assert group.images[0].shape == (1, 3, 4)
    with pytest.raises(UnreadableFile, match="one place"):
        read(write(tmp_path / "same", stored, "(3, <FG_SLICE>, <>, 0, 0)"))


def test_a_study_is_read_as_a_whole(tmp_path: Path) -> None:
    stored = RNG.integers(0, 99, (1, 3, 4)).astype("<i2")
    study = tmp_path / "study"
    places = []
    for number in (10, 9, 11):
        made = write(tmp_path / f"made{number}", stored + number)
        places.append(study / str(number) / "pdata" / "1")
        places[-1].parent.mkdir(parents=True)
        made.parent.rename(places[-1])
    text = (places[2] / "visu_pars").read_text()
    (places[2] / "visu_pars").write_text(text.replace("spatial", "spectroscopic"))
    with pytest.raises(UnreadableFile, match="recognises"):
        read(study)
    (study / "subject").write_text("##TITLE=Parameter List\n##END=\n")
    opened = open_file(study)
    names = [item.name for item in opened.objects if isinstance(item, Image)]
    assert names == ["T1 (map), a<b 9", "T1 (map), a<b 10"]
    assert any("spectroscop" in warning for warning in opened.warnings)
    assert [item.name for item in read(study / "9") if isinstance(item, Image)] == [
        "T1 (map), a<b 9"
    ]
    with pytest.raises(UnreadableFile, match="spectroscop"):
        read(study / "11")


def test_brackets_inside_strings_are_text(tmp_path: Path) -> None:
    path = tmp_path / "pars"
    path.write_text(
        "##TITLE=x\n##$A=( 2 )\n(5, <FG_A>, <a, (b)>, 0, 2) (1, <FG_B>,\n <>, -2, 1)\n"
        "##$B=( 5 )\n@3*(0.5) 1 2\n##$C=Yes\n##END=\n"
    )
    found = read_parameters(path)
    assert found.structures("A") == [
        ["5", "FG_A", "a, (b)", "0", "2"],
        ["1", "FG_B", "", "-2", "1"],
    ]
    assert found.numbers("B") == [0.5, 0.5, 0.5, 1, 2]
    assert found.text("C") == "Yes"


@pytest.mark.parametrize(
    "changes",
    [
        {"VisuCoreDimDesc": "( 2 )\nspectroscopic spatial"},
        {"VisuCoreFrameCount": "3"},
        {"VisuCoreFrameCount": "99999999999999999"},
        {"VisuCoreFrameCount": "@99999999999*(1)"},
        {"VisuCoreSize": "( 2 )\n4 -3"},
        {"VisuCoreSize": "( 2 )\n400 300"},
        {"VisuCoreExtent": "( 2 )\n0 1"},
        {"VisuCoreUnits": "( 2, 65 )\n<ppm> <ppm>"},
        {"VisuCoreWordType": "_64BIT_FLOAT"},
        {"VisuCoreByteOrder": None},
        {"VisuCorePosition": "( 3, 3 )\n0 0 0 0 0 1 0 0 9"},
        {"VisuCorePosition": "( 4, 3 )\n0 0 0 0 0 1 0 0 5 0 0 6"},
        {"VisuCoreDataSlope": "( 3 )\n1 2 3"},
    ],
)
def test_a_wrong_parameter_gives_one_error(
    changes: dict[str, str | None], tmp_path: Path
) -> None:
    stored = RNG.integers(0, 99, (4, 3, 4)).astype("<i2")
    path = write(tmp_path, stored, "(4, <FG_SLICE>, <>, 0, 2)", **changes)
    with pytest.raises(NanoscapeError):
        read(path)


def test_without_its_parameters_it_is_not_recognised(tmp_path: Path) -> None:
    (tmp_path / "2dseq").write_bytes(bytes(100))
    with pytest.raises(UnreadableFile, match="recognises"):
        read(tmp_path / "2dseq")


def test_damaged_files(tmp_path: Path) -> None:
    stored = RNG.integers(0, 99, (8, 3, 4)).astype("<i2")
    groups = "(4, <FG_SLICE>, <>, 0, 2) (2, <FG_CYCLE>, <>, 2, 0)"
    intact = write(tmp_path / "intact", stored, groups, **slices(4)).parent
    for name in ("visu_pars", "2dseq"):
        (other,) = {"visu_pars", "2dseq"} - {name}
        copies = tmp_path / name
        copies.mkdir()
        read_anyway = []
        for copy in damaged_copies(intact / name, copies, count=COPIES):
            (copy.parent / other).write_bytes((intact / other).read_bytes())
            read_anyway.append(assert_data_or_one_error(copy.parent / "2dseq"))
        assert not all(read_anyway)
