"""The command ``nanoscape``: the same steps without a window."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from nanoscape import __version__
from nanoscape.errors import (
    MissingCalibration,
    NanoscapeError,
    UnreadableFile,
    WrongInput,
)

FINE, CHECK_FAILED, WRONG_USE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    arguments
        Words after the program's name; by default those of this process.

    Returns
    -------
    int
        0 when all is fine, 1 when a check or a step failed, 2 for wrong use or
        input that cannot be read, with one line of reason.
    """
    options = _parser().parse_args(arguments)
    # What libraries log of a damaged file is not the one line that is promised.
    logging.basicConfig(level=logging.INFO if options.verbose else logging.CRITICAL)
    if not options.verbose:
        logging.getLogger("nanoscape").setLevel(logging.WARNING)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        with _stopped_by_terminate():
            return command(options)
    except NanoscapeError as error:
        print(f"nanoscape: {_sentence(error, options)}", file=sys.stderr)
        return WRONG_USE
    except BrokenPipeError:
        # Whoever reads the output, such as head, has enough; nothing may be flushed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    except KeyboardInterrupt:
        print("nanoscape: stopped", file=sys.stderr)
        return 130


def _sentence(error: NanoscapeError, options: argparse.Namespace) -> str:
    """Return the sentence of an error, with parameters as this command names them."""
    sentence = str(error)
    for name in error.needs if isinstance(error, MissingCalibration) else ():
        if hasattr(options, name):
            sentence = sentence.replace(name, "--" + name.replace("_", "-"))
    return sentence


