"""Open a study in napari: ``python -m nanoscape._napari STUDY``."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    """Open the window with a study and the panel, and wait until it is closed."""
    import napari

    viewer = napari.Viewer(title="Nanoscape")
    _, dock = viewer.window.add_plugin_dock_widget("napari-nanoscape")
    if len(sys.argv) > 1:
        study = Path(sys.argv[1])
        dock.when_ready(lambda panel: panel.state.arrivals.open_study(study))
    napari.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
