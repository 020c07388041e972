"""Texture against published values, brute force and any way to cut the image."""

from __future__ import annotations

import itertools
import math

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage
from skimage.feature import graycomatrix

from nanoscape.compute import Threads, using
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels
from nanoscape.statistics.texture import grey_regions as room
from nanoscape.statistics.texture.cooccurrence import cooccurrences
from nanoscape.statistics.texture.directions import directions, steps_within
from nanoscape.statistics.texture.homogeneity import drug_homogeneity
from nanoscape.statistics.texture.neighbours import dependences, tone_differences
from nanoscape.statistics.texture.runs import runs
from nanoscape.statistics.texture.size_zones import depths, distance_zones, size_zones
from nanoscape.statistics.texture.texture import texture
from nanoscape.workflow.verify_texture import AGGREGATIONS, phantom, references

SOLID = (True, True, True)


def image(values, **more):
    values = np.asarray(values)
    axes = "zyx"[-values.ndim :]
    return Image.from_array(values, axes, spacing=1.0, name="drug", **more)


def grey(seed=0, shape=(5, 6, 7), levels=4, holes=0.2):
    rng = np.random.default_rng(seed)
    values = rng.integers(1, levels + 1, shape)
    # Patches, so that runs and zones have more than one voxel.
    values = np.where(rng.random(shape) < 0.5, values, np.roll(values, 1, -1))
    return np.where(rng.random(shape) < holes, 0, values).astype(np.int32)


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_the_phantom_of_the_image_biomarker_standardisation_initiative(aggregation):
    row = texture(phantom(), bin_width=1.0, aggregation=aggregation).data.iloc[0]
    expected = list(references(aggregation))
    assert len(expected) == 95
    for column, value, tolerance in expected:
        assert row[column] == pytest.approx(value, abs=1.001 * tolerance), column
    assert row.n_pixels == 74
    assert row.size_um3 == pytest.approx(592e9)
    features = [name for name in row.index if name.startswith(("gl", "ng"))]
    assert sorted(features) == sorted(item.column for item in expected)


def test_the_phantom_as_a_file(shared_data):
    from nanoscape.io import read

    folder = shared_data / "ct" / "ibsi_digital_phantom"
    (picture,) = read(folder / "image" / "phantom.nii.gz")
    (mask,) = read(folder / "mask" / "mask.nii.gz")
    data = np.asarray(mask.data.compute()).astype(np.int32)
    region = Labels.from_array(
        data, "zyx", grid_to_space=mask.grid_to_space, space=picture.space
    )
    row = texture(picture, region, bins=6).data.iloc[0]
    for column, value, tolerance in references("3D merged"):
        assert row[column] == pytest.approx(value, abs=1.001 * tolerance), column


def test_pairs_in_a_plane_are_those_of_scikit_image():
    levels = grey(shape=(1, 30, 20), levels=5, holes=0.0)
    found = cooccurrences(levels, directions((False, True, True)), 5)
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    theirs = graycomatrix(levels[0], [1], angles, levels=6, symmetric=True)[1:, 1:, 0]
    ours = {pairs.tobytes() for pairs in found}
    assert ours == {
        np.ascontiguousarray(theirs[..., k], np.int64).tobytes() for k in range(4)
    }


def test_pairs_and_neighbours_by_brute_force():
    levels = grey()
    places = [tuple(place) for place in np.argwhere(levels)]
    steps = directions(SOLID)
    assert len(steps) == 13
    assert not {tuple(step) for step in steps} & {tuple(-step) for step in steps}
    for distance in (1, 2):
        pairs = np.zeros((13, 4, 4), int)
        around = steps_within(SOLID, distance)
        tones, like = np.zeros((2, 4)), np.zeros((4, len(around) + 1), int)
        known = {place: levels[place] for place in places}
        for place in places:
            for k, step in enumerate(steps * distance):
                for sign in (1, -1):
                    other = known.get(tuple(np.add(place, sign * step)))
                    if other:
                        pairs[k, known[place] - 1, other - 1] += 1
            near = [known.get(tuple(np.add(place, step))) for step in around]
            near = [value for value in near if value]
            like[known[place] - 1, sum(abs(n - known[place]) <= 1 for n in near)] += 1
            if near:
                tones[0, known[place] - 1] += 1
                tones[1, known[place] - 1] += abs(known[place] - np.mean(near))
        found = cooccurrences(levels, steps * distance, 4)
        np.testing.assert_array_equal(found, pairs)
        found = tone_differences(levels, around, 4)
        np.testing.assert_allclose(found, tones, rtol=1e-12)
        found = dependences(levels, around, 4, 1)
        table = np.zeros_like(like)
        table[found.level - 1, found.size - 1] = found.count
        np.testing.assert_array_equal(table, like)


