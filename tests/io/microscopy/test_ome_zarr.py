from __future__ import annotations

import json
import pickle
import shutil
import threading
from itertools import product
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nanoscape.compute import Cancelled, Task, using
from nanoscape.compute.executor import Threads
from nanoscape.errors import MissingCalibration, UnreadableFile, WrongInput
from nanoscape.io import open_file, read, write
from nanoscape.io.microscopy import ome_zarr_writer
from nanoscape.model import Affine, Image, ImageGroup, Labels, Quantity, Tags

DTYPES = ("uint8", "uint16", "int16", "float32", "float64")
RNG = np.random.default_rng(7)


def oblique() -> Affine:
    matrix = np.eye(4)
    matrix[:3, :3] = [[1.9, 0.1, 0.0], [-0.4, 0.6, 0.05], [0.2, -0.1, -0.7]]
    matrix[:3, 3] = (-5, 12, 300)
    return Affine(matrix, "zyx", "zyx")


def image_of(axes: str, shape: tuple[int, ...], dtype: str, **more: Any) -> Image:
    values = RNG.integers(0, 200, shape).astype(dtype)
    return Image.from_array(
        values,
        axes,
        spacing={a: 0.25 * (i + 1) for i, a in enumerate("zyx")},
        times=tuple(3.5 * i for i in range(shape[0])) if axes[0] == "t" else None,
        **more,
    )


def assert_same(found: Any, given_: Any) -> None:
    assert type(found) is type(given_)
    np.testing.assert_array_equal(found.data.compute(), given_.data.compute())
    assert found.dtype == given_.dtype
    assert (found.axes, found.space, found.name) == (
        given_.axes,
        given_.space,
        given_.name,
    )
    np.testing.assert_allclose(found.grid_to_space.matrix, given_.grid_to_space.matrix)
    assert found.times == given_.times
    assert found.tags.to_dict() == given_.tags.to_dict()


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    axes=st.sampled_from(("yx", "zyx", "tyx", "tzyx")),
    sizes=st.lists(st.integers(1, 70), min_size=4, max_size=4),
    dtype=st.sampled_from(DTYPES),
)
def test_any_image_comes_back(
    axes: str, sizes: list[int], dtype: str, tmp_path: Path
) -> None:
    shape = tuple(
        min(n, 4) if a == "t" else n for a, n in zip(axes, sizes, strict=False)
    )
    image = image_of(axes, shape, dtype, name="sample", space="slice 3")
    path = tmp_path / "image.ome.zarr"
    shutil.rmtree(path, ignore_errors=True)
    write(image, path)
    (found,) = read(path)
    assert_same(found, image)


def test_all_that_is_known_comes_back(tmp_path: Path) -> None:
    image = Image.from_array(
        RNG.normal(size=(9, 20, 31)).astype(np.float32),
        "zyx",
        grid_to_space=oblique(),
        space="patient",
        name="PET",
        quantity=Quantity("activity concentration", "Bq/mL"),
        tags=Tags.of("header", modality="PT", weight_g=24.5).having(
            "user", role="Drug", section=np.int64(4)
        ),
    )
    path = write(image, tmp_path / "pet.ome.zarr")
    (found,) = read(path)
    assert_same(found, image)
    assert isinstance(found, Image)
    assert found.quantity == image.quantity
    assert found.tags.origin("role") == "user"


def test_channels_come_back_as_a_group(tmp_path: Path) -> None:
    names = ("nuclei", "CD31")
    images = tuple(
        image_of(
            "tzyx", (2, 3, 40, 50), "uint16", name=n, tags=Tags.of("user", stain=n)
        )
        for n in names
    )
    group = ImageGroup(images=images, coordinate="channel", name="tile")
    path = write(group, tmp_path / "group.ome.zarr")
    (found,) = read(path)
    assert isinstance(found, ImageGroup)
    assert found.name == "tile"
    for before, after in zip(images, found, strict=True):
        assert_same(after, before)


def test_colours_come_back_last(tmp_path: Path) -> None:
    values = RNG.integers(0, 255, (33, 45, 3)).astype(np.uint8)
    image = Image.from_array(values, "yx", spacing=0.5, rgb=True, name="H&E")
    (found,) = read(write(image, tmp_path / "he.ome.zarr"))
    assert isinstance(found, Image)
    assert found.rgb
    assert_same(found, image)
    stored = zarr.open_array(str(tmp_path / "he.ome.zarr" / "0"), mode="r")
    assert stored.shape == (3, 33, 45)


