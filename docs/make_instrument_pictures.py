"""Make the pictures of all instruments beside their truth in ``docs/phantom.md``.

Usage: ``python docs/make_instrument_pictures.py [STUDY]``. Without a study made by
``nanoscape phantom --instruments all`` one animal with one section is made first, in a
minute or two.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import matplotlib as mpl
import numpy as np
import tifffile
import zarr
from PIL import Image

mpl.use("Agg")
from matplotlib import pyplot as plt
from pyimzml.ImzMLParser import ImzMLParser, getionimage

from nanoscape import io
from nanoscape.phantom.cohort import CohortPlan, Group
from nanoscape.phantom.instruments import confocal, fluorescence, maldi, spect
from nanoscape.phantom.instruments.registry import NAMES
from nanoscape.phantom.maldi import DRUG_MZ
from nanoscape.phantom.reference import ReferencePlan, make_reference

IMAGES = Path(__file__).parent / "images"
COLOURS = 256
KINDS = mpl.colors.ListedColormap(["white", "#6b5b95", "#9bc1bc", "#f4e3b2", "#5c5552"])
NAME = "m1_l1_s1"


def show(axis: plt.Axes, values: np.ndarray, title: str, **more: object) -> None:
    """Draw one panel; grey values from the first to the 99.7th percentile."""
    if values.ndim == 2 and "vmax" not in more:
        low, more["vmax"] = np.nanpercentile(values, (1, 99.7))
        more.setdefault("vmin", low)
    axis.imshow(values, interpolation="nearest", **more)
    axis.set_title(title, fontsize=9)
    axis.axis("off")


def truth(study: Path, name: str) -> np.ndarray:
    """Return one map of the truth."""
    return np.squeeze(tifffile.imread(study / "truth" / f"{name}.ome.tif"))


def save(figure: plt.Figure, name: str) -> None:
    """Write a picture with few colours."""
    path = IMAGES / name
    figure.savefig(path, dpi=90)
    plt.close(figure)
    picture = Image.open(path).convert("RGB")
    picture.quantize(COLOURS).save(path, optimize=True)


def fluorescence_picture(study: Path) -> None:
    """Six channels, a part of each, and what is true of them."""
    slide = tifffile.imread(study / "images" / f"{NAME}_slide.ome.tif")
    figure, axes = plt.subplots(3, 6, figsize=(15, 7.8), layout="constrained")
    part = (slice(300, 620), slice(850, 1170))
    for column, name in enumerate(fluorescence.CHANNELS):
        show(axes[0, column], slide[column][::2, ::2], name, cmap="gray")
        show(axes[1, column], slide[column][part], f"{name}, 0.4 mm", cmap="gray")
    maps = {field: truth(study, f"{NAME}_slide_{field}") for field in FIELDS}
    show(axes[2, 0], maps["tissue"], "tissue", cmap=KINDS, vmin=0, vmax=4)
    near = "distance_all_in_section_um"
    show(axes[2, 1], maps[near], "distance in section", cmap="viridis", vmax=200)
    near = "distance_perfused_um"
    show(axes[2, 2], maps[near], "to perfused, in space", cmap="viridis", vmax=200)
    show(axes[2, 3], maps["oxygen"], "oxygen, mmHg", cmap="inferno", vmax=40)
    show(axes[2, 4], maps["carrier"], "carrier", cmap="magma")
    show(axes[2, 5], maps["free"], "free drug", cmap="magma")
    save(figure, "phantom_fluorescence.png")


FIELDS = (
    "tissue",
    "distance_all_in_section_um",
    "distance_perfused_um",
    "oxygen",
    "carrier",
    "free",
)


def section_picture(study: Path) -> None:
    """H&E, MALDI and laser ablation, with their truth below."""
    images = study / "images"
    figure, axes = plt.subplots(2, 5, figsize=(15, 6.2), layout="constrained")
    colour = tifffile.imread(images / f"{NAME}_histology.ome.tif")
    show(axes[0, 0], colour[::2, ::2], "H&E")
    show(axes[0, 1], colour[300:620, 850:1170], "H&E, 0.4 mm")
    kind = truth(study, f"{NAME}_histology_tissue")
    show(axes[1, 0], kind, "tissue", cmap=KINDS, vmin=0, vmax=4)
    segment = truth(study, f"{NAME}_histology_segment")
    bits = truth(study, f"{NAME}_histology_artefacts")
    show(axes[1, 1], (segment > 0) + 2.0 * (bits > 0), "vessels, artefacts", vmax=2)
    with ImzMLParser(str(images / f"{NAME}_maldi.imzML")) as parser:
        drug = getionimage(parser, DRUG_MZ, 0.01)
        lipid = getionimage(parser, 760.5851, 0.01)
        standard = getionimage(parser, maldi.STANDARD_MZ, 0.01)
    show(axes[0, 2], lipid, "MALDI: PC 34:1", cmap="viridis")
    show(axes[0, 3], drug, "MALDI: doxorubicin", cmap="viridis")
    ratio = np.divide(drug, standard, out=np.zeros(drug.shape), where=standard > 0)
    show(axes[1, 2], ratio, "doxorubicin over standard", cmap="viridis")
    show(axes[1, 3], truth(study, f"{NAME}_maldi_drug"), "drug", cmap="viridis")
    gold = np.asarray(io.read(images / f"{NAME}_laser")[0]["Au197"].data)
    show(axes[0, 4], gold, "LA-ICP-MS: gold, cps", cmap="inferno", aspect=2)
    amount = truth(study, f"{NAME}_laser_gold_ug_per_g")
    show(axes[1, 4], amount, "gold, µg/g", cmap="inferno", aspect=2)
    save(figure, "phantom_sections.png")


def animal_picture(study: Path) -> None:
    """PET, SPECT and CT through the middle, with their truth below."""
    figure, axes = plt.subplots(2, 5, figsize=(15, 5.6), layout="constrained")
    images, name = study / "images", "m1_l1"

    def middle(volume: np.ndarray) -> np.ndarray:
        return volume[len(volume) // 2]

    def read(path: str) -> np.ndarray:
        return np.asarray(io.read(images / path)[0].data)

    show(
        axes[0, 0],
        middle(read(f"{name}_ct")),
        "CT, HU",
        cmap="gray",
        vmin=-150,
        vmax=150,
    )
    show(axes[0, 1], middle(read(f"{name}_pet")), "PET, Bq/mL", cmap="inferno")
    shown = truth(study, f"{name}_ct_anatomy_hu")
    show(
        axes[1, 0],
        middle(shown),
        "before the scanner",
        cmap="gray",
        vmin=-150,
        vmax=150,
    )
    shown = truth(study, f"{name}_pet_activity_bq_ml")
    show(axes[1, 1], middle(shown), "activity", cmap="inferno")
    for column, hours in enumerate(spect.HOURS, start=2):
        counts = read(f"{name}_spect_{hours:g}h.dcm")
        show(axes[0, column], middle(counts), f"SPECT, {hours:g} h", cmap="inferno")
        shown = truth(study, f"{name}_spect_activity_{hours:g}h_bq_ml")
        show(axes[1, column], middle(shown), f"activity, {hours:g} h", cmap="inferno")
    save(figure, "phantom_animals.png")


def dynamic_picture(study: Path) -> None:
    """Frames of the dynamic MRI, curves of voxels, and the maps behind them."""
    series = np.asarray(io.read(study / "images" / "m1_l1_dce.nii")[0].data)
    figure, axes = plt.subplots(2, 5, figsize=(15, 5.6), layout="constrained")
    slab = series.shape[1] // 2
    height = np.percentile(series[-1, slab], 99.5)
    for column, (frame, text) in enumerate(((2, "before"), (9, "12 s"), (38, "4 min"))):
        shown = series[frame, slab]
        title = f"MRI, {text}"
        show(axes[0, column], shown, title, cmap="gray", vmin=0, vmax=height)
    gain = series[30:, slab].mean(axis=0) - series[:8, slab].mean(axis=0)
    show(axes[0, 3], gain, "late minus before", cmap="inferno")
    maps = {n: truth(study, f"m1_l1_dce_{n}")[slab] for n in DYNAMIC}
    lesion = maps["ktrans_per_min"] > 0.14
    muscle = np.isclose(maps["ve"], 0.12) & (maps["artefacts"] == 0)
    time = np.arange(len(series)) * 8.0
    for name, mask in (("rim", lesion), ("muscle", muscle)):
        axes[0, 4].plot(time, series[:, slab][:, mask].mean(axis=1), label=name)
    axes[0, 4].set(title="mean signal", xlabel="s")
    axes[0, 4].legend()
    for column, name in enumerate(DYNAMIC):
        show(axes[1, column], maps[name], DYNAMIC[name], cmap="viridis", vmin=0)
    table = np.genfromtxt(
        study / "images" / "m1_l1_dce_input.csv", delimiter=",", skip_header=1
    )
    axes[1, 4].plot(table[:, 0], table[:, 1])
    axes[1, 4].set(title="arterial input, mM", xlabel="s")
    save(figure, "phantom_dynamic.png")


DYNAMIC = {
    "ktrans_per_min": "Ktrans, 1/min",
    "ve": "ve",
    "t1_s": "T1, s",
    "artefacts": "signal lost",
}


def confocal_picture(study: Path) -> None:
    """Channels of one plane, of a deeper one, all planes, and what is true of them."""
    path = study / "images" / "m1_l1_confocal.ome.tif"
    stack = tifffile.imread(path).astype(float)
    figure, axes = plt.subplots(3, 5, figsize=(15, 9.2), layout="constrained")
    upper, lower = 4, 28
    for column, name in enumerate(confocal.CHANNELS):
        height = np.percentile(stack[column, upper], 99.7)
        for row, plane in ((0, upper), (1, lower)):
            depth = 8.0 + 1.5 * plane
            title = f"{name}, {depth:.0f} µm deep"
            shown = stack[column, plane]
            show(axes[row, column], shown, title, cmap="gray", vmin=50, vmax=height)
    walls = stack[1].max(axis=0)
    show(axes[2, 0], walls, "CD31, all planes", cmap="gray")
    blue, red, green = (
        stack[n, upper] / np.percentile(stack[n], 99.8) for n in range(3)
    )
    colour = np.clip(np.stack([red, green, blue], axis=-1), 0, 1)
    show(axes[2, 1], colour, "CD31, lectin, DAPI")
    maps = {n: truth(study, f"m1_l1_confocal_{n}") for n in ("segment", "perfused")}
    lumen = (maps["segment"][upper] > 0) + 1.0 * maps["perfused"][upper]
    show(axes[2, 2], lumen, "lumens, perfused ones", cmap="viridis", vmin=0, vmax=2)
    known = truth(study, "m1_l1_confocal_carrier")[upper]
    show(axes[2, 3], known, "carrier", cmap="magma")
    known = truth(study, "m1_l1_confocal_free")[upper]
    show(axes[2, 4], known, "free drug", cmap="magma")
    save(figure, "phantom_confocal.png")


def lightsheet_picture(study: Path) -> None:
    """One plane and all planes of each channel, and what is true of them."""
    path = study / "images" / "m1_l1_lightsheet.ome.zarr" / "0"
    vessels, carrier, tissue = np.asarray(zarr.open_array(str(path), mode="r")[:])
    middle = len(vessels) // 2
    figure, axes = plt.subplots(2, 5, figsize=(15, 6.4), layout="constrained")
    show(axes[0, 0], vessels.max(axis=0), "CD31, all planes", cmap="gray")
    show(axes[0, 1], vessels[middle], "CD31, one plane", cmap="gray")
    show(axes[0, 2], carrier.max(axis=0), "carrier, all planes", cmap="gray")
    show(axes[0, 3], tissue[middle], "autofluorescence, one plane", cmap="gray")
    across = vessels[:, vessels.shape[1] // 2 - 60 : vessels.shape[1] // 2]
    show(axes[0, 4], across.max(axis=1), "CD31, from the side", cmap="gray", aspect=1.2)
    maps = {n: truth(study, f"m1_l1_lightsheet_{n}") for n in SHEET}
    lumen = (maps["segment"] > 0) + 1.0 * maps["perfused"]
    title = "lumens, perfused ones"
    show(axes[1, 0], lumen.max(axis=0), title, cmap="viridis", vmin=0, vmax=2)
    kind = maps["tissue"][middle]
    show(axes[1, 1], kind, "tissue", cmap=KINDS, vmin=0, vmax=4)
    show(axes[1, 2], maps["carrier"].max(axis=0), "carrier, all planes", cmap="magma")
    show(axes[1, 3], maps["light"][middle], "light that is left", cmap="gray")
    light = maps["light"][:, maps["light"].shape[1] // 2]
    show(axes[1, 4], light, "the same, from the side", cmap="gray", aspect=0.6)
    save(figure, "phantom_lightsheet.png")


SHEET = ("segment", "perfused", "tissue", "carrier", "light")


def cytometry_picture(study: Path) -> None:
    """Channels of imaging mass cytometry, two in colour, and what is true of them."""
    panorama, group = io.read(study / "images" / f"{NAME}_imc.mcd")
    count = {name: np.asarray(group[name].data) for name in METALS}
    figure, axes = plt.subplots(3, 5, figsize=(15, 9.4), layout="constrained")
    for axis, (name, text) in zip(axes.flat, METALS.items(), strict=False):
        height = max(np.percentile(count[name], 99.6), 6)
        show(axis, count[name], text, cmap="gray", vmin=0, vmax=height)
    part = (slice(150, 350), slice(150, 350))
    for axis, names in ((axes[1, 4], MERGED[0]), (axes[2, 0], MERGED[1])):
        planes = [count[n] / np.percentile(count[n], 99.8) for n in names]
        shown = np.clip(np.stack(planes, axis=-1), 0, 1)[part]
        show(axis, shown, ", ".join(names) + ", 0.2 mm")
    shown = np.asarray(panorama.data)
    show(axes[2, 1], shown, "panorama", cmap="gray", vmin=100, vmax=230)
    y, x = (v / 4 for v in group["CD31"].grid_to_space.matrix[:2, 2])
    side = count["CD31"].shape[0] / 4
    frame = plt.Rectangle((x, y), side, side, fill=False, color="red")
    axes[2, 1].add_patch(frame)
    kind = truth(study, f"{NAME}_imc_tissue")
    show(axes[2, 2], kind, "tissue", cmap=KINDS, vmin=0, vmax=4)
    show(axes[2, 3], truth(study, f"{NAME}_imc_oxygen"), "oxygen, mmHg", cmap="inferno")
    show(axes[2, 4], truth(study, f"{NAME}_imc_carrier"), "carrier", cmap="magma")
    save(figure, "phantom_cytometry.png")


METALS = {
    "DNA2": "¹⁹³Ir DNA",
    "CD31": "¹⁵¹Eu CD31",
    "aSMA": "¹⁴¹Pr αSMA",
    "E-cadherin": "¹⁵⁸Gd E-cadherin",
    "F4/80": "¹⁵⁹Tb F4/80",
    "CAIX": "¹⁶⁶Er CAIX",
    "pimonidazole": "¹⁷⁵Lu pimonidazole",
    "Ki-67": "¹⁶⁸Er Ki-67",
    "gold": "¹⁹⁷Au carrier",
}
MERGED = (("CD31", "E-cadherin", "DNA2"), ("gold", "F4/80", "DNA2"))


def ultrasound_picture(study: Path) -> None:
    """Frames of both cines, curves of regions, and the maps behind them."""
    stem = study / "images" / "m1_l1_ultrasound"
    tissue = np.asarray(io.read(stem.with_name(f"{stem.name}_bmode.dcm"))[0].data)
    cine = io.read(stem.with_name(f"{stem.name}_contrast.dcm"))[0]
    contrast = np.asarray(cine.data)
    figure, axes = plt.subplots(2, 5, figsize=(15, 6.4), layout="constrained")
    show(axes[0, 0], tissue[0], "B-mode", cmap="gray", vmin=0, vmax=255)
    for axis, frame in zip(axes[0, 1:], (0, 16, 22, 70), strict=True):
        title = f"contrast mode, {cine.times[frame]:.0f} s"
        show(axis, contrast[frame], title, cmap="gray", vmin=0, vmax=255)
    maps = {n: truth(study, f"m1_l1_ultrasound_{n}") for n in FLOW}
    high = {"rbv": 1.5, "transit_s": 30, "arrival_s": 25}
    for axis, (name, text) in zip(axes[1], FLOW.items(), strict=False):
        more = {"vmin": 0} if name != "arrival_s" else {"vmin": 10}
        shown = np.where(maps["rbv"] > 0.02, maps[name], np.nan)
        show(axis, shown, text, cmap="viridis", vmax=high[name], **more)
    depth = truth(study, "m1_l1_ultrasound_lesion_depth")
    linear = 10 ** ((contrast / 255 - 1) * 4.5)
    muscle = (depth == 0) & (maps["rbv"] > 0)
    rim, core = (depth > 0) & (depth < 0.15), depth > 0.6
    for name, mask in (("rim", rim), ("core", core), ("muscle", muscle)):
        axes[1, 3].plot(cine.times, linear[:, mask].mean(axis=1), label=name)
    axes[1, 3].set(title="linear intensity over white", xlabel="s")
    axes[1, 3].legend()
    about = json.loads((study / "truth" / "m1_l1_ultrasound.json").read_text())
    for name in ("down", "across"):
        axes[1, 4].plot(about["time_s"], about[f"moved_{name}_mm"], label=name)
    axes[1, 4].set(title="motion, mm", xlabel="s")
    axes[1, 4].legend()
    save(figure, "phantom_ultrasound.png")


FLOW = {
    "rbv": "relative blood volume",
    "transit_s": "mean transit time, s",
    "arrival_s": "arrival, s",
}


def main() -> None:
    """Draw all pictures."""
    with tempfile.TemporaryDirectory() as folder:
        if len(sys.argv) > 1:
            study = Path(sys.argv[1])
        else:
            study = Path(folder) / "study"
            alone = CohortPlan((Group("one"),), 1, 1, 1)
            plan = ReferencePlan(cohort=alone, instruments=NAMES)
            make_reference(study, plan)
        fluorescence_picture(study)
        section_picture(study)
        animal_picture(study)
        dynamic_picture(study)
        confocal_picture(study)
        lightsheet_picture(study)
        cytometry_picture(study)
        ultrasound_picture(study)


if __name__ == "__main__":
    main()
