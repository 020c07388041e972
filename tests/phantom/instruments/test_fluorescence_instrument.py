from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import optimize

from nanoscape import io
from nanoscape.compute import Threads, using
from nanoscape.phantom.instruments import fluorescence
from nanoscape.phantom.instruments.fluorescence import (
    CARRIER,
    CHANNELS,
    DRUG,
    SlideScanner,
)
from nanoscape.phantom.instruments.stains import FOLD_LIGHT, look
from nanoscape.phantom.rendering import TILE
from nanoscape.phantom.specimen import Artefact, Specimen

SCANNER = SlideScanner(pixel_um=0.8)
SIDE = 1250


@pytest.fixture(scope="module")
def slide(specimen: Specimen, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slide") / "slide.ome.tif"
    with using(Threads(workers=1)):
        fluorescence.write(path, specimen, SCANNER)
    return path


@pytest.fixture(scope="module")
def counts(slide: Path) -> np.ndarray:
    return tifffile.imread(slide).astype(float) - SCANNER.offset


@pytest.fixture(scope="module")
def expected(specimen: Specimen) -> np.ndarray:
    whole = np.empty((len(CHANNELS), SIDE, SIDE))
    for row in range(0, SIDE, TILE):
        for column in range(0, SIDE, TILE):
            part = (
                slice(row, min(row + TILE, SIDE)),
                slice(column, min(column + TILE, SIDE)),
            )
            whole[:, *part] = fluorescence.tile_photons(specimen, SCANNER, *part)
    return whole


def masks(specimen: Specimen) -> np.ndarray:
    axis = np.arange(SIDE) * SCANNER.pixel_um
    places = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    return specimen.artefacts(places, optical=True).reshape(SIDE, SIDE)


def test_the_point_spread_measured_on_spots_is_the_stated_one(
    specimen: Specimen, counts: np.ndarray
) -> None:
    """The mean of spots away from each other, with their subpixel places known."""
    found = fluorescence.spots(specimen, (20.0, 980.0, 20.0, 980.0))
    apart = np.linalg.norm(found[:, None, :2] - found[None, :, :2], axis=2)
    np.fill_diagonal(apart, np.inf)
    alone = found[apart.min(axis=1) > 9]
    assert len(alone) > 60
    step, reach = SCANNER.pixel_um, 6
    r, v, w = [], [], []
    for y, x, photons in alone:
        i, j = round(y / step), round(x / step)
        rows, columns = np.mgrid[i - reach : i + reach + 1, j - reach : j + reach + 1]
        part = counts[CARRIER, rows, columns]
        away = np.hypot(rows * step - y, columns * step - x)
        ring = part[away > 4 * SCANNER.psf_sigma_um]
        if ring.var() > 1.4 * ring.mean():
            continue  # the carrier around it is not even
        r.append(away.ravel())
        v.append((part - ring.mean()).ravel() / photons / step**2)
        w.append(np.full(part.size, photons))
    assert len(r) > 30

    def spread(r: np.ndarray, amount: float, sigma: float) -> np.ndarray:
        return amount / (2 * np.pi * sigma**2) * np.exp(-(r**2) / 2 / sigma**2)

    (amount, sigma), _ = optimize.curve_fit(
        spread,
        np.concatenate(r),
        np.concatenate(v),
        (1.0, 1.0),
        sigma=1 / np.sqrt(np.concatenate(w)),
    )
    assert sigma == pytest.approx(SCANNER.psf_sigma_um, rel=0.02)
    assert amount == pytest.approx(1.0, abs=0.05)


def test_counts_scatter_as_photons_do(counts: np.ndarray, expected: np.ndarray) -> None:
    """Variance over mean is 1, off the tissue and in every channel."""
    for channel, name in enumerate(CHANNELS):
        excess = (counts - expected)[channel] / np.sqrt(expected[channel])
        many = excess.size
        assert abs(excess.mean()) < 5 / np.sqrt(many), name
        # A squared Poisson deviate varies by 2 + 1/mean.
        spread = np.sqrt((2 + (1 / expected[channel]).mean()) / many)
        assert abs(excess.var() - 1) < 5 * spread, name
    corner = counts[0, :60, :60]
    assert corner.var() == pytest.approx(corner.mean(), rel=0.1)


def test_light_leaks_into_other_detectors_as_stated(specimen: Specimen) -> None:
    """Without doxorubicin CD31 loses 12 % of what the drug's channel loses."""
    part = slice(300, 500), slice(300, 500)
    y = x = np.arange(300, 500) * SCANNER.pixel_um
    gain = fluorescence.illumination(specimen, SCANNER, y, x)
    none = dataclasses.replace(SCANNER, drug_photons=0.0)
    lost = fluorescence.tile_photons(specimen, SCANNER, *part)
    lost = (lost - fluorescence.tile_photons(specimen, none, *part)) / gain
    assert lost[DRUG].min() >= 0
    assert lost[DRUG].max() > 10
    cd31 = CHANNELS.index("CD31")
    np.testing.assert_allclose(lost[cd31], 0.12 * lost[DRUG], atol=1e-9)
    for channel in (0, 2, 3, CARRIER):
        np.testing.assert_allclose(lost[channel], 0, atol=1e-9)


def test_encapsulated_drug_is_quenched() -> None:
    class Found:
        free = np.array([0.01, 0.0, 0.0])
        encapsulated = np.array([0.0, 0.01, 1.0])
        nuclei = np.zeros(3)

    free, held, much = fluorescence.drug_light(Found(), SCANNER)  # type: ignore[arg-type]
    assert held / free == pytest.approx(0.1, rel=0.04)
    assert much / held == pytest.approx(100 / (1 + 1 / 3), rel=0.01)


def test_artefacts_are_where_the_mask_says(
    specimen: Specimen, counts: np.ndarray
) -> None:
    bits = masks(specimen)
    axis = np.arange(SIDE) * SCANNER.pixel_um
    tissue = look(specimen, axis, axis).tissue
    plain = (tissue > 0) & (bits == 0)
    pimonidazole = counts[CHANNELS.index("pimonidazole")]
    for bit in (Artefact.TEAR, Artefact.FOLD, Artefact.BUBBLE, Artefact.SEAM):
        assert (bits & bit).any()
    torn = bits == Artefact.TEAR
    off = counts[CHANNELS.index("pimonidazole"), :60, :60].mean()
    assert np.median(pimonidazole[torn]) < off + 0.3 * (
        np.median(pimonidazole[plain]) - off
    )
    folded = bits == Artefact.FOLD
    ratio = np.median(counts[DRUG][folded]) / np.median(counts[DRUG][plain])
    assert ratio > 0.7 * FOLD_LIGHT
    bubble, seam = bits == Artefact.BUBBLE, bits == Artefact.SEAM
    dapi_haze = np.quantile(counts[0][plain], 0.25)
    assert np.quantile(counts[0][bubble], 0.25) < 0.6 * dapi_haze
    assert np.quantile(counts[0][seam & (tissue > 0)], 0.25) < dapi_haze


def test_the_file_states_its_geometry(slide: Path, specimen: Specimen) -> None:
    with tifffile.TiffFile(slide) as tiff:
        assert tiff.is_ome
        series = tiff.series[0]
        assert series.shape == (6, SIDE, SIDE)
        assert [level.shape[1] for level in series.levels][:2] == [SIDE, SIDE // 2]
        assert 'PhysicalSizeX="0.8"' in (tiff.ome_metadata or "")
    found = io.read(slide)[0]
    carrier = found["carrier"]
    assert tuple(carrier.spacing.values()) == pytest.approx((0.8, 0.8))
    assert carrier.shape == (SIDE, SIDE)


def test_the_same_bytes_for_any_workers(
    slide: Path, specimen: Specimen, tmp_path: Path
) -> None:
    again = tmp_path / "again.ome.tif"
    with using(Threads(workers=2, block_shape=(100, 333))):
        fluorescence.write(again, specimen, SCANNER)
    assert again.read_bytes() == slide.read_bytes()


def test_tiffslide_opens_the_pyramid(slide: Path) -> None:
    tiffslide = pytest.importorskip("tiffslide")
    with tiffslide.TiffSlide(slide) as opened:
        assert opened.dimensions == (SIDE, SIDE)
        assert opened.level_count >= 2
        assert float(opened.properties["tiffslide.mpp-x"]) == pytest.approx(0.8)
