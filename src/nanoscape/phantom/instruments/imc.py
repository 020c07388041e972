"""Imaging mass cytometry: a laser, spot by spot, and metals that label molecules.

Each spot gives counts of metal ions. What the section holds is spread by the crater,
trails into the next spot, is counted a little in the channels of neighbouring masses,
and comes through a plasma whose sensitivity wanders; some lines are weak or lost, and
specks of label shine in single spots.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nanoscape.compute import Task, tile_generator
from nanoscape.phantom.instruments.imc_panel import GAS, NAMES, PANEL, spillover
from nanoscape.phantom.instruments.imc_stains import Metals, metals
from nanoscape.phantom.mcd_file import Acquisition, Panorama, write_mcd
from nanoscape.phantom.specimen import Artefact, Pixels, Specimen
from nanoscape.phantom.texture import smooth_noise
from nanoscape.phantom.tumour import Tissue

FloatArray = NDArray[np.float64]

_SAMPLES = 2
_HALO_UM = 3.0
_SEARCH_UM = 25.0
_LINES_AT_ONCE = 64
_COUNTS, _DRIFT, _LINES, _SPECKS, _PICTURE = range(40, 45)


@dataclass(frozen=True)
class Imc:
    """The instrument. All values are chosen.

    Attributes
    ----------
    pixel_um
        Distance of square spots, and their side.
    side_um
        Of the square region that is ablated.
    crater_sigma_um
        Standard deviation of the Gaussian by which craters reach beyond a spot.
    carry_over
        Share of a spot's ions that come with those of the next one.
    up, down, oxide
        Shares that are counted at the next higher and lower mass, and 16 above.
    gas_counts
        Of argon dimers and xenon in each spot.
    gold_counts
        Of a spot where the level of the carrier is 1.
    drift
        Sensitivity lost from the first line to the last.
    flicker
        Standard deviation of the sensitivity from line to line, slow against a spot.
    weak_lines, lost_lines
        How many lines give a half to four fifths, and nothing but gas.
    speck_share
        Of the spots of each channel, that shine from a speck of label.
    panorama_um
        Pixels of the picture of the whole section.
    """

    pixel_um: float = 1.0
    side_um: float = 600.0
    crater_sigma_um: float = 0.4
    carry_over: float = 0.03
    up: float = 0.010
    down: float = 0.003
    oxide: float = 0.020
    gas_counts: tuple[float, float] = (320.0, 1.6)
    gold_counts: float = 90.0
    drift: float = 0.10
    flicker: float = 0.03
    weak_lines: int = 5
    lost_lines: int = 2
    speck_share: float = 1.5e-4
    panorama_um: float = 4.0

    @property
    def matrix(self) -> FloatArray:
        """Share of each metal (column) that each channel (row) counts."""
        return spillover(self.up, self.down, self.oxide)

    def spots(self, specimen: Specimen) -> int:
        """Return the spots along each side of the region."""
        return int(min(self.side_um, *specimen.size_um) // self.pixel_um)


@dataclass(frozen=True, eq=False)
class Expected:
    """What is expected of each spot.

    Attributes
    ----------
    corner_um
        Corner of the region on the slide, ``(y, x)``.
    clean
        Mean counts of a steady instrument whose channels do not mix, after crater
        and carry-over and without gas, shape ``(channel, y, x)``.
    sensitivity
        Of the plasma, for all that is counted, shape ``(y, x)``.
    ablated
        Share of each line that is ablated, shape ``(y,)``.
    specks
        Further counts of single spots, shape ``(channel, y, x)``.
    """

    corner_um: tuple[float, float]
    clean: FloatArray
    sensitivity: FloatArray
    ablated: FloatArray
    specks: NDArray[np.int64]

    def counts(self, imc: Imc) -> FloatArray:
        """Return mean counts, specks left aside, ``(channel, y, x)``."""
        mixed = np.einsum("ij,jyx->iyx", imc.matrix, self.clean)
        mixed *= self.ablated[:, None]
        for name, gas in zip(GAS, imc.gas_counts, strict=True):
            mixed[NAMES.index(name)] += gas
        return mixed * self.sensitivity


def region(specimen: Specimen, imc: Imc) -> tuple[float, float]:
    """Return the corner of the region ``(y, x)`` in µm, where an operator would put it.

    Living tissue around the edge of a necrosis, with vessels and macrophages, away
    from tears and folds: of all windows 25 µm apart the first with the highest score
    min(living, 0.6) + 1.5 min(necrotic, 0.3) + min(near a vessel, 0.2)
    + 5 min(macrophages, 0.04) − 3 damaged, each a share of its area.
    """
    coarse = Pixels.over(specimen.size_um, (_SEARCH_UM, _SEARCH_UM))
    places = coarse.places()
    kind = specimen.tissue(places).reshape(coarse.shape)
    bad = (specimen.artefacts(places, optical=False) > 0).reshape(coarse.shape)
    side = imc.spots(specimen) * imc.pixel_um
    wide = max(round(side / _SEARCH_UM), 1)

    def share(mask: NDArray[np.bool_]) -> FloatArray:
        total = np.pad(mask.astype(float), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
        window = total[wide:, wide:] - total[:-wide, wide:]
        window = window - total[wide:, :-wide] + total[:-wide, :-wide]
        return window / wide**2

    dead = kind == Tissue.NECROSIS
    score = np.minimum(share((kind > 0) & ~dead), 0.6)
    score += 1.5 * np.minimum(share(dead), 0.3) - 3 * share(bad)
    inside = specimen.in_space(places)
    wall = specimen.tumour.distance(inside, "all").reshape(coarse.shape)
    score += np.minimum(share((wall < _SEARCH_UM / 2) & (kind > 0)), 0.2)
    eating = specimen.tumour.macrophages.at(inside).reshape(coarse.shape) > 0
    score += 5 * np.minimum(share(eating & (kind > 0)), 0.04)
    row, column = np.unravel_index(score.argmax(), score.shape)
    last = [max(n - side, 0.0) for n in specimen.size_um]
    y, x = (
        float(min(n * _SEARCH_UM, most))
        for n, most in zip((row, column), last, strict=True)
    )
    return y, x


def place(specimen: Specimen, imc: Imc) -> tuple[FloatArray, FloatArray]:
    """Return the centres of rows and of columns of spots in µm of the slide."""
    steps = np.arange(imc.spots(specimen), dtype=np.float64) + 0.5
    steps *= imc.pixel_um
    y, x = region(specimen, imc)
    return y + steps, x + steps


def expect(specimen: Specimen, imc: Imc, lines: int = _LINES_AT_ONCE) -> Expected:
    """Return what is expected of each spot.

    It does not depend on how many lines are looked at together.
    """
    count = imc.spots(specimen)
    clean = np.empty((len(PANEL), count, count))
    for first in range(0, count, lines):
        last = min(first + lines, count)
        clean[:, first:last] = _seen(specimen, imc, first, last)
    return Expected(
        region(specimen, imc),
        trailed(clean, imc.carry_over),
        sensitivity(specimen, imc, count),
        ablated(specimen, imc, count),
        specks(specimen, imc, count),
    )


def _seen(specimen: Specimen, imc: Imc, first: int, last: int) -> FloatArray:
    """Return the mean counts of some lines after the crater."""
    fine = imc.pixel_um / _SAMPLES
    halo = int(np.ceil(_HALO_UM / imc.pixel_um))
    y, x = region(specimen, imc)
    width = imc.spots(specimen)

    def centres(start: int, stop: int) -> FloatArray:
        steps = np.arange((start - halo) * _SAMPLES, (stop + halo) * _SAMPLES)
        return (steps.astype(np.float64) + 0.5) * fine

    found = metals(
        specimen, y + centres(first, last), x + centres(0, width), imc.gold_counts
    )
    pixels = Pixels((last - first, width), (imc.pixel_um, imc.pixel_um))
    seen = np.empty((len(PANEL), last - first, width))
    inner = slice(halo * _SAMPLES, -halo * _SAMPLES)
    sigma = imc.crater_sigma_um / fine
    for channel, amount in enumerate(found.amounts):
        spread = ndimage.gaussian_filter(amount, sigma, truncate=5.0)
        seen[channel] = pixels.means(spread[inner, inner], _SAMPLES)
    return seen


def trailed(seen: FloatArray, carry_over: float) -> FloatArray:
    """Return what is counted when a share of each spot comes with the next one."""
    before = np.roll(seen, 1, axis=-1)
    before[..., 0] = 0.0
    return (1 - carry_over) * seen + carry_over * before


def sensitivity(specimen: Specimen, imc: Imc, count: int) -> FloatArray:
    """Return the sensitivity over that at the start, shape ``(count, count)``.

    It falls evenly and flickers, over about two lines, in the order of ablation.
    """
    run = np.arange(count * count, dtype=np.float64)
    seed = specimen.stream(_DRIFT)
    wander = smooth_noise(seed, np.zeros(1), run, float(count))[0]
    found = (1 - imc.drift * run / len(run)) * (1 + imc.flicker * wander)
    return found.reshape(count, count)


def ablated(specimen: Specimen, imc: Imc, count: int) -> FloatArray:
    """Return which share of each line is ablated; 0 for lines that are lost."""
    generator = np.random.default_rng(specimen.stream(_LINES))
    found = np.ones(count)
    drawn = generator.permutation(np.arange(1, count - 1))
    weak = drawn[: imc.weak_lines]
    found[weak] = generator.uniform(0.5, 0.8, len(weak))
    found[drawn[imc.weak_lines : imc.weak_lines + imc.lost_lines]] = 0.0
    return found


def specks(specimen: Specimen, imc: Imc, count: int) -> NDArray[np.int64]:
    """Return counts of specks, shape ``(channel, count, count)``; none in the gas."""
    generator = np.random.default_rng(specimen.stream(_SPECKS))
    shape = len(PANEL), count, count
    bright = 60.0 * np.exp(0.8 * generator.standard_normal(shape))
    found = np.where(generator.random(shape) < imc.speck_share, np.rint(bright), 0)
    for name in GAS:
        found[NAMES.index(name)] = 0
    return found.astype(np.int64)


def write(path: Path, specimen: Specimen, imc: Imc, task: Task | None = None) -> None:
    """Write counts and a picture of the whole section as ``.mcd``.

    Each line has a stream of its own.
    """
    task = task or Task()
    expected = expect(specimen, imc)
    mean = expected.counts(imc)
    counted = np.empty(mean.shape, np.float32)
    for line in range(mean.shape[1]):
        task.step(line, mean.shape[1], "ablating")
        generator = tile_generator(specimen.stream(_COUNTS), line)
        counted[:, line] = generator.poisson(mean[:, line]) + expected.specks[:, line]
    counted_at = Acquisition(counted, PANEL, expected.corner_um, imc.pixel_um)
    write_mcd(path, panorama(specimen, imc), counted_at)


def panorama(specimen: Specimen, imc: Imc) -> Panorama:
    """Return the picture of the unstained section that the camera takes."""
    pixels = Pixels.over(specimen.size_um, (imc.panorama_um, imc.panorama_um))
    places = pixels.places() + imc.panorama_um / 2
    kind = specimen.tissue(places).reshape(pixels.shape)
    dense = np.array([0.0, 0.09, 0.07, 0.06, 0.10])[kind]
    y, x = (np.arange(n) * imc.panorama_um for n in pixels.shape)
    seed = specimen.stream(_PICTURE)
    dense = dense * (1 + 0.25 * smooth_noise(seed, y, x, 9.0))
    dense = dense * np.where(specimen.mounted.folded(places), 2.5, 1.0).reshape(
        pixels.shape
    )
    away = np.hypot(*np.meshgrid(y / y[-1] - 0.5, x / x[-1] - 0.5, indexing="ij"))
    light = 222.0 * 10**-dense * (1 - 0.12 * away**2)
    noise = np.random.default_rng(seed).normal(0, 1.8, light.shape)
    grey = np.clip(np.rint(ndimage.gaussian_filter(light, 0.6) + noise), 0, 255)
    return Panorama(grey.astype(np.uint8), imc.panorama_um)


def truth(specimen: Specimen, imc: Imc) -> dict[str, NDArray[np.generic]]:
    """Return what is true of each spot, by name.

    ``clean_…`` are the mean counts of :class:`Expected`; bits of ``artefacts`` say
    which spots were lost or shine in any channel.
    """
    expected = expect(specimen, imc)
    y, x = place(specimen, imc)
    found = metals(specimen, y, x, imc.gold_counts)
    shape = found.carrier.shape
    places = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1).reshape(-1, 2)
    known = specimen.mounted.locate(places)
    maps: dict[str, NDArray[Any]] = {
        "carrier": found.carrier,
        "oxygen": specimen.values(["oxygen"], places, known)["oxygen"],
        "sensitivity": expected.sensitivity * expected.ablated[:, None],
    }
    for vessels in ("all", "perfused"):
        near = specimen.tumour.distance(known.inside_um, vessels)
        maps[f"distance_{vessels}_um"] = near
    for name, counts in zip(NAMES, expected.clean, strict=True):
        if name not in GAS:
            maps[f"clean_{name.replace('/', '').replace(' ', '_')}"] = counts
    told = {n: m.astype(np.float32).reshape(shape) for n, m in maps.items()}
    return told | _masks(specimen, found, expected, places)


def _masks(
    specimen: Specimen, found: Metals, expected: Expected, places: FloatArray
) -> dict[str, NDArray[np.generic]]:
    shape = found.carrier.shape
    bits = specimen.artefacts(places, optical=False).reshape(shape)
    bits = bits | np.where(expected.ablated[:, None] == 0, Artefact.LOST, 0)
    bits = bits | np.where((expected.specks > 0).any(axis=0), Artefact.SPECK, 0)
    return {
        "tissue": found.scene.tissue,
        "cell": (found.cells.number + 1).astype(np.int32),
        "artefacts": bits.astype(np.uint8),
    }


def about(specimen: Specimen, imc: Imc) -> dict[str, Any]:
    """Return in plain values where the region lies, and how channels mix."""
    y, x = place(specimen, imc)
    return {
        "first_spot_y_x_um": [float(y[0]), float(x[0])],
        "channels": [f"{m.label} ({m.metal}{m.mass})" for m in PANEL],
        "spillover_rows_count_columns": imc.matrix.tolist(),
        "line_ablated": ablated(specimen, imc, len(y)).tolist(),
    }
