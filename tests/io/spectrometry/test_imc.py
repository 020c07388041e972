"""Imaging mass cytometry: slides, their text files, and what damage does to them."""

from __future__ import annotations

import json
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damaged import COPIES, assert_data_or_one_error, damaged_copies
from imc_files import png, write_mcd, write_txt

from nanoscape.cli import main
from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io import open_file, read, recognise
from nanoscape.io.spectrometry.imc_source import AcquisitionSource
from nanoscape.model import Image, ImageGroup

SLIDE = "imc/20210305_NE_mockData1/20210305_NE_mockData1.mcd"
VALUES = np.random.default_rng(3).poisson(3.0, (2, 7, 11)).astype(np.float32)
TURNED = ((200, 600), (216.5, 609.5), (196.5, 644.1), (180, 634.6))


def groups_of(path: Path, **more: Any) -> list[ImageGroup]:
    return [item for item in read(path, **more) if isinstance(item, ImageGroup)]


def values_of(group: ImageGroup) -> np.ndarray[Any, Any]:
    return np.stack([image.data.compute() for image in group])


def outline(image: Image) -> np.ndarray[Any, Any]:
    """Return the corners of the raster, columns y and x, in order of the raster."""
    y, x = (n - 0.5 for n in image.shape)
    return image.grid_to_space.apply([(-0.5, -0.5), (-0.5, x), (y, x), (y, -0.5)])


def test_a_slide_equals_the_reference(shared_data: Path) -> None:
    truth = json.loads((shared_data / "EXPECTED.json").read_text("utf-8"))[SLIDE]
    opened = open_file(shared_data / SLIDE)
    assert opened.format == "imc-mcd"
    assert opened.warnings == ()
    picture, *groups = opened.objects
    assert isinstance(picture, Image)
    assert picture.rgb
    y, x = np.ptp(outline(picture), axis=0)
    assert (x, y) == (truth["panoramas"][0]["w_um"], truth["panoramas"][0]["h_um"])
    assert len(groups) == len(truth["acquisitions"])
    for group, wanted in zip(groups, truth["acquisitions"], strict=True):
        assert isinstance(group, ImageGroup)
        assert group.name == wanted["name"]
        first = group.images[0]
        assert [first.spacing["x"], first.spacing["y"]] == wanted["pixel_um"]
        assert [image.tags["isotope"] for image in group] == wanted["channels"]
        assert [image.tags["channel"] for image in group] == wanted["labels"]
        assert [image.tags["analyte"] for image in group] == wanted["labels"]
        # The slide is 25 mm high, and the stage counts y upwards.
        corners = outline(first)
        stage = np.column_stack([corners[:, 1], 25000 - corners[:, 0]])
        np.testing.assert_allclose(stage, wanted["roi_um"])
        values = values_of(group)
        assert list(values.shape) == wanted["shape"]
        assert values.dtype == wanted["dtype"]
        assert values.sum(dtype=np.float64) == pytest.approx(wanted["sum"], rel=1e-12)
        assert (values.min(), values.max()) == (wanted["min"], wanted["max"])
        for where, value in wanted["probe"].items():
            index = tuple(json.loads(where[where.index("[") :]))
            assert values[index] == value


def test_the_text_file_equals_the_slide(shared_data: Path) -> None:
    groups = groups_of(shared_data / SLIDE)
    texts = sorted((shared_data / SLIDE).parent.glob("*.txt"))
    assert len(texts) == len(groups) == 3
    for text, group in zip(texts, groups, strict=True):
        opened = open_file(text, pixel_size=1.0)
        (twin,) = opened.objects
        assert opened.format == "imc-txt"
        assert opened.warnings == ()
        assert isinstance(twin, ImageGroup)
        # Text has three decimals.
        np.testing.assert_allclose(values_of(twin), values_of(group), atol=5.01e-4)
        for key in ("isotope", "channel", "analyte"):
            found, wanted = ([i.tags[key] for i in g] for g in (twin, group))
            assert found == wanted


