"""Landmarks and points in the dialects of other programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from landmark_texts import (
    BIGWARP,
    BIGWARP_3D,
    BIGWARP_JSON,
    ELASTIX,
    PLACES,
    TRANSFORMIX,
)

from nanoscape.errors import MissingCalibration, UnreadableFile, WrongInput
from nanoscape.io import open_file, read, read_bigwarp, recognise, write
from nanoscape.io.annotations.elastix_points import (
    read_elastix_pair,
    write_elastix_pair,
)
from nanoscape.model import Landmarks, Points


@pytest.fixture
def pairs() -> Landmarks:
    rng = np.random.default_rng(5)
    return Landmarks(
        moving=rng.normal(0, 1e4, (6, 3)),
        fixed=rng.normal(0, 1e4, (6, 3)),
        moving_space='msi, "left"',
        fixed_space="m1/patient",
        axes="zyx",
        names=("a", "b,c", "d", 'e"', "µ", "g"),
        click_error_um=12.5,
    )


def save(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_bigwarp_pairs_come_with_x_last(tmp_path: Path) -> None:
    path = save(tmp_path / "landmarks.csv", BIGWARP)
    assert recognise(path).name == "bigwarp"
    with pytest.raises(MissingCalibration, match="1000 for mm"):
        read(path)
    opened = open_file(path, pixel_size=1000.0)
    (found,) = opened.objects
    assert found.names == ("Pt-0",)
    np.testing.assert_array_equal(found.moving, [[2500, 1500]])
    np.testing.assert_array_equal(found.fixed, [[20000, 10000]])
    assert opened.warnings[0].startswith("2 landmarks that are switched off")


def test_bigwarp_images_may_have_different_units(tmp_path: Path) -> None:
    path = save(tmp_path / "landmarks.csv", BIGWARP)
    found = read_bigwarp(path, moving_unit=0.5, fixed_unit=1.0)
    np.testing.assert_array_equal(found.moving, [[1.25, 0.75]])
    np.testing.assert_array_equal(found.fixed, [[20, 10]])
    with pytest.raises(UnreadableFile):
        read_bigwarp(tmp_path / "none.csv", moving_unit=1.0, fixed_unit=1.0)


def test_bigwarp_in_three_axes_and_as_json(tmp_path: Path) -> None:
    (found,) = read(save(tmp_path / "a.csv", BIGWARP_3D), pixel_size=1.0)
    assert found.axes == "zyx"
    np.testing.assert_array_equal(found.fixed, [[30, 20, 10]])
    (same,) = read(save(tmp_path / "a.json", BIGWARP_JSON), pixel_size=1.0)
    np.testing.assert_array_equal(same.moving, found.moving)
    np.testing.assert_array_equal(same.fixed, found.fixed)


def test_elastix_points_in_world_units_and_in_pixels(tmp_path: Path) -> None:
    path = save(tmp_path / "fixed.pts", ELASTIX)
    with pytest.raises(MissingCalibration):
        read(path)
    (points,) = read(path, pixel_size=1000.0)
    assert points.axes == "yx"
    np.testing.assert_allclose(points.coordinates, [[-33400, 102800], [7e3, 5e4]])
    assert not points.tags
    path = save(tmp_path / "index.pts", "index\n1\n10 20 30\n")
    (points,) = read(path, pixel_size=0.5)
    np.testing.assert_allclose(points.coordinates, [[15, 10, 5]])
    assert points.tags["pixel_size_um"] == 0.5


def test_what_transformix_moved_is_read_as_pairs(tmp_path: Path) -> None:
    (pairs,) = read(save(tmp_path / "outputpoints.txt", TRANSFORMIX), pixel_size=1e3)
    # It maps the fixed image into the moving one.
    np.testing.assert_allclose(pairs.fixed[0], [150e3, 250, 500])
    np.testing.assert_allclose(pairs.moving[1], [146.2e3, 8.8e3, 19.2e3])
    assert len(pairs) == 2


def test_landmarks_come_back_from_their_own_table(
    pairs: Landmarks, tmp_path: Path
) -> None:
    (found,) = read(write(pairs, tmp_path / "pairs.csv"))
    np.testing.assert_array_equal(found.moving, pairs.moving)
    np.testing.assert_array_equal(found.fixed, pairs.fixed)
    assert found.names == pairs.names
    assert found.moving_space == pairs.moving_space
    assert found.fixed_space == pairs.fixed_space
    assert found.click_error_um == 12.5


def test_landmarks_come_back_from_bigwarp(pairs: Landmarks, tmp_path: Path) -> None:
    path = write(pairs, tmp_path / "pairs.bigwarp.csv")
    assert path.read_text("utf-8").startswith('"a","true","')
    (found,) = read(path, pixel_size=1.0)
    np.testing.assert_array_equal(found.moving, pairs.moving)
    np.testing.assert_array_equal(found.fixed, pairs.fixed)
    assert found.names == pairs.names


def test_landmarks_come_back_from_elastix(pairs: Landmarks, tmp_path: Path) -> None:
    fixed, moving = write_elastix_pair(pairs, tmp_path / "f.pts", tmp_path / "m.pts")
    assert fixed.read_text("ascii").startswith("point\n6\n")
    found = read_elastix_pair(fixed, moving)
    np.testing.assert_allclose(found.moving, pairs.moving, rtol=1e-15)
    np.testing.assert_allclose(found.fixed, pairs.fixed, rtol=1e-15)
    with pytest.raises(WrongInput, match="exists already"):
        write_elastix_pair(pairs, tmp_path / "f.pts", tmp_path / "m.pts")


def test_points_are_written_for_elastix(tmp_path: Path) -> None:
    points = Points(
        coordinates=np.array([[2000.0, 1500.0]]), axes="yx", space="s", name="p"
    )
    path = write(points, tmp_path / "p.pts")
    assert path.read_text("ascii") == "point\n1\n1.5 2.0\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", '"Pt-0","true","1","2","3","4"\n"Pt-1","true","1","2"\n'),
        ("a.csv", '"Pt-0","false","1","2","3","4"\n'),
        ("a.csv", '"P","true","1","2","3","4"\n"P","true","1","2","3","4","5","6"\n'),
        ("a.pts", "point\n3\n1 2\n3 4\n"),
        ("a.pts", "point\n2\n1 2\n3 4 5\n"),
        ("a.pts", "point\n1\n1 nan\n"),
        ("a.pts", "point\n1\n1 x\n"),
        ("a.txt", TRANSFORMIX.replace("OutputPoint", "Output", 1)),
        ("a.csv", PLACES.replace("8.5", "")),
        ("a.csv", PLACES.replace("8.5", "inf")),
    ],
)
def test_what_is_not_complete_is_one_error(
    tmp_path: Path, name: str, text: str
) -> None:
    with pytest.raises(UnreadableFile):
        read(save(tmp_path / name, text), pixel_size=1.0)
