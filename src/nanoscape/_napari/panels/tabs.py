"""The tabs that are lists of sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nanoscape._napari.nothing_open import NothingOpen
from nanoscape._napari.panels.align import OPERATION as ALIGN_LANDMARKS
from nanoscape._napari.panels.align import LandmarksSection, PairsSection
from nanoscape._napari.panels.figure import OPERATION as FIGURE_PANEL
from nanoscape._napari.panels.figure import FigureSection
from nanoscape._napari.panels.opening import FilesSection, StudySection
from nanoscape._napari.panels.operation_section import OperationSection
from nanoscape._napari.panels.regions import RegionsSection
from nanoscape._napari.panels.section import Section, SectionList
from nanoscape._napari.panels.sheet import SheetSection
from nanoscape.workflow.registry import operation_names

if TYPE_CHECKING:
    from nanoscape._napari.panels.panel import Panel


def open_tab(panel: Panel) -> SectionList:
    """Return the tab Open."""
    files = FilesSection(panel.state)
    files.sample_asked.connect(panel.open_sample)
    ion = _operation(
        panel,
        "msi.ion_image",
        "Ion image",
        "Makes an image of one ion from mass spectra.",
    )
    compounds = _operation(
        panel,
        "msi.find_ions",
        "Ions of compounds",
        "Makes the images of a compound's ions from its formula, or of a whole list.",
    )
    index = _operation(
        panel,
        "msi.index_spectra",
        "Fast ion images",
        "Sorts the peaks of mass spectra once, so that every ion image is quick.",
    )
    sheet = SheetSection(panel.state)
    return SectionList(
        files, StudySection(panel.state), sheet, *ion, *compounds, *index
    )


def align_tab(panel: Panel) -> SectionList:
    """Return the tab Align."""
    pairs = PairsSection(panel.state)
    sections: list[Section] = [pairs]
    if ALIGN_LANDMARKS in operation_names():
        landmarks = LandmarksSection(panel.state, show_results=panel.show_results)
        pairs.chosen.connect(landmarks.choose)
        sections.append(landmarks)
    return SectionList(*sections, first=NothingOpen(panel.state))


def segment_tab(panel: Panel) -> SectionList:
    """Return the tab Segment."""
    return SectionList(
        *_operation(
            panel,
            "segmentation.vessels",
            "Vessels",
            "Finds blood vessels in a stain such as CD31 and numbers them.",
        ),
        *_operation(
            panel,
            "segmentation.perfused_vessels",
            "Perfused vessels",
            "Tells which vessels carried blood, from a dye such as lectin.",
        ),
        *_operation(
            panel,
            "segmentation.spots",
            "Particles",
            "Finds small bright spots such as particles and measures them.",
        ),
        RegionsSection(panel.state),
        first=NothingOpen(panel.state),
    )


_MEASURE = (
    (
        "statistics.distance_profile",
        "Distance to vessels",
        "Measures how the amount falls off with the distance to the nearest vessel.",
    ),
    (
        "statistics.vessel_relation",
        "Related to vessels?",
        "Asks whether the amount has to do with vessels, beyond rim and core.",
    ),
    (
        "statistics.reach",
        "Within reach of vessels",
        "Measures how much tissue is near vessels and holds enough of the drug.",
    ),
    (
        "statistics.heterogeneity",
        "Unevenness",
        "Measures how evenly the amount is spread over the tissue.",
    ),
    (
        "statistics.first_order",
        "Histogram figures",
        "Describes the histogram of the values by standard figures.",
    ),
    (
        "statistics.intensity_volume",
        "Intensity-volume histogram",
        "Shows which share of the tissue holds at least how much.",
    ),
    (
        "statistics.drug_homogeneity",
        "Drug homogeneity index",
        "Measures over how large an area the amount is the same.",
    ),
    (
        "statistics.texture",
        "Texture",
        "Describes how levels of grey lie next to each other, by standard figures.",
    ),
    (
        "statistics.theil_decomposition",
        "Unevenness between and within areas",
        "Splits the unevenness into that between areas and that within them.",
    ),
    (
        "statistics.lorenz_curve",
        "Lorenz curve",
        "Shows which share of the amount the pixels with the least of it hold.",
    ),
    (
        "statistics.autocorrelation",
        "Autocorrelation",
        "Measures whether neighbouring pixels are alike.",
    ),
    (
        "statistics.hot_spots",
        "Hot spots",
        "Finds where high or low values gather.",
    ),
    (
        "statistics.local_moran",
        "Like their neighbours",
        "Finds pixels that are like their neighbours, and those that are not.",
    ),
    (
        "statistics.join_counts",
        "Classes next to each other",
        "Counts how often classes touch, and whether chance would do as well.",
    ),
    (
        "statistics.variogram",
        "Variogram",
        "Measures how alike pixels are by their distance: the size of patches.",
    ),
    (
        "statistics.codistribution",
        "Co-distribution",
        "Measures how much two images agree, and whether chance would do as well.",
    ),
    (
        "statistics.carrier_ratio",
        "Drug-to-carrier ratio",
        "Maps how much drug there is for each carrier, relative to the product.",
    ),
    (
        "statistics.distance_map",
        "Distance map",
        "Makes an image of the distance to the nearest vessel.",
    ),
    (
        "statistics.ripley",
        "Clustering of points",
        "Measures whether particles or cells gather or keep apart, by distance.",
    ),
    (
        "statistics.nearest_neighbours",
        "Nearest neighbours",
        "Measures how far it is to the nearest particle or cell.",
    ),
    (
        "statistics.quadrats",
        "Quadrat test",
        "Tests whether equal parts of an area hold equally many points.",
    ),
    (
        "statistics.mark_correlation",
        "Values of neighbours",
        "Measures whether points near each other carry like values.",
    ),
    (
        "statistics.point_density",
        "Density of points",
        "Makes an image of how densely points lie.",
    ),
    (
        "statistics.compare_groups",
        "Compare groups",
        "Compares groups by one value for each subject.",
    ),
    (
        "statistics.variance_components",
        "Variance by level",
        "Splits the variance into subjects, lesions and sections.",
    ),
    (
        "msi.similar_ions",
        "Similar ions",
        "Ranks the ions of mass spectra by how alike their images are to one image.",
    ),
    (
        "msi.region_ions",
        "Ions of two areas",
        "Measures how much of each ion two areas of a section hold.",
    ),
    (
        "msi.discriminating_ions",
        "Discriminating ions",
        "Asks of which ions areas or groups hold different amounts, animal by animal.",
    ),
    (
        "quantify.suv",
        "Uptake as SUV",
        "Converts PET or calibrated SPECT to standardised uptake values.",
    ),
    (
        "quantify.percent_injected_dose",
        "Uptake as % injected dose per gram",
        "Converts PET or calibrated SPECT to percent of the injected dose per gram.",
    ),
    (
        "quantify.calibrate_counts",
        "Calibrate SPECT counts",
        "Converts SPECT in counts to Bq/mL with the factor of a phantom.",
    ),
    (
        "quantify.t1_flip_angles",
        "T1 by flip angles",
        "Maps T1 from spoiled gradient echoes with several flip angles.",
    ),
    (
        "quantify.t1_inversion_recovery",
        "T1 by inversion recovery",
        "Maps T1 from images at several times after an inversion.",
    ),
    (
        "quantify.t2_echoes",
        "T2 or T2* by echoes",
        "Maps T2 or T2* from images at several echo times.",
    ),
    (
        "quantify.iron_oxide",
        "Iron oxide",
        "Maps how much faster T2* decays after iron oxide particles.",
    ),
    (
        "quantify.spoiled_gradient_echo",
        "MRI signal to concentration",
        "Converts a T1-weighted dynamic series to mM of contrast agent.",
    ),
    (
        "quantify.population_input",
        "Arterial input of a population",
        "Makes the arterial input of people or animals for a dynamic series.",
    ),
    (
        "quantify.measured_input",
        "Arterial input of an area",
        "Measures the arterial input in an area that holds nothing but blood.",
    ),
    (
        "quantify.input_from_table",
        "Arterial input of a table",
        "Takes the arterial input from a table, such as samples of blood.",
    ),
    (
        "quantify.extended_tofts",
        "Permeability (extended Tofts)",
        "Maps how fast an agent leaves the vessels, with the blood in the tissue.",
    ),
    (
        "quantify.tofts",
        "Permeability (Tofts)",
        "Maps how fast an agent leaves the vessels, where there is little blood.",
    ),
    (
        "quantify.patlak",
        "Permeability (Patlak)",
        "Maps how fast an agent leaves the vessels, where next to none comes back.",
    ),
    (
        "quantify.two_compartment_exchange",
        "Flow and permeability",
        "Maps blood flow and permeability apart from each other.",
    ),
    (
        "quantify.kinetics_of_areas",
        "Kinetics of areas",
        "Fits a model to the mean curve of each area, with intervals.",
    ),
    (
        "quantify.initial_area",
        "Initial area under the curve",
        "Maps the area under each pixel's curve in the first 60 and 90 s.",
    ),
    (
        "quantify.calibration_curve",
        "Calibration curve",
        "Fits a line to standards of known amount, with limits of detection.",
    ),
    (
        "quantify.concentration",
        "Signal to concentration",
        "Converts an ion image or elemental map to µg/g by a calibration curve.",
    ),
    (
        "quantify.internal_standard",
        "Ratio to an internal standard",
        "Divides an image by that of a standard, pixel by pixel.",
    ),
    (
        "quantify.bracketing_standards",
        "Drift of a laser run",
        "Measures sensitivity, background and wash-out on lines over standards.",
    ),
    (
        "quantify.correct_drift",
        "Correct the drift",
        "Corrects an elemental map by standards measured before and after it.",
    ),
    (
        "quantify.subtract_background",
        "Subtract the gas blank",
        "Subtracts what is counted when the laser ablates nothing.",
    ),
    (
        "quantify.undo_washout",
        "Undo the wash-out",
        "Takes away the tail with which the ablation cell smears lines.",
    ),
    (
        "quantify.tissue_extinction",
        "Tissue extinction",
        "Measures how much of a signal each tissue lets through.",
    ),
)
"""Operation, title and purpose of each section of the tab Measure."""


def measure_tab(panel: Panel) -> SectionList:
    """Return the tab Measure."""
    return SectionList(
        *(
            section
            for name, title, purpose in _MEASURE
            for section in _operation(panel, name, title, purpose)
        ),
        first=NothingOpen(panel.state),
    )


def figure_tab(panel: Panel) -> SectionList:
    """Return the tab Figure."""
    if FIGURE_PANEL not in operation_names():
        return SectionList()
    return SectionList(FigureSection(panel.state), first=NothingOpen(panel.state))


def _operation(
    panel: Panel, name: str, title: str, sentence: str
) -> list[OperationSection]:
    """Return the section of an operation, or nothing where it is not installed."""
    if name not in operation_names():
        return []
    return [
        OperationSection(
            panel.state, name, title, sentence, show_results=panel.show_results
        )
    ]