def test_runs_along_an_axis_are_groups_of_equal_values():
    levels = grey()
    (found,) = runs(levels, np.array([[0, 0, 1]]), 4)
    expected = {}
    for line in levels.reshape(-1, levels.shape[-1]):
        for level, group in itertools.groupby(line):
            if level:
                key = (int(level), len(list(group)))
                expected[key] = expected.get(key, 0) + 1
    triples = zip(found.level, found.size, found.count, strict=True)
    assert {(int(i), int(j)): int(n) for i, j, n in triples} == expected
    # Each voxel belongs to one run along each direction.
    for each in runs(levels, directions(SOLID), 4):
        assert int((each.size * each.count).sum()) == np.count_nonzero(levels)


@pytest.mark.parametrize("seed", range(3))
def test_zones_and_their_depths_are_those_of_scipy(seed):
    levels = grey(seed, holes=0.1)
    depth = depths(levels, np.array(SOLID))
    padded = np.pad(levels > 0, 1)
    city = ndimage.distance_transform_cdt(padded, "taxicab")[1:-1, 1:-1, 1:-1]
    np.testing.assert_array_equal(depth, city)
    sizes, nearest = [], []
    for level in range(1, 5):
        labels, count = ndimage.label(levels == level, np.ones((3, 3, 3)))
        for number in range(1, count + 1):
            sizes.append((level, int((labels == number).sum())))
            nearest.append((level, int(city[labels == number].min())))
    steps = directions(SOLID)
    for found, expected in (
        (size_zones(levels, steps), sizes),
        (distance_zones(levels, steps, SOLID), nearest),
    ):
        pairs = zip(found.level, found.size, found.count, strict=True)
        ours = [(int(i), int(j)) for i, j, n in pairs for _ in range(n)]
        assert sorted(ours) == sorted(expected)


def test_a_section_is_a_volume_of_one_slice():
    values = np.random.default_rng(1).gamma(2.0, 1.0, (20, 30))
    tables = [
        texture(image(data), aggregation=how).data.iloc[0].filter(regex="^(gl|ng)")
        for data in (values, values[None])
        for how in ("3D merged", "2D merged", "2.5D merged")
    ]
    for table in tables[1:]:
        pd.testing.assert_series_equal(tables[0], table, check_exact=True)


def test_levels_by_number_and_by_width():
    values = np.array([[0.5, 1.4, 2.6, 4.5]])
    table = texture(image(values), family="ngldm", bins=4)
    assert table.data.n_levels[0] == 4
    assert table.data.levels[0] == "4 levels from smallest to largest value (FBN)"
    # Widths of 1 from 0.5: levels 1, 1, 3, 5; from 0: levels 1, 2, 3, 5.
    squares = "ngldm_high_grey_level_count_emphasis"
    row = texture(image(values), family="ngldm", bin_width=1.0).data.iloc[0]
    assert row[squares] == pytest.approx((1 + 1 + 9 + 25) / 4)
    row = texture(image(values), family="ngldm", bin_width=1.0, lowest=0.0).data.iloc[0]
    assert row[squares] == pytest.approx((1 + 4 + 9 + 25) / 4)
    assert "from 0" in row.levels


def test_chunks_and_workers_do_not_matter():
    values = np.random.default_rng(0).gamma(2.0, 1.0, (6, 40, 50))
    numbers = np.random.default_rng(1).integers(0, 3, (6, 8, 10))
    numbers = numbers.repeat(5, axis=1).repeat(5, axis=2)
    tables = []
    for chunk, workers in [(7, 1), (50, 2)]:
        with using(Threads(workers=workers, block_shape=(3, chunk, chunk))):
            labels = Labels.from_array(
                da.from_array(numbers, chunks=chunk + 1), "zyx", spacing=1.0
            )
            source = image(da.from_array(values, chunks=chunk))
            tables.append(texture(source, labels, bins=8).data)
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    assert tables[0].region.tolist() == ["1", "2"]
    # A region alone is what it is among others.
    alone = texture(image(np.where(numbers == 2, values, np.nan)), bins=8).data
    for name in alone.filter(regex="^(gl|ng)"):
        assert alone[name][0] == tables[0][name][1]


