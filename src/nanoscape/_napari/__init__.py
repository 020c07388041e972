"""The window: the only room that imports napari, magicgui or Qt."""