def test_a_synthetic_slide_has_pictures_and_acquisitions_in_place(
    tmp_path: Path,
) -> None:
    path = tmp_path / "slide.mcd"
    pixels = np.random.default_rng(0).integers(0, 255, (10, 20, 3), np.uint8)
    write_mcd(path, [VALUES, VALUES + 1], picture=png(pixels))
    picture, one, two = read(path)
    assert isinstance(picture, Image)
    assert isinstance(one, ImageGroup)
    assert isinstance(two, ImageGroup)
    np.testing.assert_array_equal(picture.data.compute(), pixels)
    assert picture.spacing == {"y": 2.0, "x": 2.0}
    np.testing.assert_allclose(outline(picture)[0], (100, 100))
    assert picture.space == one.images[0].space == "slide"
    np.testing.assert_array_equal(values_of(one), VALUES)
    np.testing.assert_array_equal(values_of(two), VALUES + 1)
    first = one.images[0]
    assert first.spacing == {"y": 5.0, "x": 2.0}
    np.testing.assert_allclose(outline(first)[0], (400, 200))
    np.testing.assert_allclose(outline(first)[2], (435, 222))
    assert first.name == "ROI_001 gold"
    assert one.images[1].tags["role"] == "Nuclei"
    assert first.quantity.unit == "counts"


@pytest.mark.parametrize("grey", [1, 4])
def test_panoramas_may_be_grey_or_see_through(grey: int, tmp_path: Path) -> None:
    path = tmp_path / "slide.mcd"
    pixels = np.random.default_rng(0).integers(0, 255, (10, 20, grey), np.uint8)
    write_mcd(path, [VALUES], picture=png(pixels))
    picture = read(path)[0]
    assert isinstance(picture, Image)
    assert picture.rgb == (grey == 4)
    np.testing.assert_array_equal(
        picture.data.compute(), pixels[..., 0] if grey == 1 else pixels
    )


def test_a_picture_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "slide.mcd"
    write_mcd(path, [VALUES], picture=b"BM nothing that is known")
    opened = open_file(path)
    assert [item.kind for item in opened.objects] == ["group"]
    assert opened.warnings == ("overview is left out: its picture is not a PNG",)


@pytest.mark.parametrize("order", ["lines", "columns", "serpentine", "shuffled"])
def test_spots_go_where_their_positions_say(order: str, tmp_path: Path) -> None:
    numbers = np.arange(77).reshape(7, 11)
    if order == "columns":
        numbers = numbers.T
    elif order == "serpentine":
        numbers[1::2] = numbers[1::2, ::-1]
    elif order == "shuffled":
        numbers = np.random.default_rng(5).permutation(77)
    path = tmp_path / "slide.mcd"
    write_mcd(path, [VALUES], order=np.ravel(numbers))
    (group,) = groups_of(path)
    np.testing.assert_array_equal(values_of(group), VALUES)
    box = group.images[1].data[2:5, 3:9]
    np.testing.assert_array_equal(box.compute(), VALUES[1, 2:5, 3:9])


@pytest.mark.parametrize("order", [None, np.arange(77)[::-1]])
def test_an_acquisition_that_was_stopped_has_empty_pixels(
    order: Any, tmp_path: Path
) -> None:
    path = tmp_path / "slide.mcd"
    write_mcd(path, [VALUES], order=order, spots=30)
    opened = open_file(path)
    (group,) = opened.objects
    assert isinstance(group, ImageGroup)
    measured = np.ravel(values_of(group)[0])[:: -1 if order is not None else 1]
    wanted = np.ravel(VALUES[0])[:: -1 if order is not None else 1]
    np.testing.assert_array_equal(measured[:30], wanted[:30])
    assert np.isnan(measured[30:]).all()
    assert "30 of 77 pixels" in opened.warnings[0]


def test_chunks_of_a_large_acquisition_are_cheap_alone(tmp_path: Path) -> None:
    path = tmp_path / "slide.mcd"
    write_mcd(path, [VALUES])
    start = 170
    source = AcquisitionSource(path, start, (2, 7, 11), 77)
    source = pickle.loads(pickle.dumps(source))
    boxes = [(c, slice(y, y + 2), slice(1, 9)) for c in (0, 1) for y in range(0, 7, 2)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda box: source[box], boxes))
    for box, values in zip(boxes, found, strict=True):
        np.testing.assert_array_equal(values, VALUES[box])


def test_a_turned_outline_turns_the_raster(tmp_path: Path) -> None:
    path = tmp_path / "slide.mcd"
    write_mcd(path, [VALUES], corners=TURNED)
    first = groups_of(path)[0].images[0]
    assert first.spacing == pytest.approx({"y": 5.0, "x": 2.0})
    corner, end_of_line, _, last_line = outline(first)
    np.testing.assert_allclose(corner, (400, 200))
    along = np.subtract(TURNED[1], TURNED[0]) * (1, -1)
    across = np.subtract(TURNED[3], TURNED[0]) * (1, -1)
    for side, wanted, length in (
        (end_of_line - corner, along, 22),
        (last_line - corner, across, 35),
    ):
        unit = wanted[::-1] / np.linalg.norm(wanted)
        np.testing.assert_allclose(side, unit * length, atol=1e-9)


