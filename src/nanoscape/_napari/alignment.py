"""How the spaces of a scene lie to each other, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nanoscape.model import Edge, Study


@dataclass(frozen=True)
class Pair:
    """One space of a scene and how it is aligned to the reference.

    Attributes
    ----------
    space, fixed
        The space and the one that it is, or is to be, aligned to.
    edges
        Transforms on the way, in order; none when it is not aligned.
    moving_address, fixed_address
        An object in each of the two spaces.
    """

    space: str
    fixed: str
    edges: tuple[Edge, ...]
    moving_address: str
    fixed_address: str

    @property
    def is_accepted(self) -> bool:
        """Whether the user has accepted every transform on the way."""
        return bool(self.edges) and all(edge.accepted for edge in self.edges)

    @property
    def state(self) -> str:
        """The state in words, with the expected error."""
        if not self.edges:
            return "not aligned"
        errors = [edge.quality.expected_error_um for edge in self.edges]
        known = [error for error in errors if error is not None]
        error = (sum(e * e for e in known)) ** 0.5
        words = "accepted" if self.is_accepted else "not yet accepted"
        return f"{words}, expected error {error:.3g} µm" if known else words

    @property
    def line(self) -> str:
        """One line for a list; a sign tells the state apart from colour."""
        sign = "●" if self.is_accepted else "◐" if self.edges else "○"
        return f"{sign} {self.space} → {self.fixed}: {self.state}"


def pairs_of(state: Any) -> list[Pair]:
    """Return the spaces of the scene that are, or are to be, aligned.

    Parameters
    ----------
    state
        State of the viewer.
    """
    session = state.session
    study: Study = session.study
    members: dict[str, str] = {}
    for address in state.scene_objects():
        space = getattr(session[address], "space", None)
        if space is not None:
            members.setdefault(space, address)
    if not members:
        return []
    reference = _reference(state, members)
    pairs = []
    for space, address in members.items():
        root = study.root_of(space)
        if space == reference or (root == space and root == study.root_of(reference)):
            continue
        aligned = root == study.root_of(reference)
        edges = tuple(study.path_edges(space, reference)) if aligned else ()
        pairs.append(Pair(space, reference, edges, address, members[reference]))
    return pairs


def _reference(state: Any, members: dict[str, str]) -> str:
    """Return the space that the others are aligned to.

    While nothing is aligned, that is the one of the finest image: coarse images are
    moved onto fine ones.
    """
    session = state.session
    joined = {s for e in session.study.edges for s in (e.moving, e.fixed)}
    if joined & set(members) and state.reference in members:
        return str(state.reference)

    def pixel(space: str) -> float:
        spacing = getattr(session[members[space]], "spacing", None)
        return max(spacing.values()) if spacing else float("inf")

    return min(members, key=pixel)


def accept(state: Any, pair: Pair) -> None:
    """Accept the transforms of a pair; it can be taken back."""
    for edge in pair.edges:
        if not edge.accepted:
            state.moving.set_edge(edge.replace(accepted=True))
