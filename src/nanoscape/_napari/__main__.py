"""Open a study in napari: ``python -m nanoscape._napari STUDY``."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    """Open the window with a study and the panel, and wait until it is closed."""
    import napari

    from nanoscape._napari.state import state_of

    viewer = napari.Viewer(title="Nanoscape")
    viewer.window.add_plugin_dock_widget("napari-nanoscape")
    if len(sys.argv) > 1:
        state_of(viewer).arrivals.open_study(Path(sys.argv[1]))
    napari.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
