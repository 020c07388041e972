"""A canvas for plots that follows the theme of the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.theme import get_theme
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from nanoscape._napari.following import follow
from nanoscape._napari.tasks import save_or_say

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Draw = Callable[["Figure"], Any]
"""Draws on an empty figure."""

_PRINT_DPI = 300
_MIN_HEIGHT = 120
_FORMATS = "PNG (*.png);;SVG (*.svg);;PDF (*.pdf)"


def theme_settings(theme: str) -> dict[str, Any]:
    """Return matplotlib's settings for a theme of napari.

    Parameters
    ----------
    theme
        Name of the theme.
    """
    colours = get_theme(theme)
    text, ground = colours.text.as_hex(), colours.background.as_hex()
    settings: dict[str, Any] = dict.fromkeys(
        (
            "text.color",
            "axes.labelcolor",
            "axes.edgecolor",
            "axes.titlecolor",
            "xtick.color",
            "ytick.color",
        ),
        text,
    )
    settings |= dict.fromkeys(("figure.facecolor", "axes.facecolor"), ground)
    return settings | {
        "font.size": float(colours.font_size.removesuffix("pt")),
        "legend.facecolor": ground,
        "legend.edgecolor": colours.foreground.as_hex(),
        "grid.color": colours.foreground.as_hex(),
    }


class PlotCanvas(QWidget):
    """Shows one plot in the colours of the window, and saves it in those of print.

    Parameters
    ----------
    viewer
        Its theme is followed.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        # Loading matplotlib takes half a second that the panel need not wait for.
        from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
        from matplotlib.figure import Figure

        self._viewer = viewer
        self._draw: Draw | None = None
        self._save_data: Callable[[Path], Any] | None = None
        self.figure = Figure(layout="constrained")
        self.canvas = FigureCanvasQTAgg(self.figure)
        self.canvas.setMinimumHeight(_MIN_HEIGHT)
        self.canvas.setAccessibleName("Plot")
        self.save = QPushButton("Save plot…")
        self.save.setToolTip("Saves the plot as PNG, SVG or PDF, in black on white.")
        self.save.clicked.connect(self._ask_path)
        bar = QVBoxLayout()
        bar.addWidget(self.save)
        bar.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.addWidget(self.canvas, 1)
        layout.addLayout(bar)
        follow(viewer.events.theme, self, self.redraw)

    def show_plot(self, draw: Draw) -> None:
        """Draw a plot, and again whenever the theme changes."""
        self._draw = draw
        self.redraw()

    def redraw(self) -> None:
        """Draw again in the colours of the theme."""
        if self._draw is None:
            return
        import matplotlib as mpl

        settings = theme_settings(self._viewer.theme)
        with mpl.rc_context(settings):
            self.figure.clear()
            self.figure.set_facecolor(settings["figure.facecolor"])
            self._draw(self.figure)
        self.canvas.draw_idle()

    def save_as(self, path: Path) -> Path:
        """Write the plot in the colours of print.

        Parameters
        ----------
        path
            Its suffix, such as ``.png`` or ``.svg``, tells the format.
        """
        from matplotlib.figure import Figure

        figure = Figure(figsize=self.figure.get_size_inches(), layout="constrained")
        if self._draw is not None:
            self._draw(figure)
        temporary = path.with_name(f".{path.stem}.tmp{path.suffix}")
        try:
            figure.savefig(temporary, dpi=_PRINT_DPI)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        return path

    def _ask_path(self) -> None:
        name, chosen = QFileDialog.getSaveFileName(self, "Save plot", "plot", _FORMATS)
        if name:
            path = Path(name)
            if not path.suffix:
                path = path.with_suffix(f".{chosen[:3].lower()}")
            save_or_say(lambda: self.save_as(path), "plot")