@pytest.mark.parametrize(
    ("axes", "shape", "rgb"),
    [
        ("tyx", (40, 300, 200), False),
        ("tyx", (20, 300, 200, 3), True),
        ("tzyx", (3, 70, 140, 130), False),
        ("yx", (1100, 1030), False),
    ],
)
def test_no_two_blocks_write_into_one_chunk(
    axes: str,
    shape: tuple[int, ...],
    rgb: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = np.random.default_rng(2).integers(1, 255, shape, np.uint8)
    image = Image.from_array(values, axes, spacing=1.0, space="s", rgb=rgb)
    touched: list[tuple[int, ...]] = []
    keep = ome_zarr_writer._Part.__setitem__

    def record(part: Any, core: tuple[slice, ...], block: Any) -> None:
        keep(part, core, block)
        if part.path.endswith("0"):
            chunks = zarr.open_array(part.path, mode="r").chunks
            edges = chunks[:1] + chunks[2:] if rgb else chunks
            parts = zip(core, edges, strict=False)
            touched.extend(
                product(*(range(c.start // n, -(-c.stop // n)) for c, n in parts))
            )

    monkeypatch.setattr(ome_zarr_writer._Part, "__setitem__", record)
    with using(Threads(workers=4)):
        path = write(image, tmp_path / "a.ome.zarr")
    assert len(touched) == len(set(touched))
    (found,) = read(path)
    np.testing.assert_array_equal(found.data.compute(), values)


def test_labels_come_back_with_their_table(tmp_path: Path) -> None:
    labels = Labels.from_array(
        RNG.integers(0, 5, (12, 30, 20)).astype(np.int32),
        "zyx",
        spacing=2.0,
        name="particles",
        table=pd.DataFrame({"index": [1, 2, 3, 4], "volume_um3": [1.5, 2, 3, 4]}),
    )
    (found,) = read(write(labels, tmp_path / "labels.ome.zarr"))
    assert_same(found, labels)
    assert isinstance(found, Labels)
    pd.testing.assert_frame_equal(found.table, labels.table)


def test_a_mask_stays_a_mask(tmp_path: Path) -> None:
    mask = Labels.from_array(RNG.random((40, 40)) > 0.5, "yx", spacing=1.0)
    (found,) = read(write(mask, tmp_path / "mask.ome.zarr"))
    assert_same(found, mask)


def test_a_large_image_gets_a_pyramid_that_lies_right(tmp_path: Path) -> None:
    image = image_of("yx", (1500, 2100), "uint8", name="large")
    (found,) = read(write(image, tmp_path / "large.ome.zarr"))
    assert isinstance(found, Image)
    assert [level.factors for level in found.levels] == [(1, 1), (2, 2), (4, 4)]
    metadata = json.loads((tmp_path / "large.ome.zarr/zarr.json").read_text())
    scales = metadata["attributes"]["ome"]["multiscales"][0]
    second = scales["datasets"][1]["coordinateTransformations"]
    spacing = image.spacing
    assert second[0]["scale"] == pytest.approx([2 * spacing[a] for a in "yx"])
    assert second[1]["translation"] == pytest.approx([spacing[a] / 2 for a in "yx"])
    assert [axis["unit"] for axis in scales["axes"]] == ["micrometer"] * 2
    assert_same(found, image)


def test_writing_never_holds_the_whole_image(tmp_path: Path) -> None:
    largest = 0
    lock = threading.Lock()

    def block(block_info: Any = None) -> np.ndarray[Any, Any]:
        nonlocal largest
        shape = block_info[None]["chunk-shape"]
        with lock:
            largest = max(largest, int(np.prod(shape)))
        return np.ones(shape, np.uint8)

    chunks = ((512,) * 4, (512,) * 4)
    data = da.map_blocks(
        block, chunks=chunks, dtype=np.uint8, meta=np.empty((0, 0), "u1")
    )
    seen: list[float] = []
    task = Task(report=lambda fraction, _text: seen.append(fraction))
    image = Image.from_array(data, "yx", spacing=1.0)
    write(image, tmp_path / "lazy.ome.zarr", task=task)
    assert largest == 512**2
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    task = Task()

    def stop(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        task.cancel()
        return values

    data = da.zeros((4096, 2048), np.uint8, chunks=1024).map_blocks(stop)
    image = Image.from_array(data, "yx", spacing=1.0)
    with pytest.raises(Cancelled):
        write(image, tmp_path / "half.ome.zarr", task=task)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    image = image_of("yx", (4, 5), "uint8")
    path = write(image, tmp_path / "a.ome.zarr")
    with pytest.raises(WrongInput, match="exists already"):
        write(image, path)
    with pytest.raises(WrongInput, match=r"\.ome\.zarr"):
        write(image, tmp_path / "a.png")
    with pytest.raises(WrongInput, match="does not exist"):
        write(image, tmp_path / "nowhere" / "a.ome.zarr")


def test_another_program_may_rescale_the_image(tmp_path: Path) -> None:
    image = image_of(
        "yx", (8, 9), "uint8", name="old", tags=Tags.of("user", role="Drug")
    )
    path = write(image, tmp_path / "a.ome.zarr")
    file = path / "zarr.json"
    metadata = json.loads(file.read_text())
    steps = metadata["attributes"]["ome"]["multiscales"][0]["datasets"][0]
    steps["coordinateTransformations"] = [{"type": "scale", "scale": [7.0, 7.0]}]
    file.write_text(json.dumps(metadata))
    opened = open_file(path)
    (found,) = opened.objects
    assert isinstance(found, Image)
    assert found.spacing == {"y": 7.0, "x": 7.0}
    assert "role" not in found.tags
    assert "rescaled" in opened.warnings[0]


def test_a_given_pixel_size_wins(tmp_path: Path) -> None:
    image = image_of("zyx", (3, 8, 9), "uint8")
    path = write(image, tmp_path / "a.ome.zarr")
    (found,) = read(path, pixel_size=3.0)
    assert isinstance(found, Image)
    assert found.spacing == pytest.approx({"z": 0.25, "y": 3.0, "x": 3.0})
    assert found.tags.origin("pixel_size_um") == "user"


def bare(path: Path, axes: list[Any], shape: tuple[int, ...], **more: Any) -> None:
    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    group.create_array("0", shape=shape, dtype=np.uint8, chunks=shape)
    scale = {"type": "scale", "scale": [1.0] * len(shape)}
    dataset = {"path": "0", "coordinateTransformations": [scale]}
    group.attrs["multiscales"] = [{"axes": axes, "datasets": [dataset]} | more]


def test_a_file_without_version_or_units(tmp_path: Path) -> None:
    bare(tmp_path / "a.zarr", ["y", "x"], (5, 6))
    with pytest.raises(MissingCalibration, match="pixel_size"):
        read(tmp_path / "a.zarr")
    (image,) = read(tmp_path / "a.zarr", pixel_size=2.0)
    assert isinstance(image, Image)
    assert image.spacing == {"y": 2.0, "x": 2.0}


def test_units_of_length_are_converted(tmp_path: Path) -> None:
    space = [{"name": n, "type": "space", "unit": "millimeter"} for n in "yx"]
    time = {"name": "t", "type": "time", "unit": "minute"}
    bare(tmp_path / "a.zarr", [time, *space], (3, 5, 6))
    (image,) = read(tmp_path / "a.zarr")
    assert isinstance(image, Image)
    assert image.spacing == {"y": 1000.0, "x": 1000.0}
    assert image.times == (0.0, 60.0, 120.0)


@pytest.mark.parametrize("inner", ["../outside", "/etc"])
def test_paths_stay_inside_the_folder(inner: str, tmp_path: Path) -> None:
    zarr.create_array(
        str(tmp_path / "outside"), shape=(2, 2), dtype="u1", zarr_format=2
    )
    path = tmp_path / "a.zarr"
    bare(path, ["y", "x"], (2, 2))
    attributes = json.loads((path / ".zattrs").read_text())
    attributes["multiscales"][0]["datasets"][0]["path"] = inner
    (path / ".zattrs").write_text(json.dumps(attributes))
    with pytest.raises(UnreadableFile, match="outside"):
        read(path, pixel_size=1.0)


@pytest.mark.parametrize("suffix", [".ome.zarr", ".ome.tif"])
def test_lazy_arrays_travel(suffix: str, tmp_path: Path) -> None:
    image = image_of("zyx", (3, 30, 40), "uint16")
    (found,) = read(write(image, tmp_path / f"a{suffix}"))
    assert isinstance(found, Image)
    sent = pickle.loads(pickle.dumps(found.data))
    assert sent.name == found.data.name
    np.testing.assert_array_equal(sent.compute(), image.data.compute())
    for key in (
        (slice(None), 3, slice(None, None, 2)),
        (-1, slice(5, 2, -1)),
        (slice(1, 1),),
    ):
        np.testing.assert_array_equal(
            found.data[key].compute(), image.data[key].compute()
        )
