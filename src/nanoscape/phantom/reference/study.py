"""Making a reference study, file by file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanoscape.compute import Task
from nanoscape.model import Study
from nanoscape.phantom.cohort import CohortTable, cohort_table
from nanoscape.phantom.files import DRAFT
from nanoscape.phantom.instruments.registry import (
    BlockInstrument,
    Instrument,
    Scanner,
    block_instruments,
    instruments,
    scanners,
)
from nanoscape.phantom.reference import truth
from nanoscape.phantom.reference.lesion import LesionWork
from nanoscape.phantom.reference.listing import (
    landmarks_file,
    list_study,
    space_of,
    write_landmarks,
)
from nanoscape.phantom.reference.plan import ReferencePlan, claim
from nanoscape.phantom.reference.tables import write_tables
from nanoscape.phantom.streams import sub_seed

IMAGES = "images"

_LESIONS = 50
_PER_BATCH = 2
_BESIDE = 2


@dataclass(frozen=True)
class Job:
    """One file to be written.

    Attributes
    ----------
    target
        It is there when the job is done, and not before.
    run
        Writes it.
    weight
        About how long it takes.
    blocks
        Whether it uses all cores by itself.
    """

    target: Path
    run: Callable[[Task], None]
    weight: float
    blocks: bool = False


def make_reference(
    out: Path, plan: ReferencePlan | None = None, *, task: Task | None = None
) -> Study:
    """Make a study of tumours in space, or go on where it was left.

    Files that are there are kept. A file has its name only when it is complete.

    Parameters
    ----------
    out
        A new or empty folder, or one in which the same study was begun.
    plan
        What is asked for; defaults if None.
    task
        Progress, and a way to stop.

    Raises
    ------
    WrongInput
        If the folder holds something else.
    CannotCompute
        If the tumours asked for are too small for their vessels; nothing is made.
    """
    out, plan, task = Path(out), plan or ReferencePlan(), task or Task()
    table = cohort_table(plan.seed, plan.cohort)
    works = lesions(plan, table)
    for work in works:
        work.check()
    claim(out, plan)
    for left in out.rglob(f"{DRAFT}*"):
        shutil.rmtree(left, ignore_errors=True)
    chosen = {
        name: instrument
        for name, instrument in instruments(plan.slide_pixel_um).items()
        if name in plan.instruments
    }
    scanned = {n: s for n, s in scanners().items() if n in plan.instruments}
    whole = {n: b for n, b in block_instruments().items() if n in plan.instruments}
    jobs = {work.name: _missing(out, work, chosen, whole, scanned) for work in works}
    todo = [work for work in works if jobs[work.name]]
    parts = task.split(*[1.0] * len(todo)) if todo else []
    with ThreadPoolExecutor(_BESIDE) as beside:
        for number, (work, part) in enumerate(zip(todo, parts, strict=True)):
            part.step(0, 1, f"growing tumour {work.name}")
            # The next tumour grows while this one is measured, the first two together.
            for one in todo[number : number + 2]:
                one.start(beside.submit)
            _run(jobs[work.name], part)
            work.forget()
    write_tables(out, table, works)
    return list_study(out, table, works, chosen, whole, scanned)


def lesions(plan: ReferencePlan, table: CohortTable) -> list[LesionWork]:
    """Return the lesions of a study, animal by animal."""
    groups, animals, per_animal, sections = plan.cohort.shape
    level = table.sections["level"].to_numpy().reshape(-1, per_animal, sections)
    terms = table.truth[["group_ln", "animal_ln", "lesion_ln"]].sum(axis=1)
    whole = np.exp(terms.to_numpy()).reshape(level.shape)[..., 0]
    # Groups are measured in turn, so that a day does not stand for a group.
    order = np.arange(groups * animals).reshape(groups, animals).T.ravel()
    day = np.empty(len(order), int)
    day[order] = np.arange(len(order)) // (_PER_BATCH * groups)
    return [
        LesionWork(
            f"m{animal + 1}_l{lesion + 1}",
            sub_seed(plan.seed, _LESIONS, animal, lesion),
            plan,
            tuple(float(v) for v in level[animal, lesion]),
            float(whole[animal, lesion]),
            int(day[animal]),
        )
        for animal in range(groups * animals)
        for lesion in range(per_animal)
    ]


def _missing(
    out: Path,
    work: LesionWork,
    chosen: dict[str, Instrument],
    whole: dict[str, BlockInstrument],
    scanned: dict[str, Scanner],
) -> list[Job]:
    """Return what is still to be written of a lesion."""
    jobs = [
        Job(
            out / truth.FOLDER / f"{work.name}_tumour.json",
            lambda _: truth.write_tumour(out / truth.FOLDER, work.name, work.tumour),
            1.0,
        )
    ]
    for name, scanner in scanned.items():
        jobs += _of_animal(out, work, name, scanner)
    for name, instrument in whole.items():
        jobs += _of_block(out, work, name, instrument)
    for section in range(len(work.levels)):
        for slicer in chosen.values():
            jobs += _of_section(out, work, section, slicer)
    return [job for job in jobs if not job.target.exists()]


def _of_section(
    out: Path, work: LesionWork, section: int, instrument: Instrument
) -> list[Job]:
    stem = work.section_name(section)
    writers = {instrument.ending: instrument.write, **instrument.extra}

    def image(ending: str) -> Job:
        path = out / IMAGES / f"{stem}{ending}"

        def run(task: Task) -> None:
            specimen = work.specimen(section, instrument.number)
            writers[ending](path, specimen, instrument.settings, task)

        return Job(path, run, 4.0, instrument.blocks)

    name = space_of(stem, instrument)

    def run_truth(_: Task) -> None:
        specimen = work.specimen(section, instrument.number)
        truth.write_section(out / truth.FOLDER, name, specimen, instrument)

    told = Job(out / truth.FOLDER / f"{name}.json", run_truth, 1.0)
    jobs = [*(image(ending) for ending in writers), told]
    if instrument.number:
        target = landmarks_file(out, stem, instrument)
        jobs.append(
            Job(target, lambda _: write_landmarks(out, work, section, instrument), 0.1)
        )
    return jobs


def _of_animal(out: Path, work: LesionWork, name: str, scanner: Scanner) -> list[Job]:
    writers = {**scanner.files, **scanner.tables}

    def image(ending: str) -> Job:
        path = out / IMAGES / f"{work.name}{ending}"

        def run(task: Task) -> None:
            writers[ending](path, work.animal(), scanner.settings, task)

        return Job(path, run, 0.3)

    stem = f"{work.name}_{name}"

    def run_truth(_: Task) -> None:
        truth.write_animal(out / truth.FOLDER, stem, work.animal(), scanner)

    told = Job(out / truth.FOLDER / f"{stem}.json", run_truth, 0.3)
    return [*(image(ending) for ending in writers), told]


def _of_block(
    out: Path, work: LesionWork, name: str, instrument: BlockInstrument
) -> list[Job]:
    stem = f"{work.name}_{name}"
    path = out / IMAGES / f"{work.name}{instrument.ending}"

    def run(task: Task) -> None:
        block = work.block(instrument.number)
        instrument.write(path, block, instrument.settings, task)

    def run_truth(task: Task) -> None:
        block = work.block(instrument.number)
        truth.write_block(out / truth.FOLDER, stem, block, instrument, task)

    told = Job(out / truth.FOLDER / f"{stem}.json", run_truth, 8.0, blocks=True)
    return [Job(path, run, 8.0, blocks=True), told]


def _run(jobs: list[Job], task: Task) -> None:
    """Run jobs that use all cores one by one, and then the others side by side."""
    order = sorted(jobs, key=lambda job: not job.blocks)
    parts = task.split(*[job.weight for job in order])

    def run(job: Job, part: Task) -> None:
        part.step(0, 1, job.target.name)
        job.run(part)

    many = sum(job.blocks for job in order)
    for job, part in zip(order[:many], parts[:many], strict=True):
        run(job, part)
    with ThreadPoolExecutor(_BESIDE) as beside:
        running = [
            beside.submit(run, job, part)
            for job, part in zip(order[many:], parts[many:], strict=True)
        ]
        try:
            for one in running:
                one.result()
        finally:
            for one in running:
                one.cancel()
