"""From raw files to a report, with the steps that any study would take."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from nanoscape.compute import Task
from nanoscape.errors import WrongInput
from nanoscape.workflow.recipe import Recipe
from nanoscape.workflow.report import Section, steps_section, write_report
from nanoscape.workflow.run import Run, run_recipe
from nanoscape.workflow.script import export_script
from nanoscape.workflow.selectors import title_of
from nanoscape.workflow.session import Session

_MARKER = "summary.json"


@dataclass(frozen=True)
class Demo:
    """What the sample analysis left.

    Attributes
    ----------
    report
        The page to read.
    study
        Folder of the study, to be opened in the window.
    summary
        Each measured figure beside its truth.
    """

    report: Path
    study: Path
    summary: dict[str, Any]


def sample_recipe() -> Recipe:
    """Return the recipe that the sample study is analysed with."""
    text = files("nanoscape.demo").joinpath("drug_around_vessels.yaml")
    return Recipe.from_dict(yaml.safe_load(text.read_text(encoding="utf-8")))


def run_demo(
    out: Path, *, seed: int = 1, size: int = 1536, task: Task | None = None
) -> Demo:
    """Make the sample study, analyse it, and write a report.

    Parameters
    ----------
    out
        Folder for everything; one left by an earlier run is replaced.
    seed
        Seed of the study.
    size
        Pixels along a slide.
    task
        Progress.

    Raises
    ------
    WrongInput
        If the folder holds something else.
    """
    from nanoscape.phantom import make_study

    out = Path(out)
    _clear(out)
    making, running, writing = (task or Task()).split(3, 6, 1)
    study = make_study(out / "study", seed=seed, size=size, task=making)
    recipe = sample_recipe()
    recipe.save(out / "recipe.yaml")
    run = run_recipe(recipe, study, task=running)
    study.save()
    writing.step(0, 1, "writing the report")
    tables = _write_tables(run, out / "tables")
    pictures = _write_figures(run, tables, out / "figures")
    session = Session(study)
    session.open_all()
    first = study.records[0].scope
    records = [r for r in study.records if dict(r.scope) == dict(first)]
    export_script(session, out / "export.py", records)
    summary = _summary(study.root, run)
    text = json.dumps(summary, indent=1, ensure_ascii=False)
    sections = _sections(run, tables, pictures, summary)
    report = write_report(out / "report.html", recipe.name, sections)
    (out / _MARKER).write_text(text, encoding="utf-8")
    return Demo(report, study.root, summary)


def _clear(out: Path) -> None:
    study = out / "study"
    if study.is_dir() and not any(study.iterdir()):
        study.rmdir()  # of a run that was stopped
    if not out.exists() or not any(out.iterdir()):
        out.mkdir(parents=True, exist_ok=True)
        return
    if not (out / _MARKER).exists() and not (study / "study.yaml").exists():
        raise WrongInput(
            f"{out} holds other files", "an empty folder", "choose another with --out"
        )
    shutil.rmtree(out)
    out.mkdir(parents=True)


def _write_tables(run: Run, folder: Path) -> dict[str, pd.DataFrame]:
    """Write one CSV for each table of each step, over all sections."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {
        (step, output)
        for (step, _), outputs in run.results.items()
        for output, item in outputs.items()
        if item.kind == "table"
    }
    tables = {f"{s}_{o}": run.table(s, o) for s, o in sorted(names)}
    for name, frame in tables.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    return tables


def _write_figures(
    run: Run, tables: Mapping[str, pd.DataFrame], folder: Path
) -> dict[str, bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    pictures: dict[str, bytes] = {}
    for (step, scope), outputs in run.results.items():
        for item in outputs.values():
            if item.kind == "figure":
                item.save(folder / f"{step}_{'_'.join(filter(None, scope))}")
                pictures[f"{item.name} ({title_of(scope)})"] = item.files["png"]
    for name in ("carrier_profile", "drug_profile"):
        profile = tables.get(f"{name}_profile")
        summary = tables.get(f"{name}_summary")
        if profile is not None and summary is not None:
            picture = _profiles(profile, summary)
            (folder / f"{name}.png").write_bytes(picture)
            pictures[f"{name.replace('_', ' ').capitalize()} of every section"] = (
                picture
            )
    return pictures


def _profiles(profile: pd.DataFrame, summary: pd.DataFrame) -> bytes:
    from matplotlib.figure import Figure

    from nanoscape.plotting.profile import draw_distance_profile
    from nanoscape.plotting.style import rendered

    page = Figure(figsize=(6.7, 2.6 * len(summary)), layout="constrained")
    scopes = [n for n in ("subject", "lesion", "section") if n in summary]
    for number, (_, row) in enumerate(summary.iterrows(), start=1):
        axes = page.add_subplot(len(summary), 1, number)
        chosen = (profile[scopes] == row[scopes]).all(axis=1)
        title = ", ".join(f"{name} {row[name]}" for name in scopes)
        draw_distance_profile(axes, profile[chosen], row, label=title)
    return rendered(page, "png", 150)


def _summary(root: Path, run: Run) -> dict[str, Any]:
    from nanoscape.demo.truth import compare_with_truth

    failed = [
        {"step": e.step, "scope": title_of(e.scope), "reason": e.sentence}
        for e in run.failed
    ]
    return {"measured": compare_with_truth(root, run), "failed": failed}


def _sections(
    run: Run,
    tables: Mapping[str, pd.DataFrame],
    pictures: Mapping[str, bytes],
    summary: Mapping[str, Any],
) -> list[Section]:
    truth = pd.DataFrame(summary["measured"])
    sections = [
        Section(
            "Measured beside the truth",
            [
                "The sample study is simulated, so that the truth is known. No step "
                "reads it; the comparison is made afterwards."
            ],
            {"Each figure, for each section": truth},
        ),
        Section("Figures", figures=pictures),
    ]
    summaries = {n: f for n, f in tables.items() if len(f) <= 40}
    titles = {n.replace("_", " ").capitalize(): f for n, f in summaries.items()}
    sections.append(Section("Tables", tables=titles))
    sections.append(steps_section(run))
    return sections
