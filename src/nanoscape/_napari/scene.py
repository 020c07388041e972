"""What is shown together, and how its axes line up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nanoscape.model import Scene, Study
from nanoscape.model.study import scope_key
from nanoscape.workflow.session import Session


@dataclass(frozen=True)
class SceneAxes:
    """The axes that every layer of a scene has.

    Attributes
    ----------
    axes
        ``"yx"``, ``"zyx"``, ``"tyx"`` or ``"tzyx"``.
    z_step_um
        Thickness that a single section gets among volumes.
    period_s
        First and last time that anything in the scene was recorded at.
    """

    axes: str = "yx"
    z_step_um: float = 1.0
    period_s: tuple[float, float] = (0.0, 0.0)

    @property
    def spatial(self) -> str:
        """The axes without time."""
        return self.axes.removeprefix("t")


def axes_for(items: Iterable[Any], study: Study) -> SceneAxes:
    """Return the axes that all of some objects can be shown on together.

    Parameters
    ----------
    items
        Model objects; those without a place are passed over.
    study
        Knows into which space each object is moved.
    """
    found: set[str] = set()
    steps: list[float] = []
    times: list[float] = []
    for item in items:
        if not hasattr(item, "space"):
            continue
        root = study.root_of(item.space)
        found |= set(item.axes)
        found |= set(study.transform(item.space, root, item_axes(item)).output_axes)
        if "z" in item.axes and hasattr(item, "spacing"):
            steps.append(item.spacing["z"])
        if "t" in item.axes:
            times.extend(frame_times(item))
    axes = "".join(axis for axis in "tzyx" if axis in found | {"y", "x"})
    return SceneAxes(
        axes=axes,
        z_step_um=min(steps, default=1.0),
        period_s=(min(times, default=0.0), max(times, default=0.0)),
    )


def item_axes(item: Any) -> str:
    """Return the axes of the space in which an object lies."""
    grid = getattr(item, "grid_to_space", None)
    return str(item.axes if grid is None else grid.output_axes)


def frame_times(item: Any) -> tuple[float, ...]:
    """Return the seconds of each frame; its number where times are not known."""
    if item.times is not None:
        return tuple(item.times)
    return tuple(float(i) for i in range(item.shape[item.axes.index("t")]))


def scene_addresses(session: Session, scene: Scene) -> list[str]:
    """Return the addresses of a scene's files and of what was made from them.

    What is not open yet is not opened here.
    """
    members = _members(session, scene)
    return [address for address in session if address in members]


def saved_results(session: Session, scene: Scene) -> list[str]:
    """Return the addresses of a scene's saved results that are not open yet."""
    members = _members(session, scene)
    return [
        address
        for record in session.study.records
        if record.folder
        for address in record.outputs.values()
        if address in members and address not in session
    ]


def _members(session: Session, scene: Scene) -> set[str]:
    study = session.study
    wanted = set(scene.sources)
    key = scope_key(scene.scope)
    derived = {a for record in study.records for a in record.outputs.values()}
    members = {
        address
        for address in session
        if source_of(session, address) in wanted
        or (
            source_of(session, address) is None
            and address not in derived
            and scope_key(getattr(session[address], "tags", {})) == key
        )
    }
    for record in study.records:
        inputs = {a for several in record.inputs.values() for a in several}
        if inputs and inputs <= members:
            members |= set(record.outputs.values())
    return members


def source_of(session: Session, address: str) -> str | None:
    """Return the source that an object was read from, if it was read."""
    ident = address.partition("/")[0]
    return ident if ident in session.study.sources else None


def reference_space(items: Sequence[Any], study: Study) -> str:
    """Return the space that most of some objects are aligned to.

    Of spaces with equally many objects the one that comes first wins.
    """
    roots = [study.root_of(item.space) for item in items if hasattr(item, "space")]
    return Counter(roots).most_common(1)[0][0] if roots else "world"


def neighbour(scenes: Sequence[Scene], current: Scene | None, step: int) -> Scene:
    """Return the scene some steps on, going round at the end."""
    idents = [scene.id for scene in scenes]
    here = idents.index(current.id) if current and current.id in idents else 0
    return scenes[(here + step) % len(scenes)]
