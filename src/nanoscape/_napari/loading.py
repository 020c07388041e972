"""Reading files and scenes in a worker, beside the session that is shown.

What is read is put into a session of its own. Only when all of it is there, and
nobody has changed their mind, does the window take it over.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nanoscape._napari.roles import with_role
from nanoscape._napari.scene import saved_results, scene_addresses, source_of
from nanoscape.compute import Task
from nanoscape.errors import NanoscapeError
from nanoscape.model import Scene, Study, Tags
from nanoscape.model.study import scope_key
from nanoscape.workflow.session import Session
from nanoscape.workflow.sources import add_file


@dataclass(frozen=True)
class Given:
    """What the user says of files, in place of what they say themselves.

    Attributes
    ----------
    pixel_size_um
        Distance from one pixel to the next.
    scan_speed_um_per_s, spot_size_um
        Of a laser that ran line by line.
    resample
        Whether slices at uneven distances are interpolated to even ones.
    format
        Name of the format; empty when the content tells.
    """

    pixel_size_um: float | None = None
    scan_speed_um_per_s: float | None = None
    spot_size_um: float | None = None
    resample: bool = False
    format: str = ""


AS_IT_IS = Given()
"""What a file says itself."""


@dataclass(frozen=True)
class Loaded:
    """What came of reading.

    Attributes
    ----------
    session
        Holds what was read.
    addresses
        Objects to be shown.
    refused
        Files that were not read, and why.
    ready
        Whatever was computed for the layers; kept until they are made.
    scene
        The scene that was read, if it was one.
    """

    session: Session
    addresses: list[str] = field(default_factory=list)
    refused: list[tuple[Path, NanoscapeError]] = field(default_factory=list)
    ready: list[Any] = field(default_factory=list)
    scene: str | None = None

    @property
    def remarks(self) -> list[str]:
        """What the readers of the files want to be known."""
        idents = dict.fromkeys(source_of(self.session, a) for a in self.addresses)
        return [
            f"{ident}: {sentence}"
            for ident in idents
            for sentence in self.session.remarks.get(ident or "", ())
        ]


def beside(session: Session) -> Session:
    """Return a session with the same objects, to read more into from a worker."""
    study = copy.copy(session.study)
    # Shallow, but what is added to one list is not in the other.
    study.sources = dict(study.sources)
    study.records, study.edges = list(study.records), list(study.edges)
    study.landmarks, study.drawn = dict(study.landmarks), dict(study.drawn)
    other = Session(study)
    other.take(session)
    return other


def load_files(
    session: Session,
    paths: Iterable[Path],
    scope: dict[str, Any],
    given: Given,
    task: Task,
) -> Loaded:
    """Read files one by one; one that cannot be read does not stop the others.

    Parameters
    ----------
    session
        Is filled; see :func:`beside`.
    paths
        Files and folders.
    scope
        Subject, lesion and section that new files are guessed to belong to.
    given
        What the user says of them.
    task
        Progress.
    """
    wanted = list(paths)
    loaded = Loaded(session)
    for number, path in enumerate(wanted):
        task.step(number, len(wanted), f"reading {path.name}")
        try:
            loaded.addresses.extend(load_file(session, path, scope, given))
        except NanoscapeError as error:
            loaded.refused.append((path, error))
    return loaded


def load_file(
    session: Session, path: Path, scope: dict[str, Any], given: Given
) -> list[str]:
    """Read one file into a session and return the addresses of its objects."""
    tags = Tags.of("guess", **scope)
    source = add_file(session.study, path, tags=tags, **asdict(given))
    opened = session.open_new(source)
    guess_roles(session, opened)
    return opened


def load_scene(session: Session, scene: Scene | None, task: Task) -> Loaded:
    """Read the files and saved results of a scene that are not open yet."""
    loaded = Loaded(session, scene=scene.id if scene else None)
    if scene is None:
        return loaded
    study = session.study
    for number, ident in enumerate(scene.sources):
        task.step(number, len(scene.sources), f"reading {ident}")
        if any(source_of(session, address) == ident for address in session):
            continue
        source = study.sources[ident]
        try:
            guess_roles(session, session.open(source))
        except NanoscapeError as error:
            loaded.refused.append((study.path_of(source), error))
    for address in saved_results(session, scene):
        task.check()
        try:
            session[address]
        except NanoscapeError as error:
            loaded.refused.append((study.root, error))
    loaded.addresses.extend(scene_addresses(session, scene))
    return loaded


def load_study(root: Path, task: Task) -> Loaded:
    """Read a study and the first of its scenes that something was done to."""
    session = Session(Study.load(root))
    scenes = session.study.scenes()
    done = {scope_key(record.scope) for record in session.study.records}
    first = next((s for s in scenes if scope_key(s.scope) in done), None)
    return load_scene(session, first or next(iter(scenes), None), task)


def guess_roles(session: Session, addresses: Sequence[str]) -> None:
    """Give objects the roles that their tags and names speak for."""
    for address in addresses:
        session.put(address, with_role(session[address]))
