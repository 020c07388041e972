"""A whole simulated study: subjects, sections, instruments and their truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanoscape.compute import Task
from nanoscape.errors import WrongInput
from nanoscape.model import Landmarks, Study, Tags
from nanoscape.model.study import STUDY_FILE
from nanoscape.phantom import clicks, truth_files
from nanoscape.phantom.drawn import write_necrosis, write_tissue
from nanoscape.phantom.files import complete_folder, write_text
from nanoscape.phantom.fluorescence import Scanner, write_slide
from nanoscape.phantom.gold import write_gold
from nanoscape.phantom.lesion import make_lesion
from nanoscape.phantom.maldi import DRUG_MZ, write_maldi
from nanoscape.phantom.mri import write_mri
from nanoscape.phantom.pet import write_pet
from nanoscape.phantom.scene import Section, make_section
from nanoscape.phantom.sources import add_source
from nanoscape.phantom.streams import CLICKS, sub_seed
from nanoscape.phantom.transport import Dependence
from nanoscape.phantom.truth import FLAWED, FOLDER
from nanoscape.phantom.warp import Raster, lay_raster

MALDI_PIXEL_UM = 30.0
GOLD_PIXEL_UM = 15.0
IMAGES = "images"

_SMALLEST = 256
_CHANNEL_TAGS = {
    "DAPI": {"role": "Nuclei", "stain": "DAPI"},
    "CD31": {"role": "Vessels", "stain": "CD31"},
    "lectin": {"role": "Perfusion", "stain": "lectin"},
    "carrier": {"role": "Carrier", "analyte": "carrier"},
}


@dataclass(frozen=True)
class _Plan:
    """What is asked for."""

    seed: int
    size: int
    pixel_um: float
    drug: Dependence
    carrier: Dependence
    vessels: bool


def make_study(
    out: Path,
    *,
    seed: int = 1,
    size: int = 2048,
    subjects: int = 2,
    sections: int = 2,
    pixel_um: float = 0.65,
    drug: Dependence = "vessels",
    carrier: Dependence = "vessels",
    vessels: bool = True,
    task: Task | None = None,
) -> Study:
    """Make a study whose truth is known.

    Each subject has a PET-like and an MRI-like volume of its lesion and some tissue
    sections; each section a fluorescence slide, MALDI spectra and a map of gold with
    clicked landmarks. The truth lies in the folder ``truth`` beside them, clicks in
    wrong order or on a mirrored image in ``flawed_clicks``.

    Parameters
    ----------
    out
        Folder of the study, new or empty.
    seed
        The same seed gives the same bytes, on any number of workers.
    size
        Pixels along each side of a slide; 1024 and more hold enough vessels.
    subjects, sections
        How many animals, and sections of each.
    pixel_um
        Distance of the slide's pixel centres.
    drug, carrier
        ``"vessels"`` falls off with the distance to perfused vessels; ``"none"``
        lies in patches that know nothing of them.
    vessels
        Whether there are any.
    task
        Progress, and a way to stop.

    Returns
    -------
    Study
        The study, saved as ``study.yaml``.

    Raises
    ------
    WrongInput
        If the folder is not empty or the slide too small.
    """
    out = Path(out)
    if size < _SMALLEST:
        raise WrongInput(f"a slide of {size} pixels", f"at least {_SMALLEST} pixels")
    if out.exists() and any(out.iterdir()):
        raise WrongInput(f"{out} is not empty", "a new folder", "choose another folder")
    plan = _Plan(seed, size, pixel_um, drug, carrier, vessels)
    with complete_folder(out, STUDY_FILE) as draft:
        _write_study(draft, plan, subjects, sections, task or Task())
    return Study.load(out)


def _write_study(
    out: Path, plan: _Plan, subjects: int, sections: int, task: Task
) -> None:
    study, flawed = Study(out), Study(out / FLAWED)
    parts = task.split(*[1.0] * (subjects * sections))
    described: dict[str, Any] = {}
    for subject in range(subjects):
        _add_volumes(study, subject, sub_seed(plan.seed, subject, 0))
        for number in range(sections):
            name = f"m{subject + 1}_s{number + 1}"
            part = parts[subject * sections + number]
            section_seed = sub_seed(plan.seed, subject, 1 + number)
            described[name] = _add_section(
                study, flawed, name, section_seed, plan, part
            )
    _write_truth(out, plan, described)
    flawed.save()
    study.save()


def _add_section(
    study: Study, flawed: Study, name: str, seed: int, plan: _Plan, task: Task
) -> dict[str, Any]:
    """Draw a section, measure it by all instruments and write its truth."""
    slide_part, other_part, mask_part, field_part = task.split(6, 1, 2, 1)
    length = plan.size * plan.pixel_um
    section = make_section(
        seed,
        (length, length),
        drug=plan.drug,
        carrier=plan.carrier,
        vessels=plan.vessels,
    )
    scanner = Scanner(plan.pixel_um, plan.size, plan.size)
    rasters = {
        "maldi": lay_raster(section, 0, MALDI_PIXEL_UM, (5.0, 20.0), deformed=True),
        "gold": lay_raster(section, 1, GOLD_PIXEL_UM, (1.0, 5.0), deformed=False),
    }
    images = study.root / IMAGES
    slide = images / f"{name}_slide.ome.tif"
    write_slide(slide, section, scanner, task=slide_part)
    spectra, gold = images / f"{name}_maldi.imzML", images / f"{name}_gold.ome.tif"
    write_maldi(spectra, section, rasters["maldi"], task=other_part)
    write_gold(gold, section, rasters["gold"])
    subject, _, number = name.partition("_")
    scope = {"subject": subject, "lesion": "tumour", "section": number}
    add_source(study, slide, {**scope, "modality": "fluorescence"}, _CHANNEL_TAGS)
    add_source(study, spectra, {**scope, "modality": "MALDI"})
    metal = {"role": "Carrier", "analyte": "gold", "unit": "µg/g"}
    add_source(study, gold, {**scope, "modality": "LA-ICP-MS", **metal})
    _add_outlines(study, name, section, scanner.pixel_um, scope)
    exact = _add_landmarks(study, flawed, name, section, rasters, scope)
    folder = study.root / FOLDER
    counts = truth_files.write_masks(folder, name, section, scanner, mask_part)
    truth_files.write_fields(folder, name, section, scanner, field_part)
    truth_files.write_tables(folder, name, section, rasters, exact)
    described = truth_files.describe(section, scanner, counts)
    described["field_step_um"] = truth_files.FIELD_STEP * scanner.pixel_um
    described["instruments"] = {
        instrument: truth_files.describe_raster(section, raster)
        for instrument, raster in rasters.items()
    }
    return described


def _add_outlines(
    study: Study, name: str, section: Section, pixel_um: float, scope: dict[str, str]
) -> None:
    """Draw tissue and necrosis on the slide by hand."""
    tags = {**scope, "drawn_on": f"{name}_slide"}
    tissue = study.root / IMAGES / f"{name}_tissue.geojson"
    write_tissue(tissue, section, pixel_um)
    add_source(study, tissue, {**tags, "role": "Tissue"}, pixel_um=pixel_um)
    necrosis = study.root / IMAGES / f"{name}_necrosis.geojson"
    write_necrosis(necrosis, section, pixel_um)
    add_source(study, necrosis, {**tags, "role": "Necrosis"}, pixel_um=pixel_um)


def _add_landmarks(
    study: Study,
    flawed: Study,
    name: str,
    section: Section,
    rasters: dict[str, Raster],
    scope: dict[str, str],
) -> dict[str, Landmarks]:
    """Click landmarks, also wrongly in two sections, and return them unclicked."""
    modalities = {"maldi": "MALDI", "gold": "LA-ICP-MS"}
    exact = {}
    for number, (instrument, raster) in enumerate(rasters.items()):
        tags = Tags.of("sheet", **scope, modality=modalities[instrument])
        spaces = (f"{name}_{instrument}", f"{name}_slide")
        exact[instrument] = clicks.true_landmarks(section, raster, number, spaces, tags)
        hand = sub_seed(section.seed, CLICKS, number, 1)
        made = clicks.click(exact[instrument], hand, raster.pixel_um)
        study.landmarks[f"{name}_{instrument}_landmarks"] = made
        if name == "m1_s1" and instrument == "maldi":
            flawed.landmarks[f"{name}_maldi_swapped"] = clicks.swapped(made)
        if name == "m1_s2" and instrument == "maldi":
            flawed.landmarks[f"{name}_maldi_mirrored"] = clicks.mirrored(made)
    return exact


def _add_volumes(study: Study, subject: int, seed: int) -> None:
    name = f"m{subject + 1}"
    lesion = make_lesion(seed)
    pet = study.root / IMAGES / f"{name}_pet.nii.gz"
    mri = study.root / IMAGES / f"{name}_mri.nii.gz"
    write_pet(pet, lesion)
    write_mri(mri, lesion)
    scope = {"subject": name, "lesion": "tumour"}
    activity = {"role": "Carrier", "analyte": "64Cu", "unit": "Bq/mL"}
    add_source(study, pet, {**scope, "modality": "PT", **activity})
    add_source(study, mri, {**scope, "modality": "MR", "role": "Anatomy"})


def _write_truth(out: Path, plan: _Plan, sections: dict[str, Any]) -> None:
    values = {
        "seed": plan.seed,
        "drug_mz": DRUG_MZ,
        "click_sd_pixels": clicks.CLICK_SD_PIXELS,
        "sections": sections,
    }
    write_text(out / FOLDER / "truth.json", json.dumps(values, indent=1))
