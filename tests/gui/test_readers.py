"""Files without a window: what is ours, and layers in micrometres."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from npe2 import PluginManager, PluginManifest

from nanoscape import io
from nanoscape._napari.readers import get_reader, read
from nanoscape._napari.writers import write_layer
from nanoscape.errors import MissingCalibration
from nanoscape.model import Image, Labels


@pytest.mark.parametrize("name", ["notes.txt", "picture.png", "missing.ome.tif"])
def test_what_is_not_ours_is_left_to_others(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if not name.startswith("missing"):
        path.write_bytes(b"something else")
    assert get_reader(str(path)) is None


def test_content_decides_and_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "not_really.ome.tif"
    path.write_bytes(b"no picture at all")
    assert get_reader(str(path)) is None
    assert get_reader(str(tmp_path)) is None


def test_layers_without_a_window_are_in_micrometres(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    io.write(Image.from_array(np.eye(5, dtype=np.float32), "yx", spacing=0.5), path)
    assert get_reader(str(path)) is read
    ((data, settings, kind),) = read(str(path))
    assert kind == "image"
    np.testing.assert_array_equal(data, np.eye(5))
    np.testing.assert_allclose(settings["scale"], 0.5)
    assert settings["units"] == ("um", "um")


def test_without_a_window_a_missing_pixel_size_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, np.zeros((5, 6), np.uint8), metadata={"axes": "YX"})
    with pytest.raises(MissingCalibration, match="how large its pixels are"):
        read(str(path))


def test_napari_offers_the_reader_for_narrow_names_only() -> None:
    manager = PluginManager()
    manager.register(PluginManifest.from_distribution("napari-nanoscape"))
    offered = {
        name: any(manager.iter_compatible_readers([name]))
        for name in ("a.ome.tif", "a.SVS", "a.imzML", "a.tif", "a.csv", "a.png")
    }
    assert [name for name, is_ours in offered.items() if is_ours] == [
        "a.ome.tif",
        "a.SVS",
        "a.imzML",
    ]


def test_a_writer_keeps_the_place_of_a_layer(tmp_path: Path) -> None:
    path = str(tmp_path / "labels.ome.zarr")
    data = np.eye(6, dtype=np.uint16)
    meta = {"scale": (2.0, 3.0), "units": ("um", "um"), "name": "cells"}
    assert write_layer(path, data, meta) == [path]
    (again,) = io.read(path)
    assert isinstance(again, Labels)
    assert again.spacing == {"y": 2.0, "x": 3.0}
    assert write_layer(path, data, meta) == []
