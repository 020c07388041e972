"""Beside another reader plugin that takes the same names, nobody takes what is not his.

``python -m benchmarks.other_readers`` tries the same with plugins that exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import npe2
import numpy as np
import pytest
from npe2 import DynamicPlugin

from nanoscape import io
from nanoscape.io import FORMATS
from nanoscape.model import Image

OURS, OTHER = "napari-nanoscape", "other-reader"
THEIRS: list[Any] = [(np.zeros((2, 2)), {"name": "theirs"}, "image")]
BROAD = sorted({p for form in FORMATS for p in form.patterns if form.broad})


@pytest.fixture
def plugins(npe2pm: Any) -> Iterator[Any]:
    """Both plugins; the other one opens whatever it is given."""
    with (
        npe2pm.tmp_plugin(package=OURS),
        DynamicPlugin(OTHER, plugin_manager=npe2pm) as other,
    ):

        @other.contribute.reader(filename_patterns=["*"], accepts_directories=True)
        def get_reader(path: Any) -> Callable[[Any], list[Any]]:
            return lambda _: THEIRS

        yield npe2pm


def narrow() -> list[str]:
    manifest = npe2.PluginManifest.from_distribution(OURS)
    (reader,) = manifest.contributions.readers or []
    return sorted(reader.filename_patterns)


def offered(plugins: Any, path: Path) -> set[str]:
    return {r.plugin_name for r in plugins.iter_compatible_readers(str(path))}


def opened_by(path: Path, plugin: str | None = None) -> str:
    """Return who opened a file, when napari's user did or did not choose."""
    _, reader = npe2.io_utils.read_get_reader(
        [str(path)], plugin_name=plugin, stack=False
    )
    return str(reader.plugin_name)


@pytest.mark.parametrize("content", [b"something else", b""], ids=["foreign", "empty"])
@pytest.mark.parametrize("pattern", narrow())
def test_a_foreign_file_under_one_of_our_names_is_left_to_others(
    pattern: str, content: bytes, plugins: Any, tmp_path: Path
) -> None:
    path = tmp_path / pattern.replace("*", "a")
    path.write_bytes(content)
    assert offered(plugins, path) == {OURS, OTHER}
    assert opened_by(path) == OTHER
    with pytest.raises(ValueError, match="refused"):
        opened_by(path, OURS)


@pytest.mark.parametrize("pattern", [p for p in BROAD if p not in narrow()])
def test_names_that_many_use_are_not_even_asked_for(
    pattern: str, plugins: Any, tmp_path: Path
) -> None:
    path = tmp_path / pattern.replace("*", "a")
    path.write_bytes(b"something")
    assert offered(plugins, path) == {OTHER}
    assert opened_by(path) == OTHER


def test_our_file_is_opened_by_whom_the_user_chooses(
    plugins: Any, tmp_path: Path
) -> None:
    path = tmp_path / "a.ome.tif"
    io.write(Image.from_array(np.eye(5, dtype=np.float32), "yx", spacing=0.5), path)
    assert offered(plugins, path) == {OURS, OTHER}
    assert opened_by(path, OURS) == OURS
    assert opened_by(path, OTHER) == OTHER


def test_of_folders_only_ours_are_taken(plugins: Any, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"something")
    assert opened_by(folder) == OTHER
    image = tmp_path / "a.ome.zarr"
    io.write(Image.from_array(np.eye(5, dtype=np.float32), "yx", spacing=0.5), image)
    assert offered(plugins, image) == {OURS, OTHER}
    assert opened_by(image, OURS) == OURS
    assert opened_by(image, OTHER) == OTHER