@pytest.mark.parametrize(
    "corners",
    [
        ((0, 0), (50, 10), (30, 90), (5, 5)),  # no rectangle
        ((900, 900), (950, 900), (950, 850), (900, 850)),  # of another acquisition
        ((200, 600), (200, 600), (200, 600), (200, 600)),  # a point
    ],
)
def test_an_outline_that_does_not_fit_gives_way_to_start_and_end(
    corners: Any, tmp_path: Path
) -> None:
    path = tmp_path / "slide.mcd"
    write_mcd(path, [VALUES], corners=corners)
    np.testing.assert_allclose(
        outline(groups_of(path)[0].images[0]),
        [(400, 200), (400, 222), (435, 222), (435, 200)],
    )


def test_a_start_in_nanometres_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "slide.mcd"
    write_mcd(
        path, [VALUES], fields={"ROIStartXPosUm": 200000, "ROIStartYPosUm": 600000}
    )
    np.testing.assert_allclose(outline(groups_of(path)[0].images[0])[0], (400, 200))


def test_an_acquisition_without_a_place_says_so(tmp_path: Path) -> None:
    path = tmp_path / "slide.mcd"
    write_mcd(path, [VALUES], fields={"ROIEndXPosUm": 200})
    opened = open_file(path)
    (group,) = opened.objects
    assert isinstance(group, ImageGroup)
    # It must not lie at the corner of the slide among the others.
    assert group.images[0].space == "slide ROI_001"
    np.testing.assert_allclose(outline(group.images[0])[0], (-2.5, -1))
    assert opened.warnings == ("the file does not say where on the slide ROI_001 lies",)


def test_the_distance_of_shots_is_never_guessed(tmp_path: Path) -> None:
    path = tmp_path / "slide.mcd"
    write_mcd(path, [VALUES], fields={"AblationDistanceBetweenShotsX": ""})
    with pytest.raises(MissingCalibration, match="how large"):
        read(path)
    image = groups_of(path, pixel_size=3.0)[0].images[0]
    assert image.spacing == {"y": 3.0, "x": 3.0}
    assert image.tags.origin("pixel_size_um") == "user"


def test_a_few_spots_do_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "slide.mcd"
    write_mcd(path, [VALUES], fields={"MaxX": 10**6, "MaxY": 10**6})
    with pytest.raises(UnreadableFile, match="77 spots for 1000000 × 1000000"):
        read(path)


def test_an_end_that_is_one_byte_early_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "slide.mcd"
    write_mcd(path, [VALUES])
    data = path.read_bytes()
    end = f"<DataEndOffset>{170 + 77 * 20}<".encode("utf-16-le")
    early = f"<DataEndOffset>{170 + 77 * 20 - 1}<".encode("utf-16-le")
    assert data.count(end) == 1
    path.write_bytes(data.replace(end, early))
    np.testing.assert_array_equal(values_of(groups_of(path)[0]), VALUES)


BAD = {"DataEndOffset": 10**9}


def test_the_text_file_stands_in_for_a_damaged_acquisition(tmp_path: Path) -> None:
    path = tmp_path / "slide.mcd"
    write_mcd(path, [VALUES], fields=BAD)
    write_txt(tmp_path / "slide_ROI_001_1.txt", VALUES)
    opened = open_file(path)
    (group,) = opened.objects
    assert isinstance(group, ImageGroup)
    np.testing.assert_array_equal(values_of(group), VALUES)
    assert [image.tags["isotope"] for image in group] == ["Au197", "Ir191"]
    np.testing.assert_allclose(outline(group.images[0])[0], (400, 200))
    (warning,) = opened.warnings
    assert "ROI_001 is damaged in slide.mcd" in warning
    assert "it was read from slide_ROI_001_1.txt" in warning


def test_a_damaged_acquisition_does_not_take_the_others_with_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "slide.mcd"
    write_mcd(path, [VALUES, VALUES], fields=BAD)
    with pytest.raises(UnreadableFile, match=r"ROI_002 .* not a whole number of spots"):
        read(path)
    write_txt(tmp_path / "slide_ROI_002_2.txt", VALUES)
    opened = open_file(path)
    assert [item.name for item in opened.objects] == ["ROI_002"]
    assert any("ROI_001" in w and "left out" in w for w in opened.warnings)


