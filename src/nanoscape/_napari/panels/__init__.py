"""The panel, one file per tab."""

from nanoscape._napari.panels.panel import Panel

__all__ = ["Panel"]
