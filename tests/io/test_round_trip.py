"""Rasters written and read again: what is kept is kept for every kind of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from nanoscape.errors import WrongInput
from nanoscape.io import open_file, read, write
from nanoscape.model import Affine, Image, ImageGroup, Labels, Quantity, Tags
from nanoscape.model.raster import Raster

AXES = ("yx", "zyx", "tyx", "tzyx")
NAMES = st.text("abc µ/°,\"'", min_size=1, max_size=8)
POSITIVE = st.floats(1e-3, 1e4)
PLACE = st.floats(-1e6, 1e6)


@st.composite
def affines(draw: st.DrawFn, axes: str, *, straight: bool) -> Affine:
    """Places with different spacings, turned, sheared and mirrored unless straight."""
    size = len(axes)
    matrix = np.eye(size + 1)
    matrix[:size, :size] = np.diag(
        draw(st.lists(POSITIVE, min_size=size, max_size=size))
    )
    if not straight:
        seed = draw(st.integers(0, 2**32 - 1))
        turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]
        matrix[:size, :size] = turn @ matrix[:size, :size]
    matrix[:size, size] = draw(st.lists(PLACE, min_size=size, max_size=size))
    return Affine(matrix, axes, axes)


@st.composite
def rasters(
    draw: st.DrawFn,
    *,
    straight: bool = False,
    times: bool = True,
    axes: tuple[str, ...] = AXES,
) -> dict[str, Any]:
    """Everything but the samples and the name."""
    chosen = draw(st.sampled_from([a for a in axes if times or "t" not in a]))
    spatial = chosen.removeprefix("t")
    shape = tuple(draw(st.integers(2, 5)) for _ in chosen)
    moments = None
    if "t" in chosen:
        steps = draw(
            st.lists(st.floats(0.1, 100), min_size=shape[0], max_size=shape[0])
        )
        moments = tuple(float(t) for t in np.cumsum(steps))
    return {
        "shape": shape,
        "axes": chosen,
        "grid_to_space": draw(affines(spatial, straight=straight)),
        "space": draw(NAMES),
        "times": moments,
    }


def tags(draw: st.DrawFn) -> Tags:
    values = {
        "subject": draw(NAMES),
        "weight_g": draw(st.floats(allow_nan=False, allow_infinity=False)),
        "list": draw(st.lists(st.integers(), max_size=3)),
        "flag": draw(st.booleans()),
    }
    return Tags.of(
        draw(st.sampled_from(["guess", "header", "sheet", "user"])), **values
    )


def samples(draw: st.DrawFn, shape: tuple[int, ...], dtype: str) -> Any:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if dtype.startswith("f"):
        return rng.normal(0, 1e3, shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


@st.composite
def images(
    draw: st.DrawFn, *, straight: bool = False, axes: tuple[str, ...] = AXES
) -> Image:
    fields = draw(rasters(straight=straight, axes=axes))
    shape = fields.pop("shape")
    rgb = draw(st.booleans())
    kinds = ["u1"] if rgb else ["u1", "u2", "i2", "u4", "f4", "f8"]
    data = samples(draw, (*shape, 3) if rgb else shape, draw(st.sampled_from(kinds)))
    return Image.from_array(
        data,
        name=draw(NAMES),
        quantity=Quantity(draw(NAMES), draw(NAMES)),
        tags=tags(draw),
        rgb=rgb,
        **fields,
    )


@st.composite
def groups(
    draw: st.DrawFn,
    *,
    straight: bool = False,
    kinds: tuple[str, ...] = ("u1", "i2", "u4", "f4"),
) -> ImageGroup:
    fields = draw(rasters(straight=straight))
    shape = fields.pop("shape")
    members = tuple(
        Image.from_array(
            samples(draw, shape, draw(st.sampled_from(kinds))),
            name=f"{draw(NAMES)}{number}",
            quantity=Quantity(draw(NAMES), "a.u."),
            tags=tags(draw),
            **fields,
        )
        for number in range(draw(st.integers(2, 3)))
    )
    return ImageGroup(
        images=members, coordinate="channel", name=draw(NAMES), tags=tags(draw)
    )


@st.composite
def labels(
    draw: st.DrawFn, *, straight: bool = False, axes: tuple[str, ...] = AXES
) -> Labels:
    fields = draw(rasters(straight=straight, times=False, axes=axes))
    shape = fields.pop("shape")
    del fields["times"]
    table = None
    if draw(st.booleans()):
        table = pd.DataFrame(
            {"index": [1, 2], "name": ["a", "b"], "area_um2": [1.5, 2]}
        )
    return Labels.from_array(
        samples(draw, shape, draw(st.sampled_from(["u1", "i4", "u4"]))) // 2,
        name=draw(NAMES),
        tags=tags(draw),
        table=table,
        **fields,
    )


def assert_same(found: Raster, wanted: Raster) -> None:
    assert type(found) is type(wanted)
    assert (found.axes, found.name, found.space) == (
        wanted.axes, wanted.name, wanted.space,
    )  # fmt: skip
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found.data, wanted.data)
    np.testing.assert_array_equal(
        found.grid_to_space.matrix, wanted.grid_to_space.matrix
    )
    assert found.grid_to_space.output_axes == wanted.grid_to_space.output_axes
    assert found.times == wanted.times
    assert found.tags.tags == wanted.tags.tags
    if isinstance(found, Image):
        assert isinstance(wanted, Image)
        assert (found.quantity, found.rgb) == (wanted.quantity, wanted.rgb)


def again(item: Any, folder: Path, suffix: str) -> Any:
    (found,) = read(write(item, folder / f"item{suffix}"))
    return found


@settings(max_examples=15, deadline=None)
@given(image=images())
def test_an_image_comes_back_from_ome_zarr(
    tmp_path_factory: pytest.TempPathFactory, image: Image
) -> None:
    folder = tmp_path_factory.mktemp("zarr")
    assert_same(again(image, folder, ".ome.zarr"), image)


@settings(max_examples=10, deadline=None)
@given(item=labels())
def test_labels_come_back_from_ome_zarr(
    tmp_path_factory: pytest.TempPathFactory, item: Labels
) -> None:
    found = again(item, tmp_path_factory.mktemp("zarr"), ".ome.zarr")
    assert_same(found, item)
    if item.table is None:
        assert found.table is None
    else:
        pd.testing.assert_frame_equal(found.table, item.table)


@settings(max_examples=10, deadline=None)
@given(group=groups())
def test_a_group_comes_back_from_ome_zarr(
    tmp_path_factory: pytest.TempPathFactory, group: ImageGroup
) -> None:
    found = again(group, tmp_path_factory.mktemp("zarr"), ".ome.zarr")
    assert (found.name, found.coordinate) == (group.name, group.coordinate)
    assert found.tags.tags == group.tags.tags
    for own, other in zip(found.images, group.images, strict=True):
        assert_same(own, other)


@settings(max_examples=15, deadline=None)
@given(image=images(straight=True))
def test_an_image_comes_back_from_ome_tiff(
    tmp_path_factory: pytest.TempPathFactory, image: Image
) -> None:
    assert_same(again(image, tmp_path_factory.mktemp("tiff"), ".ome.tif"), image)


@settings(max_examples=10, deadline=None)
@given(item=labels(straight=True))
def test_labels_come_back_from_ome_tiff(
    tmp_path_factory: pytest.TempPathFactory, item: Labels
) -> None:
    found = again(item, tmp_path_factory.mktemp("tiff"), ".ome.tif")
    assert_same(found, item)
    assert found.table is None


@settings(max_examples=10, deadline=None)
@given(group=groups(straight=True, kinds=("u2",)))
def test_a_group_comes_back_from_ome_tiff(
    tmp_path_factory: pytest.TempPathFactory, group: ImageGroup
) -> None:
    found = again(group, tmp_path_factory.mktemp("tiff"), ".ome.tif")
    assert (found.name, found.coordinate) == (group.name, group.coordinate)
    assert found.tags.tags == group.tags.tags
    for own, other in zip(found.images, group.images, strict=True):
        assert_same(own, other)


@pytest.mark.parametrize("axes", ["tyx", "zyx", "tzyx"])
def test_axes_of_one_element_come_back_from_ome_tiff(axes: str, tmp_path: Path) -> None:
    shape = (1,) * (len(axes) - 2) + (4, 5)
    image = Image.from_array(np.ones(shape), axes, spacing=2.0, name="a", space="s")
    assert_same(again(image, tmp_path, ".ome.tif"), image)
    mask = Labels.from_array(np.ones((4, 5), bool), "yx", spacing=2.0, name="m")
    (tmp_path / "mask").mkdir()
    assert_same(again(mask, tmp_path / "mask", ".ome.tif"), mask)


@settings(max_examples=15, deadline=None)
@given(image=images(axes=("zyx",)), packed=st.booleans())
def test_a_volume_comes_back_from_nifti(
    tmp_path_factory: pytest.TempPathFactory, image: Image, packed: bool
) -> None:
    folder = tmp_path_factory.mktemp("nifti")
    assert_same(again(image, folder, ".nii.gz" if packed else ".nii"), image)


@settings(max_examples=10, deadline=None)
@given(item=labels(axes=("zyx",)))
def test_labels_come_back_from_nifti(
    tmp_path_factory: pytest.TempPathFactory, item: Labels
) -> None:
    found = again(item, tmp_path_factory.mktemp("nifti"), ".nii")
    assert_same(found, item)
    assert found.table is None


def moved(volume: Any) -> Any:
    affine = volume.affine.copy()
    affine[0, 3] += 0.1
    return nibabel.Nifti1Image(volume.dataobj, affine, volume.header)


def halved(volume: Any) -> Any:
    header = volume.header.copy()
    header["descrip"] = b"FSL6.0"
    return nibabel.Nifti1Image(np.asarray(volume.dataobj) / 2, volume.affine, header)


def cropped(volume: Any) -> Any:
    return nibabel.Nifti1Image(
        np.asarray(volume.dataobj)[:2], volume.affine, volume.header
    )


@pytest.mark.parametrize("change", [moved, halved, cropped])
def test_a_nifti_file_that_another_program_changed_keeps_no_tags(
    change: Any, tmp_path: Path
) -> None:
    image = Image.from_array(
        np.ones((3, 4, 5), np.float32),
        "zyx",
        spacing=2000.0,
        quantity=Quantity("activity concentration", "Bq/mL"),
        tags=Tags.of("user", subject="m"),
    )
    path = write(image, tmp_path / "a.nii")
    nibabel.save(change(nibabel.load(path)), tmp_path / "b.nii")
    opened = open_file(tmp_path / "b.nii")
    assert any("another program" in sentence for sentence in opened.warnings)
    (found,) = opened.objects
    assert isinstance(found, Image)
    assert "subject" not in found.tags
    assert found.quantity.unit != "Bq/mL"


CHANGES = {
    "cropped": (
        (3, 4),
        np.uint16,
        {'SizeX="5"': 'SizeX="4"', 'SizeY="4"': 'SizeY="3"'},
    ),
    "converted": ((4, 5), np.uint8, {'Type="uint16"': 'Type="uint8"'}),
    "rescaled": ((4, 5), np.uint16, {'SizeX="2.0"': 'SizeX="4.0"'}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_ome_tiff_that_another_program_changed_keeps_no_tags(
    change: str, tmp_path: Path
) -> None:
    image = Image.from_array(
        np.ones((4, 5), np.uint16), "yx", spacing=2.0, tags=Tags.of("user", subject="m")
    )
    path = write(image, tmp_path / "a.ome.tif")
    with tifffile.TiffFile(path) as file:
        text = file.pages.first.description
    shape, dtype, edits = CHANGES[change]
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new)
    tifffile.imwrite(path, np.ones(shape, dtype), description=text.encode())
    opened = open_file(path)
    assert any("another program" in sentence for sentence in opened.warnings)
    (found,) = opened.objects
    assert isinstance(found, Image)
    assert (found.shape, found.dtype) == (shape, dtype)
    assert "subject" not in found.tags
    assert found.spacing["x"] == (4.0 if change == "rescaled" else 2.0)


def test_whole_numbers_too_long_for_a_shared_array_are_refused(tmp_path: Path) -> None:
    members = tuple(
        Image.from_array(np.array([[2**62 + 1]], dtype), "yx", spacing=1.0, name=dtype)
        for dtype in ("i8", "f4")
    )
    group = ImageGroup(images=members, coordinate="channel", name="both")
    with pytest.raises(WrongInput, match="64-bit"):
        write(group, tmp_path / "both.ome.zarr")
    assert list(tmp_path.iterdir()) == []
