"""Make the picture of the tumour in ``docs/phantom.md``.

Usage: ``python docs/make_phantom_pictures.py``; it takes about a minute.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image

mpl.use("Agg")
from matplotlib import pyplot as plt

from nanoscape.phantom.tumour import MountPlan, Section, cut, make_tumour, mount

IMAGES = Path(__file__).parent / "images"
STEP_UM = 4.0
DEPTH_UM = 150.0
COLOURS = 256
KINDS = ("white", "#6b5b95", "#9bc1bc", "#f4e3b2", "#5c5552")


def grid(section: Section) -> np.ndarray:
    """Return the places of the picture's pixels, shape ``(h, w, 2)``."""
    axes = [np.arange(STEP_UM / 2, n, STEP_UM) for n in section.size_um]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


def main() -> None:
    """Draw network, tissue, fields and a mounted section."""
    tumour = make_tumour(1)
    section = cut(tumour, DEPTH_UM)
    mounted = mount(4, section, MountPlan(tear_um=60, fold_um=40, bubbles=2))
    where = grid(section)
    shape, flat = where.shape[:2], where.reshape(-1, 2)
    off = section.tissue(flat).reshape(shape) == 0

    def shown(values: np.ndarray) -> np.ndarray:
        return np.where(off, np.nan, values.reshape(shape))

    figure, axes = plt.subplots(2, 4, figsize=(13, 6), layout="constrained")
    extent = (0, section.size_um[1] / 1e3, section.size_um[0] / 1e3, 0)
    network = tumour.network
    flows = network.perfused[network.segment]
    leaks = network.leaking[network.segment]
    for chosen, colour, label in (
        (~flows, "0.6", "not perfused"),
        (flows & ~leaks, "tab:red", "perfused"),
        (leaks, "tab:blue", "leaking"),
    ):
        links = network.capsules[chosen]
        lines = np.full((3 * len(links), 2), np.nan)
        lines[0::3], lines[1::3] = links[:, [2, 1]], links[:, [5, 4]]
        axes[0, 0].plot(*lines.T / 1e3, color=colour, lw=0.6, label=label)
    axes[0, 0].set(xlim=extent[:2], ylim=extent[2:], aspect="equal")
    axes[0, 0].legend(fontsize=6, loc="lower right")
    axes[0, 0].set_title("vessels, seen through 0.3 mm")
    kinds = mpl.colors.ListedColormap(KINDS)
    kind = section.tissue(flat).reshape(shape)
    panels = [
        ("capsule, stroma, viable, necrosis", kind, kinds, 4),
        ("oxygen, mmHg", shown(section.value("oxygen", flat)), "inferno", 40),
        ("distance in space, µm", shown(section.distance(flat)), "viridis", 150),
        ("carrier / mean plasma", shown(section.value("carrier", flat)), "magma", 0.4),
        ("encapsulated drug", shown(section.value("encapsulated", flat)), "magma", 0.4),
        ("free drug", shown(section.value("free", flat)), "magma", 0.02),
    ]
    for axis, (title, values, colours, high) in zip(
        axes.flat[1:7], panels, strict=True
    ):
        drawn = axis.imshow(values, cmap=colours, vmin=0, vmax=high, extent=extent)
        axis.set_title(title)
        if colours is not kinds:
            figure.colorbar(drawn, ax=axis, shrink=0.75)
    values = mounted.value("free", flat)
    values[mounted.section.tissue(mounted.to_section(flat)) == 0] = np.nan
    values[mounted.torn(flat)] = np.nan
    values[mounted.under_bubble(flat)] *= 0.4
    axes[1, 3].imshow(
        values.reshape(shape), cmap="magma", vmin=0, vmax=0.02, extent=extent
    )
    axes[1, 3].set_title("free drug, mounted: tear, fold, bubbles")
    for axis in axes.flat:
        axis.tick_params(labelsize=6)
        axis.title.set_fontsize(9)
    axes[1, 0].set_xlabel("mm", fontsize=7)
    path = IMAGES / "tumour.png"
    figure.savefig(path, dpi=90)
    Image.open(path).convert("RGB").quantize(COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    main()
