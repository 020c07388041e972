"""The manifest that napari reads."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
from fnmatch import fnmatch

import pytest
from npe2 import PluginManifest
from npe2.manifest.utils import import_python_name

from nanoscape.io import FORMATS

FILE = importlib.resources.files("nanoscape") / "napari.yaml"


@pytest.fixture(scope="module")
def manifest() -> PluginManifest:
    with importlib.resources.as_file(FILE) as path:
        return PluginManifest.from_file(path)


def test_napari_finds_the_manifest() -> None:
    (entry,) = importlib.metadata.entry_points(
        group="napari.manifest", name="napari-nanoscape"
    )
    assert entry.value == "nanoscape:napari.yaml"
    assert PluginManifest.from_distribution(entry.name).name == entry.name


def test_every_python_name_can_be_imported(manifest: PluginManifest) -> None:
    commands = manifest.contributions.commands or []
    assert commands
    for command in commands:
        assert command.python_name is not None, command.id
        assert callable(import_python_name(command.python_name)), command.id


def test_every_command_referred_to_exists(
    manifest: PluginManifest,
) -> None:
    contributions = manifest.contributions
    known = {command.id for command in contributions.commands or []}
    named = {
        *(item.command for item in contributions.readers or []),
        *(item.command for item in contributions.writers or []),
        *(item.command for item in contributions.widgets or []),
        *(
            item.command
            for item in contributions.sample_data or []
            if hasattr(item, "command")
        ),
        *(
            item.command
            for items in (contributions.menus or {}).values()
            for item in items
            if hasattr(item, "command")
        ),
    }
    assert named <= known


# Names that many programs use for many things: napari would ask, or worse, take us.
SHARED = (
    "notes.txt",
    "table.csv",
    "table.tsv",
    "table.xlsx",
    "image.tif",
    "image.tiff",
    "image.png",
    "image.jpg",
    "image.jpeg",
    "image.czi",
    "image.zarr",
    "image.ome.zarr",
    "image.h5",
    "image.hdf5",
    "image.xml",
    "image.npy",
    "image.npz",
    "image.hdr",
    "image.img",
    "image.raw",
    "image.zip",
    "image.tar.gz",
    "metadata.json",
    "settings.yaml",
)


def test_no_pattern_reaches_for_what_others_use(manifest: PluginManifest) -> None:
    patterns = [
        pattern
        for reader in manifest.contributions.readers or []
        for pattern in reader.filename_patterns
    ]
    assert patterns
    taken = {
        (name, pattern)
        for name in SHARED
        for pattern in patterns
        if fnmatch(name.lower(), pattern.lower())
    }
    assert not taken


def test_patterns_are_those_of_the_formats(manifest: PluginManifest) -> None:
    (reader,) = manifest.contributions.readers or []
    ours = {pattern for form in FORMATS for pattern in form.patterns}
    offered = set(reader.filename_patterns)
    assert offered - ours == {"*study.yaml"}
    slides = next(form for form in FORMATS if form.name == "slide")
    assert {*slides.patterns} <= offered