@contextlib.contextmanager
def _stopped_by_terminate() -> Iterator[None]:
    """Let a terminate signal, as job schedulers send it, stop like Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nanoscape",
        description="Measure how drugs and their carriers are distributed in tumours.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("-v", "--verbose", action="store_true", help="say more")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    info = commands.add_parser("info", help="say what a file holds")
    info.add_argument("path", type=Path)
    info.add_argument("--json", action="store_true", help="for other programs")
    _add_calibration(info)
    info.set_defaults(command=_info)

    _add_convert(commands)

    run = commands.add_parser("run", help="apply a recipe to a study")
    run.add_argument("recipe", type=Path)
    run.add_argument("study", type=Path)
    run.add_argument(
        "--scheduler", metavar="ADDRESS", help="compute on this dask cluster"
    )
    run.add_argument("--workers", type=int, help="number of threads")
    run.set_defaults(command=_run)

    sheet = commands.add_parser(
        "sheet", help="import a study sheet (CSV, XLSX), or write one to fill in"
    )
    sheet.add_argument("study", type=Path)
    sheet.add_argument("sheet", type=Path, nargs="?", help="the sheet to import")
    sheet.add_argument(
        "--template", type=Path, metavar="OUT", help="write a sheet to fill in"
    )
    sheet.add_argument(
        "--check", action="store_true", help="only report; change nothing"
    )
    sheet.set_defaults(command=_sheet)

    demo = commands.add_parser("demo", help="analyse the sample study from end to end")
    demo.add_argument("--out", type=Path, default=Path("nanoscape-demo"))
    demo.add_argument("--seed", type=int, default=1)
    demo.add_argument("--size", type=int, default=1536, help="pixels along a slide")
    demo.add_argument(
        "--open", action="store_true", help="show it in napari where there is a display"
    )
    demo.set_defaults(command=_demo)

    _add_phantom(commands)

    verify = commands.add_parser("verify", help="check the methods on known values")
    verify.add_argument("--json", action="store_true", help="for other programs")
    verify.set_defaults(command=_verify)
    return parser


def _add_convert(commands: Any) -> None:
    parser = commands.add_parser(
        "convert", help="write a file as OME-Zarr, OME-TIFF or NIfTI"
    )
    parser.add_argument("path", type=Path)
    parser.add_argument("out", type=Path, metavar="OUT.ome.zarr")
    parser.add_argument(
        "--image", metavar="NAME", help="which, when the file holds several images"
    )
    _add_calibration(parser)
    parser.set_defaults(command=_convert)


def _add_phantom(commands: Any) -> None:
    parser = commands.add_parser(
        "phantom", help="make a study of tumours whose truth is known"
    )
    parser.set_defaults(command=_phantom)
    parser.add_argument("out", type=Path, metavar="OUT", help="a folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--size", type=float, default=2000.0, help="side of a tumour's block in µm"
    )
    parser.add_argument(
        "--pixel", type=float, default=1.3, help="pixels of slide scanners in µm"
    )
    parser.add_argument(
        "--instruments",
        metavar="NAME,NAME",
        help="which of them, or all; those that fit into a minute by default. "
        "More can be added later",
    )
    parser.add_argument(
        "--cohort",
        action="store_true",
        help="three groups of six animals instead of two animals",
    )
    parser.add_argument(
        "--law",
        default="diffusion",
        help="how carrier and drug lie in the tissue; for negative controls "
        "'drug independent', 'independent', 'trend only' or 'no vessels'",
    )


def _add_calibration(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pixel-size",
        metavar="LENGTH",
        help="distance of pixel centres with its unit, such as 0.5um; "
        "needed when the file does not say",
    )
    parser.add_argument(
        "--scan-speed",
        metavar="SPEED",
        help="of a laser along its lines with its unit, such as 40um/s; "
        "needed for LA-ICP-MS when the file does not say",
    )
    parser.add_argument(
        "--spot-size",
        metavar="LENGTH",
        help="of a laser, by which its lines lie apart, such as 10um; "
        "needed for LA-ICP-MS when the file does not say",
    )
    parser.add_argument(
        "--resample",
        action="store_true",
        help="interpolate DICOM slices at uneven distances to even ones",
    )


def _calibration(options: argparse.Namespace) -> dict[str, Any]:
    """Return what was given of the size of pixels, in µm and µm/s."""
    from nanoscape.units import parse_length, parse_speed

    parsers = {
        "pixel_size": parse_length,
        "scan_speed": parse_speed,
        "spot_size": parse_length,
    }
    given: dict[str, Any] = {
        name: parse(getattr(options, name))
        for name, parse in parsers.items()
        if getattr(options, name)
    }
    return given | {"resample": options.resample}


def _info(options: argparse.Namespace) -> int:
    from nanoscape import io
    from nanoscape.io.words import in_words

    about = io.describe(options.path, **_calibration(options))
    if options.json:
        print(json.dumps(about, ensure_ascii=False, allow_nan=False))
        return FINE
    for line in in_words(about):
        print(line)
    return FINE


def _convert(options: argparse.Namespace) -> int:
    from nanoscape import io
    from nanoscape.compute import using
    from nanoscape.compute.executor import Threads

    items = io.read(options.path, **_calibration(options))
    chosen = [item for item in items if options.image in (None, item.name)]
    if len(chosen) != 1:
        names = ", ".join(item.name for item in items)
        none = "" if chosen else f" and none called {options.image}"
        raise UnreadableFile(
            f"{options.path} holds {len(items)} images{none}: {names}",
            "one image, or channels on one grid",
            "name one with --image",
        )
    with using(Threads()), _progress() as task:
        io.write(chosen[0], options.out, task=task)
    print(options.out)
    return FINE


def _run(options: argparse.Namespace) -> int:
    from nanoscape.compute import using
    from nanoscape.model import Study
    from nanoscape.workflow import Recipe, run_recipe
    from nanoscape.workflow.selectors import title_of

    recipe = Recipe.load(options.recipe)
    study = Study.load(options.study)
    with (
        _executor(options, study.root) as executor,
        using(executor),
        _progress() as task,
    ):
        run = run_recipe(recipe, study, task=task)
    study.save()
    for entry in run.entries:
        reason = f": {entry.sentence}" if entry.sentence else ""
        print(f"{entry.state:8}{entry.step} [{title_of(entry.scope)}]{reason}")
    return CHECK_FAILED if run.failed else FINE


def _sheet(options: argparse.Namespace) -> int:
    from nanoscape.workflow.session import Session
    from nanoscape.workflow.sheet.reading import read_sheet
    from nanoscape.workflow.sheet.session import take_over
    from nanoscape.workflow.sheet.template import write_template

    if (options.sheet is None) == (options.template is None):
        raise WrongInput(
            "the command sheet needs a sheet to import or a name for a template",
            "nanoscape sheet STUDY SHEET.csv, or nanoscape sheet STUDY --template OUT",
        )
    session = Session.load(options.study)
    if options.template is not None:
        print(write_template(session.study, options.template))
        return FINE
    with _progress() as task:
        sheet = read_sheet(session.study, options.sheet, task=task)
        if not options.check:
            take_over(session, sheet)
            session.save(task=task)
    print(sheet.report.text())
    return FINE if sheet.report.is_clean else CHECK_FAILED


@contextlib.contextmanager
def _executor(options: argparse.Namespace, root: Path) -> Iterator[Any]:
    from nanoscape.compute.executor import Cluster, Threads

    if not options.scheduler:
        yield Threads(workers=options.workers)
        return
    # Every worker reaches the study; so it reaches a folder inside it.
    scratch = root / "results" / ".scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    with Cluster(options.scheduler, scratch=scratch) as cluster:
        yield cluster


def _demo(options: argparse.Namespace) -> int:
    from nanoscape.demo.analysis import run_demo

    with _progress() as task:
        demo = run_demo(options.out, seed=options.seed, size=options.size, task=task)
    print(f"The report is {demo.report.resolve()}")
    if options.open and _has_display():
        return _open_window(demo.study)
    return FINE


def _open_window(study: Path) -> int:
    """Show a study in napari, in a process of its own that imports the window."""
    import subprocess

    return subprocess.call([sys.executable, "-m", "nanoscape._napari", str(study)])


def _has_display() -> bool:
    import os
    import platform

    named = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(named) or os.name == "nt" or platform.system() == "Darwin"


def _phantom(options: argparse.Namespace) -> int:
    from nanoscape.phantom.cohort import COHORT, SMALL
    from nanoscape.phantom.instruments.registry import NAMES, USUAL
    from nanoscape.phantom.reference import ReferencePlan, make_reference

    wanted = options.instruments.split(",") if options.instruments else USUAL
    if options.instruments == "all":
        wanted = NAMES
    plan = ReferencePlan(
        seed=options.seed,
        size_um=options.size,
        slide_pixel_um=options.pixel,
        cohort=COHORT if options.cohort else SMALL,
        instruments=tuple(name.strip() for name in wanted),
        law=options.law,
    )
    with _progress() as task:
        study = make_reference(options.out, plan, task=task)
    print(f"The study is {study.root.resolve()}")
    return FINE


def _verify(options: argparse.Namespace) -> int:
    from nanoscape.workflow.verify import verify

    checks = verify()
    passed = all(check["passed"] for check in checks)
    if options.json:
        print(json.dumps({"checks": checks, "passed": passed}, ensure_ascii=False))
        return FINE if passed else CHECK_FAILED
    for check in checks:
        mark = "passed" if check["passed"] else "FAILED"
        print(
            f"{mark}  {check['name']}: {check['value']:.9g}, expected "
            f"{check['expected']:.9g} ± {check['tolerance']:.2g} ({check['source']})"
        )
    print("all checks passed" if passed else "a check failed")
    return FINE if passed else CHECK_FAILED


@contextlib.contextmanager
def _progress() -> Iterator[Any]:
    """Show progress on one line of a terminal; say nothing elsewhere."""
    from nanoscape.compute import Task

    if not sys.stderr.isatty():
        yield Task()
        return

    def show(fraction: float, text: str) -> None:
        print(f"\r\x1b[K{fraction:5.0%}  {text[:70]}", end="", file=sys.stderr)

    try:
        yield Task(show)
    finally:
        print("\r\x1b[K", end="", file=sys.stderr)
