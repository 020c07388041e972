"""The panel: what is shown, what is what, and a tab for each part of the work."""

from __future__ import annotations

from typing import Any

from pint import UnitRegistry
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QTabWidget, QVBoxLayout, QWidget

from nanoscape._napari.panels.arriving import ArrivalBar
from nanoscape._napari.panels.chips import Chips
from nanoscape._napari.panels.history import HistoryTab
from nanoscape._napari.panels.opening import FilesSection
from nanoscape._napari.panels.operation_section import OperationSection
from nanoscape._napari.panels.scenes import SceneBar
from nanoscape._napari.panels.section import SectionList
from nanoscape._napari.panels.tabs import (
    align_tab,
    figure_tab,
    measure_tab,
    open_tab,
    segment_tab,
)
from nanoscape._napari.results_dock import show_results
from nanoscape._napari.samples import open_sample
from nanoscape._napari.setting_aside import set_aside
from nanoscape._napari.state import state_of
from nanoscape._napari.tasks import Runner
from nanoscape._napari.warming import load_units, use_units
from nanoscape.model import Record


class Panel(QWidget):
    """The one panel of the plugin.

    Parameters
    ----------
    napari_viewer
        The viewer, given by napari.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.state = state_of(napari_viewer)
        self.scenes = SceneBar(self.state)
        self.arriving = ArrivalBar(self.state.arrivals)
        self.chips = Chips(self.state)
        self.tabs = QTabWidget()
        self.tabs.setUsesScrollButtons(False)
        self.tabs.setDocumentMode(True)
        self.tabs.setElideMode(Qt.TextElideMode.ElideRight)
        self.tabs.tabBar().setExpanding(True)
        self.history = HistoryTab(self.state)
        self.lists: dict[str, SectionList] = {
            "Open": open_tab(self),
            "Align": align_tab(self),
            "Segment": segment_tab(self),
            "Measure": measure_tab(self),
            "Figure": figure_tab(self),
        }
        for title, page in self.lists.items():
            self.tabs.addTab(page, title)
        self.tabs.addTab(self.history, "History")
        line = QFrame()
        line.setFrameShape(QFrame.Shape.HLine)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(4)
        layout.addWidget(self.scenes)
        layout.addWidget(self.arriving)
        layout.addWidget(self.chips)
        layout.addWidget(line)
        layout.addWidget(self.tabs, 1)
        self.history.again_asked.connect(self.run_again)
        self.history.results_asked.connect(self.show_results)
        self.tabs.currentChanged.connect(self._on_tab)
        self.lists["Open"].open_first()
        self._warming = Runner("Loading", self, is_listed=False)
        self._warming.start(lambda _: load_units(), on_done=self._on_warm)

    @property
    def sections(self) -> dict[str, OperationSection]:
        """The sections that run an operation, by its qualified name."""
        return {
            section.operation: section
            for page in self.lists.values()
            for section in page.sections
            if isinstance(section, OperationSection)
        }

    @property
    def files(self) -> FilesSection:
        """The section that opens files."""
        return next(
            s for s in self.lists["Open"].sections if isinstance(s, FilesSection)
        )

    def go_to(self, title: str) -> None:
        """Show one of the tabs."""
        for index in range(self.tabs.count()):
            if self.tabs.tabText(index) == title:
                self.tabs.setCurrentIndex(index)

    def run_again(self, record: Record) -> None:
        """Open the section of a step with its inputs and settings entered."""
        section = self.sections.get(record.operation)
        if section is None:
            return
        page = next(t for t, p in self.lists.items() if section in p.sections)
        self.go_to(page)
        section.set_up(record.inputs, record.parameters)

    def show_results(self, record: Record) -> None:
        """Show the plot and the tables of a step below the canvas."""
        self.results = show_results(self.viewer, self.state, record)

    def open_sample(self) -> None:
        """Open the sample study."""
        open_sample(self.state)

    def _on_warm(self, units: UnitRegistry) -> None:
        use_units(units)
        set_aside(self)

    def _on_tab(self, index: int) -> None:
        title = self.tabs.tabText(index)
        for other, page in self.lists.items():
            if other != title:
                for section in page.sections:
                    # Previews and clicking belong to the tab that is looked at.
                    section.on_closed()
        if title in self.lists:
            self.lists[title].open_first()
