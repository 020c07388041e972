"""Preferences of the user, kept by napari."""

from __future__ import annotations

PLUGIN = "napari-nanoscape"
VISIBLE_IMAGES = 4


def visible_images() -> int:
    """Return how many images of one file are visible when it is opened.

    Napari keeps preferences of plugins since version 0.9; before, and while the
    plugin is not known to it, the default is taken.
    """
    try:
        from napari.settings import get_plugin_settings

        opening = get_plugin_settings(PLUGIN).opening
    except (ImportError, KeyError, AttributeError, ValueError):
        return VISIBLE_IMAGES
    return int(opening.visible_images)
