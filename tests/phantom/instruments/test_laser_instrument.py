from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from nanoscape import io
from nanoscape.phantom.instruments import laser
from nanoscape.phantom.instruments.laser import STANDARDS_UG_PER_G, Laser
from nanoscape.phantom.specimen import Specimen

LASER = Laser()


@pytest.fixture(scope="module")
def lines(specimen: Specimen, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("laser") / "m1_laser"
    laser.write(folder, specimen, LASER)
    return folder


@pytest.fixture(scope="module")
def standards(specimen: Specimen, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("standards") / "m1_standards"
    laser.write_standards(folder, specimen, LASER)
    return folder


def read_back(folder: Path) -> np.ndarray:
    """Return counts per second through NumPy's reader, ``(channel, line, reading)``."""
    count = len(list(folder.glob("*.xl")))
    tables = [
        np.genfromtxt(folder / f"line_{n + 1}.xl", delimiter=",", skip_header=2)
        for n in range(count)
    ]
    return np.stack(tables)[..., 1:].transpose(2, 0, 1)


def test_counts_scatter_as_counts_do(lines: Path, specimen: Specimen) -> None:
    amount = laser.amounts(specimen, LASER)
    drift = laser.sensitivity(LASER, *amount.shape[1:])
    counts = laser.expected_cps(amount, drift, LASER) * LASER.dwell_s
    excess = (read_back(lines) * LASER.dwell_s - counts) / np.sqrt(counts)
    many = excess[0].size
    for channel in range(3):
        assert abs(excess[channel].mean()) < 5 / np.sqrt(many)
        spread = np.sqrt((2 + (1 / counts[channel]).mean()) / many)
        assert abs(excess[channel].var() - 1) < 5 * spread


def test_the_program_reads_the_lines_with_their_geometry(
    lines: Path, specimen: Specimen
) -> None:
    gold = io.read(lines)[0]["Au197"]
    assert gold.spacing == pytest.approx({"y": 20.0, "x": 10.0})
    assert gold.shape == LASER.pixels(specimen).shape == (51, 101)
    found = np.asarray(gold.data)
    np.testing.assert_allclose(found, read_back(lines)[2], rtol=1e-5)


def test_the_tail_of_the_cell_is_measured_back(standards: Path) -> None:
    """On the rise of the strongest standard, 1 − exp(−t/τ)."""
    cps = read_back(standards)[2]
    strong = len(STANDARDS_UG_PER_G) - 1
    level = cps[strong, 40:].mean()
    blank = cps[0].mean()
    left = 1 - (cps[strong, :4] - blank) / (level - blank)
    time = (np.arange(4) + 1) * LASER.scan_s
    slope = (time * -np.log(left)).sum() / (time**2).sum()
    assert 1 / slope == pytest.approx(LASER.washout_s, rel=0.08)


def test_the_tail_smears_gold_forwards(specimen: Specimen) -> None:
    amount = laser.amounts(specimen, LASER)[2]
    seen = laser.washed_out(amount, LASER)
    x = np.arange(amount.shape[1])
    for_all = [(values * x).sum() / values.sum() for values in (seen, amount)]
    keep = np.exp(-LASER.scan_s / LASER.washout_s)
    # The mean delay of a geometric tail, short of what is cut off at the end.
    assert for_all[0] - for_all[1] == pytest.approx(keep / (1 - keep), rel=0.1)


def test_standards_tell_sensitivity_and_drift(standards: Path) -> None:
    cps = read_back(standards)[:, :, 20:].mean(axis=2)
    count = len(STANDARDS_UG_PER_G)
    for channel in (1, 2):
        slopes = []
        for part in (slice(0, count), slice(count, None)):
            slope, offset = np.polyfit(STANDARDS_UG_PER_G, cps[channel, part], 1)
            assert offset == pytest.approx(LASER.background_cps[channel], rel=0.6)
            slopes.append(slope)
        assert slopes[0] == pytest.approx(LASER.cps_per_ug_per_g[channel], rel=0.01)
        assert slopes[1] / slopes[0] == pytest.approx(1 - LASER.drift, rel=0.01)
    text = (standards / "standards.txt").read_text().splitlines()
    assert text[0].split("\t")[:2] == ["line", "measured"]
    assert len(text) == 1 + 2 * count


def test_calibrated_gold_is_that_of_the_carrier(
    lines: Path, specimen: Specimen
) -> None:
    """The sum of a line does not care for the tail: mass is kept."""
    cps = read_back(lines)[2]
    drift = laser.sensitivity(LASER, *cps.shape)
    per = LASER.cps_per_ug_per_g[2]
    gold = (cps - LASER.background_cps[2]) / per / drift
    true = laser.truth(specimen, LASER)["gold_ug_per_g"]
    assert gold.mean() == pytest.approx(true.mean(), rel=0.02)
    twice = dataclasses.replace(specimen, level=2.0)
    more = laser.truth(twice, LASER)["gold_ug_per_g"]
    np.testing.assert_allclose(more, 2 * true, rtol=1e-6)


def test_the_same_seed_gives_the_same_bytes(
    lines: Path, specimen: Specimen, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    laser.write(again, specimen, LASER)
    names = sorted(path.name for path in lines.iterdir())
    assert names == sorted(path.name for path in again.iterdir())
    for name in names:
        assert (again / name).read_bytes() == (lines / name).read_bytes()
