from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from readimc import MCDFile
from scipy import ndimage, optimize

from nanoscape import io
from nanoscape.compute import Threads, using
from nanoscape.model import Image, ImageGroup
from nanoscape.phantom.instruments import imc
from nanoscape.phantom.instruments.imc import Expected, Imc
from nanoscape.phantom.instruments.imc_panel import GAS, NAMES, PANEL, spillover
from nanoscape.phantom.instruments.imc_stains import metals
from nanoscape.phantom.specimen import Artefact, Specimen
from nanoscape.phantom.tumour import Tissue

IMC = Imc(side_um=240.0)
SPOTS = 240


@pytest.fixture(scope="module")
def path(specimen: Specimen, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("imc") / "m1_imc.mcd"
    imc.write(path, specimen, IMC)
    return path


@pytest.fixture(scope="module")
def expected(specimen: Specimen) -> Expected:
    return imc.expect(specimen, IMC)


@pytest.fixture(scope="module")
def truth(specimen: Specimen) -> dict[str, np.ndarray]:
    return imc.truth(specimen, IMC)


@pytest.fixture(scope="module")
def counts(path: Path) -> np.ndarray:
    """Counts through readimc, ``(channel, y, x)``."""
    with MCDFile(path) as file:
        found = file.read_acquisition(file.slides[0].acquisitions[0])
    return np.asarray(found, np.float64)


@pytest.fixture(scope="module")
def fine(specimen: Specimen) -> np.ndarray:
    """Amounts at half micrometres, with 3 µm around the region."""
    steps = (np.arange(-6, 2 * SPOTS + 6) + 0.5) / 2
    y, x = imc.region(specimen, IMC)
    return metals(specimen, y + steps, x + steps, IMC.gold_counts).amounts


def spread(amount: np.ndarray, sigma_um: float) -> np.ndarray:
    """Return means over spots of an amount that craters have spread."""
    soft = ndimage.gaussian_filter(amount, 2 * sigma_um)[6:-6, 6:-6]
    return soft.reshape(SPOTS, 2, SPOTS, 2).mean(axis=(1, 3))


def clean_of(expected: Expected, name: str) -> np.ndarray:
    return expected.clean[NAMES.index(name)]


def test_readimc_finds_what_was_measured_and_where(
    path: Path, specimen: Specimen
) -> None:
    with MCDFile(path) as file:
        (slide,) = file.slides
        (acquisition,) = slide.acquisitions
        assert slide.width_um == 75_000
        assert acquisition.channel_labels == list(NAMES)
        assert acquisition.channel_names == [f"{m.metal}{m.mass}" for m in PANEL]
        assert (acquisition.width_px, acquisition.height_px) == (SPOTS, SPOTS)
        assert acquisition.pixel_size_x_um == acquisition.pixel_size_y_um == 1.0
        points = np.array(acquisition.roi_points_um)
        picture = file.read_panorama(slide.panoramas[0])
        assert slide.panoramas[0].width_um == pytest.approx(4 * picture.shape[1])
    y, x = imc.region(specimen, IMC)
    top = 25_000 - y
    corners = [(x, top), (x + 240, top), (x + 240, top - 240), (x, top - 240)]
    np.testing.assert_allclose(points, corners)
    np.testing.assert_array_equal(picture, imc.panorama(specimen, IMC).pixels)


def test_the_program_reads_the_same_in_its_place(
    path: Path, counts: np.ndarray, specimen: Specimen
) -> None:
    panorama, group = io.read(path)
    assert isinstance(panorama, Image)
    assert isinstance(group, ImageGroup)
    found = np.stack([np.asarray(image.data) for image in group])
    np.testing.assert_array_equal(found, counts)
    y, x = imc.place(specimen, IMC)
    there = group["CD31"].grid_to_space.apply(np.array([[0, 0], [239, 100]]))
    np.testing.assert_allclose(there, [[y[0], x[0]], [y[239], x[100]]])
    assert panorama.space == group["CD31"].space
    # Tissue is dark on the picture where the truth of the slide has it.
    pixels = np.asarray(panorama.data)
    index = np.argwhere(pixels >= 0)
    at = panorama.grid_to_space.apply(index)
    solid = specimen.tissue(np.ascontiguousarray(at)).reshape(pixels.shape) > 0
    assert pixels[solid].mean() < pixels[~solid].mean() - 15


def test_the_region_shows_living_tissue_and_a_necrosis(
    truth: dict[str, np.ndarray],
) -> None:
    dead = (truth["tissue"] == Tissue.NECROSIS).mean()
    assert 0.1 < dead < 0.6
    assert (truth["tissue"] > 0).mean() > 0.8
    assert truth["artefacts"].dtype == np.uint8
    assert (truth["cell"][truth["tissue"] == Tissue.VIABLE] > 0).mean() > 0.85


def test_counts_scatter_as_counts_do(counts: np.ndarray, expected: Expected) -> None:
    mean = expected.counts(IMC)
    plain = expected.specks == 0
    assert (counts >= 0).all()
    assert (counts == np.rint(counts)).all()
    for channel, name in enumerate(NAMES):
        keep = plain[channel] & (mean[channel] > 0.02)
        rate = mean[channel][keep]
        excess = (counts[channel][keep] - rate) / np.sqrt(rate)
        assert abs(excess.mean()) < 5 / np.sqrt(rate.size), name
        error = np.sqrt((2 + (1 / rate).mean()) / rate.size)
        assert abs(excess.var() - 1) < 5 * error, name


@pytest.mark.parametrize(
    ("source", "target", "share"),
    [("E-cadherin", "F4/80", IMC.up), ("pimonidazole", "Histone H3", IMC.up)],
)
def test_spillover_is_measured_back(
    counts: np.ndarray, expected: Expected, source: str, target: str, share: float
) -> None:
    """Where the neighbour itself is absent, its counts follow those of the metal."""
    own, other = clean_of(expected, source), clean_of(expected, target)
    absent = other < 0.5
    plain = (expected.specks == 0).all(axis=0) & (expected.ablated == 1)[:, None]
    weak, strong = (plain & absent & m for m in (own < 1, own > 6))

    def gain(values: np.ndarray) -> float:
        return float(values[strong].mean() - values[weak].mean())

    more = counts[NAMES.index(target)] - other * expected.sensitivity
    found = gain(more) / gain(counts[NAMES.index(source)])
    rate = counts[NAMES.index(target)]
    error = np.sqrt(rate[strong].var() / strong.sum() + rate[weak].var() / weak.sum())
    error /= gain(counts[NAMES.index(source)])
    assert error < share / 6
    assert found == pytest.approx(share, abs=4 * error)


def test_the_matrix_knows_neighbours_and_oxides() -> None:
    matrix = spillover(0.01, 0.003, 0.02)
    mass = {metal.label: metal.mass for metal in PANEL}
    for i, one in enumerate(NAMES):
        for j, other in enumerate(NAMES):
            apart = mass[one] - mass[other]
            usual = {0: 1.0, 1: 0.01, -1: 0.003, 16: 0.02}.get(apart, 0.0)
            assert matrix[i, j] == (usual if other not in GAS else float(i == j))
    # Terbium's oxide is counted as lutetium.
    assert matrix[NAMES.index("pimonidazole"), NAMES.index("F4/80")] == 0.02


def test_the_crater_is_measured_back(
    counts: np.ndarray, expected: Expected, fine: np.ndarray
) -> None:
    rows = expected.ablated == 1
    both = [NAMES.index("DNA1"), NAMES.index("DNA2")]
    plain = (expected.specks[both] == 0).all(axis=0)[rows]
    seen = (counts[both].sum(axis=0) / expected.sensitivity)[rows]
    there = fine[both].sum(axis=0)
    weight = plain / (expected.clean[both].sum(axis=0)[rows] + 1)

    def miss(sigma: float) -> float:
        model = imc.trailed(spread(there, sigma), IMC.carry_over)[rows]
        return float((weight * (seen - model) ** 2).sum())

    found = optimize.minimize_scalar(miss, bounds=(0.1, 1.2), method="bounded").x
    assert found == pytest.approx(IMC.crater_sigma_um, rel=0.08)


def test_what_is_carried_over_is_measured_back(
    counts: np.ndarray, expected: Expected, fine: np.ndarray
) -> None:
    """The share c that brings (1 − c) a(x) + c a(x − 1) closest to the counts."""
    total = weight = 0.0
    for name in ("DNA2", "E-cadherin", "CD31"):
        channel = NAMES.index(name)
        rows = (expected.ablated == 1)[:, None] & (expected.specks[channel] == 0)
        here = spread(fine[channel], IMC.crater_sigma_um)
        change = np.pad(here[:, :-1], ((0, 0), (1, 0))) - here
        rest = counts[channel] / expected.sensitivity - here
        per = np.where(rows, 1 / (here + 0.5), 0.0)
        total += float((per * rest * change).sum())
        weight += float((per * change**2).sum())
    error = 1 / np.sqrt(weight)
    assert error < 0.005
    assert total / weight == pytest.approx(IMC.carry_over, abs=4 * error)


def test_lines_drift_weaken_and_are_lost(
    counts: np.ndarray, expected: Expected, truth: dict[str, np.ndarray]
) -> None:
    argon = counts[NAMES.index("ArAr80")]
    line = argon.mean(axis=1) / IMC.gas_counts[0]
    error = 1 / np.sqrt(SPOTS * IMC.gas_counts[0])
    np.testing.assert_allclose(
        line, expected.sensitivity.mean(axis=1), atol=5 * error, rtol=0
    )
    slope = np.polyfit(np.arange(SPOTS), line, 1)[0] * SPOTS
    assert slope == pytest.approx(-IMC.drift, abs=0.04)
    dna = [NAMES.index("DNA1"), NAMES.index("DNA2")]
    found = counts[dna].sum(axis=(0, 2))
    full = (expected.clean[dna].sum(axis=0) * expected.sensitivity).sum(axis=1)
    usual = expected.ablated == 1
    assert (expected.ablated == 0).sum() == IMC.lost_lines
    assert (~usual).sum() == IMC.lost_lines + IMC.weak_lines
    specks = expected.specks[dna].sum(axis=(0, 2))
    np.testing.assert_allclose(
        (found - specks) / full,
        expected.ablated,
        atol=float(5 / np.sqrt(full.min())),
    )
    lost = (truth["artefacts"] & Artefact.LOST) > 0
    assert (lost.all(axis=1) == (expected.ablated == 0)).all()


def test_specks_are_as_rare_as_stated(
    counts: np.ndarray, expected: Expected, truth: dict[str, np.ndarray]
) -> None:
    specks = expected.specks > 0
    labels = len(NAMES) - len(GAS)
    mean = IMC.speck_share * SPOTS**2 * labels
    assert specks.sum() == pytest.approx(mean, abs=5 * np.sqrt(mean))
    calm = counts - expected.counts(IMC)
    assert (calm[specks] > 0.5 * expected.specks[specks]).all()
    shown = (truth["artefacts"] & Artefact.SPECK) > 0
    np.testing.assert_array_equal(shown, specks.any(axis=0))


def test_gold_is_that_of_the_carrier(
    counts: np.ndarray,
    expected: Expected,
    truth: dict[str, np.ndarray],
    specimen: Specimen,
) -> None:
    """Grains and carry-over keep the mean; the level multiplies it."""
    gold = (counts - expected.specks)[NAMES.index("gold")]
    rows = expected.ablated > 0
    found = (gold / np.where(rows[:, None], truth["sensitivity"], 1.0))[rows].mean()
    mean = IMC.gold_counts * truth["carrier"][rows].mean()
    assert found == pytest.approx(mean, rel=0.04)
    twice = imc.truth(dataclasses.replace(specimen, level=2.0), IMC)
    np.testing.assert_allclose(twice["clean_gold"], 2 * truth["clean_gold"], rtol=1e-5)
    np.testing.assert_array_equal(twice["clean_CD31"], truth["clean_CD31"])


def test_markers_are_where_they_belong(
    truth: dict[str, np.ndarray], specimen: Specimen
) -> None:
    wall = truth["distance_all_um"]
    assert truth["clean_CD31"][np.abs(wall) < 1].mean() > 5
    assert truth["clean_CD31"][wall > 6].mean() < 0.5
    living = truth["tissue"] == Tissue.VIABLE
    starved = living & (truth["oxygen"] < 3)
    fed = living & (truth["oxygen"] > 15)
    assert truth["clean_pimonidazole"][starved].mean() > 2
    if fed.sum() > 100:
        assert truth["clean_pimonidazole"][fed].mean() < 0.7
    dead = truth["tissue"] == Tissue.NECROSIS
    assert truth["clean_E-cadherin"][dead].mean() < 0.2 * (
        truth["clean_E-cadherin"][living].mean()
    )
    ratio = truth["clean_DNA2"].sum() / truth["clean_DNA1"].sum()
    assert ratio == pytest.approx(0.627 / 0.373, rel=0.03)


def test_the_truth_says_where_the_region_lies(specimen: Specimen) -> None:
    told = imc.about(specimen, IMC)
    y, x = imc.region(specimen, IMC)
    assert told["first_spot_y_x_um"] == [y + 0.5, x + 0.5]
    assert len(told["spillover_rows_count_columns"]) == len(PANEL)


def test_it_does_not_matter_how_many_lines_are_looked_at(
    specimen: Specimen, expected: Expected
) -> None:
    other = imc.expect(specimen, IMC, lines=101)
    np.testing.assert_allclose(other.clean, expected.clean, rtol=1e-9, atol=1e-9)


def test_the_same_seed_gives_the_same_bytes(
    path: Path, specimen: Specimen, tmp_path: Path
) -> None:
    again = tmp_path / "again.mcd"
    with using(Threads(workers=2)):
        imc.write(again, specimen, IMC)
    assert again.read_bytes() == path.read_bytes()
    other = dataclasses.replace(specimen, seed=12)
    imc.write(again, other, IMC)
    assert again.read_bytes() != path.read_bytes()
