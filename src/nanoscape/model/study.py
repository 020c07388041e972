"""A study: its sources, its spaces and how they lie to each other, its scenes."""

from __future__ import annotations

import dataclasses
import functools
import os
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from nanoscape.errors import UnreadableFile, WrongInput
from nanoscape.model.edge import Edge
from nanoscape.model.landmarks import Landmarks
from nanoscape.model.record import Record
from nanoscape.model.tags import Tags
from nanoscape.model.transform import Affine

STUDY_FILE = "study.yaml"
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file, or folder of files, that a study is made of.

    Attributes
    ----------
    id
        Unique within the study.
    path
        Relative to the study's folder where it lies inside, else absolute.
    tags
        What is known of everything in the file.
    objects
        What is known of single images in it, by their names.
    pixel_size_um
        Calibration that replaces the file's own, or ``None``.
    scan_speed_um_per_s, spot_size_um
        The same of a laser that ran line by line.
    resample
        Whether slices at uneven distances are interpolated to even ones.
    format
        Name of the format that the user chose; empty when the content tells.
    size, modified, digest
        Bytes, time stamp and hash of head and tail when it was added.
    """

    id: str
    path: str
    tags: Tags = field(default_factory=Tags)
    objects: Mapping[str, Tags] = field(default_factory=dict)
    pixel_size_um: float | None = None
    scan_speed_um_per_s: float | None = None
    spot_size_um: float | None = None
    resample: bool = False
    format: str = ""
    size: int = 0
    modified: float = 0.0
    digest: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for YAML or JSON."""
        return {
            "id": self.id,
            "path": self.path,
            "tags": self.tags.to_dict(),
            "objects": {name: tags.to_dict() for name, tags in self.objects.items()},
            "pixel_size_um": self.pixel_size_um,
            "scan_speed_um_per_s": self.scan_speed_um_per_s,
            "spot_size_um": self.spot_size_um,
            "resample": self.resample,
            "format": self.format,
            "size": self.size,
            "modified": self.modified,
            "digest": self.digest,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Source:
        """Rebuild what :meth:`to_dict` returned."""
        fields = dict(values)
        fields["tags"] = Tags.from_dict(fields.get("tags", {}))
        objects = fields.get("objects", {})
        fields["objects"] = {name: Tags.from_dict(t) for name, t in objects.items()}
        return cls(**fields)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is looked at together: a section with its modalities, or a lesion.

    Attributes
    ----------
    id
        Unique within the study.
    title
        Plain words for the window.
    scope
        Subject, lesion and section, where they are known.
    sources
        Identifiers of the sources shown.
    """

    id: str
    title: str
    scope: Mapping[str, str]
    sources: tuple[str, ...]


class Study:
    """Everything that belongs to one investigation.

    Parameters
    ----------
    root
        Folder of the study. Nothing is written before :meth:`save`.

    Attributes
    ----------
    sources
        Files by identifier.
    edges
        Transforms between spaces, the newest last.
    landmarks
        Clicked pairs by identifier.
    records
        What was done, the newest last.
    drawn
        Folders of objects that were drawn or edited by hand, by address.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self.sources: dict[str, Source] = {}
        self.edges: list[Edge] = []
        self.landmarks: dict[str, Landmarks] = {}
        self.records: list[Record] = []
        self.drawn: dict[str, str] = {}

    def add(self, source: Source) -> Source:
        """Add a source; its identifier must be new."""
        if source.id in self.sources:
            raise WrongInput(f"the study already has a source named {source.id!r}")
        self.sources[source.id] = source
        return source

    def path_of(self, source: Source) -> Path:
        """Return where a source lies on this machine."""
        return self.root / source.path

    def move(self, root: Path) -> None:
        """Make another folder that of the study; its files stay where they are."""
        root = Path(root).resolve()
        for ident, source in self.sources.items():
            path = self.path_of(source).resolve()
            inside = path.is_relative_to(root)
            stored = path.relative_to(root) if inside else path
            replace_source(self, ident, path=stored.as_posix())
        self.root = root

    def set_edge(self, edge: Edge) -> None:
        """Add a transform; an older one between the same spaces gives way."""
        pair = {edge.moving, edge.fixed}
        self.edges = [e for e in self.edges if {e.moving, e.fixed} != pair]
        self.edges.append(edge)

    def transform(
        self, moving: str, fixed: str, axes: str = "yx", *, accepted_only: bool = False
    ) -> Affine:
        """Return the map from one space into another.

        Parameters
        ----------
        moving, fixed
            Names of the spaces.
        axes
            Axes of the map when both spaces are the same.
        accepted_only
            Whether edges that the user has not accepted are left out.

        Raises
        ------
        WrongInput
            If no chain of edges joins the two spaces.
        """
        steps = [step for _, step in self._path(moving, fixed, accepted_only)]
        if not steps:
            return Affine.identity(axes)
        return functools.reduce(Affine.then, steps)

    def root_of(self, space: str) -> str:
        """Return the space at the end of the chain ``moving → fixed`` from here.

        That is the space in which its objects are measured; accepted edges are
        followed before others.
        """
        seen = {space}
        while True:
            steps = [e for e in self.edges if e.moving == space and e.fixed not in seen]
            if not steps:
                return space
            space = max(steps, key=lambda edge: edge.accepted).fixed
            seen.add(space)

    def path_edges(self, moving: str, fixed: str) -> list[Edge]:
        """Return the edges that :meth:`transform` would go through, in order."""
        return [edge for edge, _ in self._path(moving, fixed, accepted_only=False)]

    def _path(
        self, moving: str, fixed: str, accepted_only: bool
    ) -> list[tuple[Edge, Affine]]:
        paths: dict[str, list[tuple[Edge, Affine]]] = {moving: []}
        queue = deque([moving])
        while queue and fixed not in paths:
            here = queue.popleft()
            for edge, space, step in self._steps(here, accepted_only):
                if space not in paths:
                    paths[space] = [*paths[here], (edge, step)]
                    queue.append(space)
        if fixed not in paths:
            raise WrongInput(
                f"{moving} is not aligned to {fixed}",
                todo="align them in the tab Align, or add an edge to the study",
            )
        return paths[fixed]

    def _steps(
        self, space: str, accepted_only: bool
    ) -> Iterator[tuple[Edge, str, Affine]]:
        for edge in self.edges:
            if accepted_only and not edge.accepted:
                continue
            if edge.moving == space:
                yield edge, edge.fixed, edge.transform
            elif edge.fixed == space:
                yield edge, edge.moving, edge.transform.inverse()

    def scenes(self) -> list[Scene]:
        """Return what is looked at together, in order.

        Sources with a section tag form one scene for each section of a lesion of
        a subject; the others form one for each lesion.
        """
        members: dict[tuple[str, str, str], list[str]] = {}
        for source in self.sources.values():
            members.setdefault(scope_key(source.tags), []).append(source.id)
        scenes = []
        for key in sorted(members):
            names = zip(("subject", "lesion", "section"), key, strict=True)
            scope = {name: value for name, value in names if value}
            title = " · ".join(f"{n} {v}" for n, v in scope.items()) or "Study"
            title = title[0].upper() + title[1:]
            ident = "/".join(value for value in key if value) or "study"
            sources = tuple(members[key])
            scenes.append(Scene(id=ident, title=title, scope=scope, sources=sources))
        return scenes

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for YAML or JSON."""
        return {
            "version": VERSION,
            "sources": [source.to_dict() for source in self.sources.values()],
            "edges": [edge.to_dict() for edge in self.edges],
            "landmarks": {
                name: landmarks_to_dict(pairs) for name, pairs in self.landmarks.items()
            },
            "records": [record.to_dict() for record in self.records],
            "drawn": dict(self.drawn),
        }

    def save(self) -> Path:
        """Write ``study.yaml``; the old file stays until the new one is complete."""
        self.root.mkdir(parents=True, exist_ok=True)
        target = self.root / STUDY_FILE
        # A name of its own for each process, and the mode of any other new file.
        name = self.root / f".study-{uuid.uuid4().hex}.tmp"
        try:
            with name.open("x", encoding="utf-8") as file:
                yaml.safe_dump(
                    self.to_dict(), file, sort_keys=False, allow_unicode=True
                )
            os.replace(name, target)
        finally:
            name.unlink(missing_ok=True)
        return target

    @classmethod
    def load(cls, root: Path) -> Study:
        """Read a study from its folder.

        Raises
        ------
        UnreadableFile
            If the folder holds no study or its file is damaged or too new.
        """
        root = Path(root)
        path = root / STUDY_FILE if root.is_dir() else root
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UnreadableFile(
                f"{root} holds no readable {STUDY_FILE}",
                todo="give the folder of a study",
            ) from error
        except yaml.YAMLError as error:
            raise UnreadableFile(f"{path} is damaged: it is not valid YAML") from error
        if not isinstance(values, dict) or "sources" not in values:
            raise UnreadableFile(f"{path} is not the file of a study")
        if values.get("version") != VERSION:
            raise UnreadableFile(
                f"{path} has version {values.get('version')}",
                f"version {VERSION}",
                "update napari-nanoscape",
            )
        study = cls(path.parent)
        try:
            for item in values["sources"]:
                study.add(Source.from_dict(item))
            study.edges = [Edge.from_dict(item) for item in values.get("edges", [])]
            pairs = values.get("landmarks", {})
            study.landmarks = {k: landmarks_from_dict(v) for k, v in pairs.items()}
            study.records = [Record.from_dict(r) for r in values.get("records", [])]
            study.drawn = {str(k): str(v) for k, v in values.get("drawn", {}).items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UnreadableFile(f"{path} is damaged: {error}") from error
        return study


def scope_key(tags: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return subject, lesion and section of tags, empty where unknown."""
    values = (str(tags.get(name, "")) for name in ("subject", "lesion", "section"))
    subject, lesion, section = values
    return subject, lesion, section


def landmarks_to_dict(pairs: Landmarks) -> dict[str, Any]:
    """Return landmarks as plain values for YAML or JSON."""
    return {
        "moving_space": pairs.moving_space,
        "fixed_space": pairs.fixed_space,
        "axes": pairs.axes,
        "names": list(pairs.names),
        "moving": pairs.moving.tolist(),
        "fixed": pairs.fixed.tolist(),
        "click_error_um": pairs.click_error_um,
        "name": pairs.name,
        "tags": pairs.tags.to_dict(),
    }


def landmarks_from_dict(values: Mapping[str, Any]) -> Landmarks:
    """Rebuild what :func:`landmarks_to_dict` returned."""
    fields = dict(values)
    fields["names"] = tuple(fields["names"])
    fields["tags"] = Tags.from_dict(fields.get("tags", {}))
    return Landmarks(**fields)


def replace_source(study: Study, ident: str, **changes: Any) -> Source:
    """Change what a study knows about one of its sources."""
    source = dataclasses.replace(study.sources[ident], **changes)
    study.sources[ident] = source
    return source
