"""A recipe over two sections: threads, cluster, resumed; and as a script."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tifffile

from nanoscape.cli import main
from nanoscape.compute import Cluster, Threads, using
from nanoscape.model import Study, Tags
from nanoscape.workflow import Recipe, Session, export_script, run_recipe
from nanoscape.workflow.sources import add_file
from nanoscape.workflow.store import load_object, load_result

RECIPE = {
    "recipe": 1,
    "name": "Vessels of every section",
    "steps": [
        {
            "id": "vessels",
            "op": "segmentation.vessels@2",
            "for": "section",
            "in": {"image": {"role": "Vessels", "kind": "image"}},
            "with": {"diameters": [4.0, 12.0]},
        },
        {
            "id": "distance",
            "op": "statistics.distance_map@1",
            "for": "section",
            "in": {"objects": "$vessels.labels"},
        },
    ],
}


def slide(path, seed):
    """Write a small slide of two channels with a bright branching line."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:300, :260]
    line = np.abs(y - 120 - 30 * np.sin(x / 40 + seed)) < 4
    branch = (np.abs(x - 150) < 2) & (y > 120)
    vessels = rng.poisson(20 + 120 * (line | branch)).astype(np.uint16)
    nuclei = rng.poisson(30, vessels.shape).astype(np.uint16)
    metadata = {
        "axes": "CYX",
        "Channel": {"Name": ["DAPI", "CD31"]},
        "PhysicalSizeX": 1.0,
        "PhysicalSizeY": 1.0,
    }
    tifffile.imwrite(path, np.stack([nuclei, vessels]), metadata=metadata)
    return path


@pytest.fixture
def study(tmp_path):
    root = tmp_path / "study"
    root.mkdir()
    study = Study(root)
    for section in ("1", "2"):
        path = slide(root / f"m1_s{section}.ome.tif", int(section))
        tags = Tags.of("user", subject="m1", section=section)
        add_file(study, path, tags=tags)
    study.save()
    return study


def results(run):
    """Return every array of a run, by step and section."""
    found = {}
    for entry in run.entries:
        assert entry.state in ("done", "kept"), entry.sentence
        outputs, _ = load_result(entry.folder)
        for name, item in outputs.items():
            found[entry.step, entry.scope, name] = item.data.compute()
    return found


def assert_same(first, second):
    assert first.keys() == second.keys()
    for key, values in first.items():
        np.testing.assert_array_equal(values, second[key], err_msg=str(key))


def fresh(study, tmp_path, name):
    """Return the same study with no results."""
    copy = Study.load(study.root)
    copy.move(tmp_path / name)
    return copy


@pytest.mark.cluster
def test_threads_blocks_and_a_cluster_give_the_same(study, tmp_path):
    from distributed import LocalCluster

    recipe = Recipe.from_dict(RECIPE)
    with using(Threads(workers=1)):
        expected = results(run_recipe(recipe, study))
    assert max(int(v.max()) for k, v in expected.items() if k[0] == "vessels") >= 1
    for block in ((64, 300), (77, 41)):
        with using(Threads(workers=2, block_shape=block)):
            again = fresh(study, tmp_path, f"blocks-{block[0]}")
            assert_same(expected, results(run_recipe(recipe, again)))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        Cluster(cluster.scheduler_address, scratch, (97, 110)) as executor,
        using(executor),
    ):
        remote = fresh(study, tmp_path, "cluster")
        assert_same(expected, results(run_recipe(recipe, remote)))


def test_a_run_is_resumed_and_only_what_changed_is_computed(study):
    recipe = Recipe.from_dict(RECIPE)
    states = [entry.state for entry in run_recipe(recipe, study).entries]
    assert states == ["done"] * 4
    states = [entry.state for entry in run_recipe(recipe, study).entries]
    assert states == ["kept"] * 4
    changed = Recipe.from_dict(
        {**RECIPE, "steps": [{**RECIPE["steps"][0], "with": {"diameters": [4, 16]}}]}
    )
    states = [entry.state for entry in run_recipe(changed, study).entries]
    assert states == ["done"] * 2


def test_one_section_that_fails_does_not_stop_the_other(study):
    path = study.path_of(study.sources["m1_s2"])
    blank = np.zeros((2, 300, 260), np.uint16)
    metadata = {
        "axes": "CYX",
        "Channel": {"Name": ["DAPI", "CD31"]},
        "PhysicalSizeX": 1.0,
        "PhysicalSizeY": 1.0,
    }
    tifffile.imwrite(path, blank, metadata=metadata)
    run = run_recipe(Recipe.from_dict(RECIPE), study)
    by_scope = {(e.step, e.scope[2]): e for e in run.entries}
    assert by_scope["vessels", "1"].state == "done"
    assert by_scope["distance", "1"].state == "done"
    assert by_scope["distance", "2"].state == "failed"
    assert "no vessels" in by_scope["distance", "2"].sentence


def test_the_window_the_recipe_the_script_and_the_command_agree(study, tmp_path):
    recipe = Recipe.from_dict(RECIPE)
    expected = results(run_recipe(recipe, study))
    section = ("m1", "", "1")

    session = Session(fresh(study, tmp_path, "session"))
    first = session.run(
        "segmentation.vessels", {"image": "m1_s1/CD31"}, {"diameters": (4.0, 12.0)}
    )
    labels = session[first.outputs["labels"]].data.compute()
    np.testing.assert_array_equal(labels, expected["vessels", section, "labels"])
    session.run("statistics.distance_map", {"objects": first.outputs["labels"]})

    script = export_script(session, tmp_path / "steps.py")
    for _ in range(2):
        subprocess.run([sys.executable, "-W", "error", str(script)], check=True)
    saved = load_object(tmp_path / "results" / "vessels_of_cd31", "labels")
    np.testing.assert_array_equal(saved.data.compute(), labels)

    command = fresh(study, tmp_path, "command")
    command.save()
    path = recipe.save(tmp_path / "recipe.yaml")
    assert main(["run", str(path), str(command.root), "--workers", "1"]) == 0
    again = run_recipe(recipe, Study.load(command.root))
    assert {entry.state for entry in again.entries} == {"kept"}
    assert_same(expected, results(again))


def test_results_are_there_when_the_study_is_opened_again(study):
    run = run_recipe(Recipe.from_dict(RECIPE), study)
    study.save()
    session = Session.load(study.root)
    record = session.study.records[0]
    labels = session[record.outputs["labels"]]
    assert labels.tags["role"] == "Vessels"
    outputs, _ = load_result(run.entries[0].folder)
    np.testing.assert_array_equal(
        labels.data.compute(), outputs["labels"].data.compute()
    )
