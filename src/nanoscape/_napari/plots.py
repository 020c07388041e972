"""A canvas for plots that follows the theme of the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.theme import get_theme
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from nanoscape._napari.drawings import Draw
from nanoscape._napari.following import follow
from nanoscape._napari.tasks import save_or_say

if TYPE_CHECKING:
    from nanoscape.plotting.style import Theme

_PRINT_DPI = 300
_PRINT_SIZE = 8.0
_MIN_HEIGHT = 120
_FORMATS = "PNG (*.png);;SVG (*.svg);;PDF (*.pdf)"


def theme_of(name: str) -> tuple[Theme, float]:
    """Return the colours of a theme of napari for plots, and its font size in points.

    Parameters
    ----------
    name
        Name of the theme.
    """
    from nanoscape.plotting.style import DARK, LIGHT, Theme

    colours = get_theme(name)
    theme = Theme(
        background=colours.background.as_hex(format="long"),
        foreground=colours.text.as_hex(format="long"),
        muted=colours.highlight.as_hex(format="long"),
        series=(LIGHT if colours.type == "light" else DARK).series,
    )
    return theme, float(str(colours.font_size).removesuffix("pt"))


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
        theme, size = theme_of(self._viewer.theme)
        self.figure.clear()
        self.figure.set_facecolor(theme.background)
        self._draw(self.figure, theme, size)
        self.canvas.draw_idle()

    def save_as(self, path: Path) -> Path:
        """Write the plot in the colours of print.

        Parameters
        ----------
        path
            Its suffix, such as ``.png`` or ``.svg``, tells the format.
        """
        from matplotlib.figure import Figure

        from nanoscape.plotting.style import LIGHT, rendered

        width, height = self.figure.get_size_inches()
        figure = Figure(figsize=(float(width), float(height)), layout="constrained")
        if self._draw is not None:
            self._draw(figure, LIGHT, _PRINT_SIZE)
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.write_bytes(rendered(figure, path.suffix.lstrip("."), _PRINT_DPI))
        temporary.replace(path)
        return path

    def _ask_path(self) -> None:
        name, chosen = QFileDialog.getSaveFileName(self, "Save plot", "plot", _FORMATS)
        if name:
            path = Path(name)
            if not path.suffix:
                path = path.with_suffix(f".{chosen[:3].lower()}")
            save_or_say(lambda: self.save_as(path), "plot")