def test_a_cut_slide_is_recovered_from_the_text_files(
    shared_data: Path, tmp_path: Path
) -> None:
    for file in (shared_data / SLIDE).parent.iterdir():
        shutil.copyfile(file, tmp_path / file.name)
    path = tmp_path / Path(SLIDE).name
    whole = [values_of(group) for group in groups_of(path)]
    path.write_bytes(path.read_bytes()[:200000])
    assert recognise(path) is not None
    with pytest.raises(MissingCalibration):
        read(path)
    opened = open_file(path, pixel_size=1.0)
    assert len(opened.objects) == 3
    for group, wanted in zip(opened.objects, whole, strict=True):
        assert isinstance(group, ImageGroup)
        np.testing.assert_allclose(values_of(group), wanted, atol=5.01e-4)
    assert "read from the text files beside it" in opened.warnings[0]
    for text in tmp_path.glob("*.txt"):
        text.unlink()
    with pytest.raises(UnreadableFile, match="no table of contents"):
        read(path, pixel_size=1.0)


def test_text_does_not_state_the_pixel_size(tmp_path: Path) -> None:
    path = tmp_path / "roi.txt"
    write_txt(path, VALUES)
    with pytest.raises(MissingCalibration, match="pixel_size"):
        read(path)


def test_text_that_was_cut_off_has_empty_pixels(tmp_path: Path) -> None:
    path = tmp_path / "roi.txt"
    write_txt(path, VALUES)
    path.write_bytes(path.read_bytes()[:-4])
    opened = open_file(path, pixel_size=1.0)
    (group,) = opened.objects
    assert isinstance(group, ImageGroup)
    values = values_of(group)
    assert np.isnan(values[:, -1, -1]).all()
    np.testing.assert_array_equal(values[:, :-1], VALUES[:, :-1])
    assert "not complete" in opened.warnings[0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("gold(Au197Di)", "gold", "label"),
        ("\n5\t6\t1\t5\t0", "\n5\t6\t1\tno\t0", "without a position"),
        ("\n5\t6\t1\t5\t0", "\n5\t6\t1\t999999\t0", "spreads 77 spots"),
        ("\n5\t6\t1\t5\t0", "\n5\t6\t1\t5", "line 7 .* all its columns"),
    ],
)
def test_text_with_wrong_rows_is_refused(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "roi.txt"
    write_txt(path, VALUES)
    path.write_text(path.read_text().replace(old, new), encoding="utf-8")
    with pytest.raises(UnreadableFile, match=message):
        read(path, pixel_size=1.0)


def test_other_text_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Start_push\tEnd_push\nof a birth\n", encoding="utf-8")
    assert recognise(path) is None


@pytest.mark.parametrize("kind", ["mcd", "txt"])
def test_damaged_copies_give_data_or_one_error(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    path = tmp_path / f"slide.{kind}"
    if kind == "mcd":
        picture = np.zeros((6, 8, 3), np.uint8)
        write_mcd(path, [VALUES, VALUES], corners=TURNED, picture=png(picture))
    else:
        write_txt(path, VALUES)
    read_ = [
        assert_data_or_one_error(copy, format=f"imc-{kind}", pixel_size=1.0)
        for copy in damaged_copies(path, folder, count=COPIES)
    ]
    assert not all(read_)


def test_one_acquisition_of_a_slide_is_converted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "slide.mcd", tmp_path / "roi.ome.tif"
    write_mcd(path, [VALUES, VALUES + 1])
    groups = groups_of(path)
    assert main(["convert", str(path), str(out)]) == 2
    assert "Name one with --image" in capsys.readouterr().err
    assert main(["convert", str(path), str(out), "--image", "none"]) == 2
    assert f"none called none: {groups[0].name}" in capsys.readouterr().err
    assert main(["convert", str(path), str(out), "--image", groups[1].name]) == 0
    (found,) = read(out)
    assert isinstance(found, ImageGroup)
    np.testing.assert_array_equal(values_of(found), VALUES + 1)
    # Where it lies on the slide is kept.
    np.testing.assert_array_equal(
        found.images[0].grid_to_space.matrix, groups[1].images[0].grid_to_space.matrix
    )
