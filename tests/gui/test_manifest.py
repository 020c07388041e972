"""The manifest that napari reads."""

from __future__ import annotations

import importlib.metadata
import importlib.resources

import pytest
from npe2 import PluginManifest
from npe2.manifest.utils import import_python_name

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
