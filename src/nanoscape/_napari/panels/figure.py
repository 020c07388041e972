"""The tab Figure: a panel for the paper, shown and saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QFileDialog, QLabel, QPushButton, QSizePolicy

from nanoscape._napari.notes import Text
from nanoscape._napari.panels.operation_section import OperationSection
from nanoscape._napari.tasks import describe, unwritable
from nanoscape.errors import NanoscapeError
from nanoscape.model import Figure, Record

OPERATION = "plotting.figure_panel"
_ORDER = ("png", "svg", "pdf", "tif")


class Picture(QLabel):
    """Shows a figure as wide as the panel is."""

    def __init__(self) -> None:
        super().__init__()
        self._pixmap = QPixmap()
        self.setMinimumWidth(10)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Preview of the figure")

    def show_png(self, content: bytes) -> None:
        """Show a picture."""
        self._pixmap.loadFromData(content, "PNG")
        self._fit()

    def resizeEvent(self, event: Any) -> None:  # noqa: N802
        """Fit the picture to the new width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self._pixmap.isNull() or self.width() < 10:
            return
        mode = Qt.TransformationMode.SmoothTransformation
        scaled = self._pixmap.scaledToWidth(self.width(), mode)
        self.setPixmap(scaled)
        self.setFixedHeight(scaled.height())


class FigureSection(OperationSection):
    """Makes a figure panel of images and saves it with the numbers behind it."""

    def __init__(self, state: Any) -> None:
        super().__init__(
            state,
            OPERATION,
            "Figure panel",
            "Puts images of one field of view side by side, with scale bar and "
            "colour bars.",
        )
        self.picture = Picture()
        self.save = QPushButton("Save figure…")
        self.save.setToolTip(
            "<qt>Saves the figure, and the numbers behind it as CSV beside it.</qt>"
        )
        self.saved = Text()
        self.figure: Figure | None = None

    def fill(self) -> None:
        """Put the preview below the form."""
        super().fill()
        self.ran.connect(self._show)
        self.save.clicked.connect(self._ask_path)

    def save_as(self, path: Path) -> list[Path]:
        """Write the figure in the format of the suffix, and its numbers as CSV."""
        assert self.figure is not None
        suffix = path.suffix.lstrip(".").lower()
        if suffix not in self.figure.files:
            raise NanoscapeError(
                f"a figure cannot be saved as {path.name}",
                "one of " + ", ".join(f".{name}" for name in self.figure.files),
            )
        written = [path]
        _write(path, self.figure.files[suffix])
        for name, frame in self.figure.tables.items():
            file = path.with_name(f"{path.stem} {name.lower()}.csv".replace(" ", "_"))
            _write(file, frame.to_csv(index=False).encode())
            written.append(file)
        return written

    def _show(self, record: Record) -> None:
        session = self._state.session
        items = [session[address] for address in record.outputs.values()]
        self.figure = next(item for item in items if isinstance(item, Figure))
        for widget in (self.picture, self.save, self.saved):
            self.content.addWidget(widget)
        self.saved.tell("")
        self.picture.show_png(self.figure.files["png"])

    def _ask_path(self) -> None:
        assert self.figure is not None
        known = [name for name in _ORDER if name in self.figure.files]
        choices = ";;".join(f"{name.upper()} (*.{name})" for name in known)
        name, chosen = QFileDialog.getSaveFileName(
            self, "Save figure", f"figure.{known[0]}", choices
        )
        if not name:
            return
        path = Path(name)
        if not path.suffix:
            path = path.with_suffix(f".{chosen.partition(' ')[0].lower()}")
        try:
            written = self.save_as(path)
        except (NanoscapeError, OSError) as error:
            self._on_failed(describe(unwritable("figure", error), "Save figure"))
        else:
            self.saved.tell("Saved " + ", ".join(file.name for file in written) + ".")


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