def test_bad_input_has_a_reason_or_is_one_sentence(monkeypatch):
    numbers = np.array([[1, 1, 2, 2, 3, 4, 4]])
    values = np.array([[5.0, 5.0, np.nan, np.nan, 2.0, -1.0, 3.0]])
    labels = Labels.from_array(numbers, "yx", spacing=1.0)
    data = texture(image(values), labels).data.set_index("region")
    assert data.reason["2"] == "no pixel was measured"
    assert "one level" in data.reason["1"]
    assert math.isnan(data.glcm_correlation["1"])
    assert data.glcm_joint_entropy_bits["1"] == 0
    assert data.ngtdm_coarseness["1"] == 1e6
    assert math.isnan(data.glcm_contrast["3"])
    assert data.glszm_zone_percentage["3"] == 1
    assert data.reason["4"] == ""
    single = texture(image([[1.0]])).data.iloc[0]
    assert single.gldzm_zone_percentage == single.gldzm_large_distance_emphasis == 1
    with pytest.raises(CannotCompute, match="no measured pixel"):
        texture(image(np.full((3, 3), np.nan)))
    with pytest.raises(WrongInput, match="at most 1,024 levels"):
        texture(image([[0.0, 1.0]]), bin_width=1e-6)
    with pytest.raises(WrongInput, match="values down to -1"):
        texture(image([[-1.0, 1.0]]), bin_width=0.5, lowest=0.0)
    monkeypatch.setattr(room, "HELD_PIXELS", 4)
    assert "larger than 4 pixels" in texture(image(values)).data.reason[0]


def test_long_voxels_are_told():
    flat = Image.from_array(np.eye(4)[None], "zyx", spacing=[3.0, 1.0, 1.0])
    assert any("longer along one axis" in note for note in texture(flat).notes)
    assert not any("longer" in note for note in texture(image(np.eye(4))).notes)


@pytest.mark.parametrize(
    ("smallest", "index"), [(1, 0.2), (5, 71 / 222), (10, 32 / 74)]
)
def test_the_drug_homogeneity_index_of_the_phantom(smallest, index):
    # Zones of 50, 14, 7, 2 and 1 voxels.
    table = drug_homogeneity(phantom(), bin_width=1.0, smallest_zone=smallest)
    row = table.data.iloc[0]
    assert row.drug_homogeneity_index == pytest.approx(index, rel=1e-12)
    assert row.n_zones == 5
    assert row.smallest_zone_um3 == smallest * 8e9
    assert row.mean_large_zone_um3 == pytest.approx(index * row.size_um3)


def test_patches_are_more_homogeneous_than_the_same_pixels_in_disorder():
    y, x = np.mgrid[:40, :40]
    patches = ((y // 10 + x // 10) % 2).astype(float)
    mixed = np.random.default_rng(0).permutation(patches.ravel()).reshape(40, 40)
    found = [
        drug_homogeneity(image(values), smallest_zone=20, bins=2).data.iloc[0]
        for values in (patches, mixed)
    ]
    # Patches of one level meet at corners, so that each level is one zone.
    assert found[0].drug_homogeneity_index == 0.5
    assert found[0].spatial == "yes"
    # Half of the pixels at random: both levels percolate through corners.
    assert found[1].n_zones > found[0].n_zones
    four = (2 * (y // 20) + x // 20).astype(float)
    row = drug_homogeneity(image(four), bins=4).data.iloc[0]
    assert row.drug_homogeneity_index == 0.25


def test_no_large_zone_is_a_reason():
    board = np.arange(16.0).reshape(4, 4)
    row = drug_homogeneity(image(board), bins=16, smallest_zone=2).data.iloc[0]
    assert row.reason == "no zone has 2 pixels"
    assert math.isnan(row.drug_homogeneity_index)
    with pytest.raises(CannotCompute, match="no measured pixel"):
        drug_homogeneity(image(np.full((3, 3), np.nan)))
