from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tifffile

from nanoscape import io
from nanoscape.compute import Threads, using
from nanoscape.phantom.instruments import histology
from nanoscape.phantom.instruments.histology import BLOOD, DYES, Brightfield
from nanoscape.phantom.specimen import Artefact, Specimen

SCANNER = Brightfield(pixel_um=0.9)
SIDE = 1111


@pytest.fixture(scope="module")
def slide(specimen: Specimen, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("histology") / "histology.ome.tif"
    with using(Threads(workers=1)):
        histology.write(path, specimen, SCANNER)
    return path


@pytest.fixture(scope="module")
def colours(slide: Path) -> np.ndarray:
    return tifffile.imread(slide).astype(float)


PART = slice(512, 812), slice(512, 812)


def test_colours_are_those_of_the_dyes(specimen: Specimen) -> None:
    """Beer and Lambert: absorbances without optics are sums of three colours."""
    sharp = dataclasses.replace(SCANNER, psf_sigma_um=1e-3)
    light = histology.tile_light(specimen, sharp, *PART)
    optical = -np.log10(light / SCANNER.white)
    y = np.arange(512, 812) * SCANNER.pixel_um
    dyes, blood = histology.absorbance(specimen, sharp, y, y)
    expected = np.einsum("dyx,dc->cyx", dyes, DYES) + BLOOD[:, None, None] * blood
    places = np.stack(np.meshgrid(y, y, indexing="ij"), axis=-1).reshape(-1, 2)
    clear = ~specimen.mounted.under_bubble(places).reshape(blood.shape)
    # Nuclei at the border depend on how far around them is looked.
    same = np.isclose(optical, expected, atol=1e-6)[:, clear]
    assert same.mean() > 0.999
    assert expected.max() > 0.4


def test_photons_scatter_as_stated(specimen: Specimen, colours: np.ndarray) -> None:
    light = histology.tile_light(specimen, SCANNER, slice(0, 512), slice(0, 512))
    seen = colours[:512, :512].transpose(2, 0, 1)
    # Rounding to grey values adds a twelfth.
    variance = light / SCANNER.photons_per_grey + 1 / 12
    dark = light < 230
    excess = ((seen - light) / np.sqrt(variance))[dark]
    assert excess.size > 50_000
    assert excess.var() == pytest.approx(1, abs=0.02)
    assert abs(excess.mean()) < 0.02


def test_the_point_spread_is_measured_back_from_the_edge_of_a_tear(
    specimen: Specimen, colours: np.ndarray
) -> None:
    """What the image is smoothed by more than the scene without optics: σ²."""
    sharp = dataclasses.replace(SCANNER, psf_sigma_um=1e-3)
    scene = histology.tile_light(specimen, sharp, slice(0, 512), slice(0, 512))[1]
    seen = colours[:512, :512, 1]
    frequency = np.fft.fftfreq(512, SCANNER.pixel_um)
    radius = np.hypot(frequency[:, None], frequency)
    window = np.hanning(512)[:, None] * np.hanning(512)
    a, b = (np.fft.fft2((v - v.mean()) * window) for v in (scene, seen))
    bins = np.linspace(0.03, 0.25, 12)
    cross, power = (
        np.histogram(radius, bins, weights=w)[0]
        for w in ((a.conj() * b).real, np.abs(a) ** 2)
    )
    middle = (bins[1:] + bins[:-1]) / 2
    slope = np.polyfit(middle**2, np.log(cross / power), 1)[0]
    sigma = np.sqrt(-slope / (2 * np.pi**2))
    assert sigma == pytest.approx(SCANNER.psf_sigma_um, rel=0.05)


def test_the_slide_opens_with_its_geometry(slide: Path, specimen: Specimen) -> None:
    tiffslide = pytest.importorskip("tiffslide")
    with tiffslide.TiffSlide(slide) as opened:
        assert opened.dimensions == (SIDE, SIDE)
        assert opened.level_count == 2
        assert float(opened.properties["tiffslide.mpp-x"]) == pytest.approx(0.9)
        region = np.asarray(opened.read_region((600, 500), 0, (64, 32)))[..., :3]
    np.testing.assert_array_equal(region, tifffile.imread(slide)[500:532, 600:664])
    image = io.read(slide)[0]
    assert image.rgb
    assert tuple(image.spacing.values()) == pytest.approx((0.9, 0.9))


def test_tears_are_white_and_folds_dark(
    specimen: Specimen, colours: np.ndarray
) -> None:
    axis = np.arange(SIDE) * SCANNER.pixel_um
    places = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    bits = specimen.artefacts(places, optical=True).reshape(SIDE, SIDE)
    tissue = specimen.tissue(places).reshape(SIDE, SIDE)
    green = colours[..., 1]
    plain = np.median(green[(tissue > 0) & (bits == 0)])
    assert np.median(green[bits == Artefact.TEAR]) > 230
    assert np.median(green[bits == Artefact.FOLD]) < 0.75 * plain


def test_the_same_bytes_for_any_workers(
    slide: Path, specimen: Specimen, tmp_path: Path
) -> None:
    again = tmp_path / "again.ome.tif"
    with using(Threads(workers=2, block_shape=(100, 333))):
        histology.write(again, specimen, SCANNER)
    assert again.read_bytes() == slide.read_bytes()
