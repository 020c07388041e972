"""Spaces that bear the name of an animal, when the animal gets another name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from nanoscape.model import Study, Tags
from nanoscape.workflow.sheet.report import Report

_PATIENT = "{}/patient"


def renamed_spaces(
    study: Study,
    sources: Mapping[str, Tags],
    headers: Mapping[str, Mapping[str, Tags]],
    report: Report,
) -> dict[str, str]:
    """Return the new names of patient spaces, old name to new.

    Parameters
    ----------
    study
        Before the sheet is taken over.
    sources
        What the sheet says of each.
    headers
        Tags of the files themselves, by source and image.
    report
        Takes a remark when an alignment cannot follow, because one animal becomes
        several.
    """
    targets: dict[str, set[str]] = {}
    for ident, source in study.sources.items():
        for header in headers.get(ident, {}).values():
            known = header.merged(source.tags)
            said = known.merged(sources.get(ident, Tags()))
            old, new = (str(tags.get("subject", ident)) for tags in (known, said))
            targets.setdefault(old, set()).add(new)
    used = {space for edge in study.edges for space in (edge.moving, edge.fixed)}
    for pairs in study.landmarks.values():
        used |= {pairs.moving_space, pairs.fixed_space}
    renamed = {}
    for old, names in targets.items():
        if len(names) == 1:
            renamed[_PATIENT.format(old)] = _PATIENT.format(*names)
        elif _PATIENT.format(old) in used:
            report.add(
                "ambiguous",
                old,
                f"becomes {', '.join(sorted(names))}: align their images again",
            )
    return {old: name for old, name in renamed.items() if old != name}


def rename_spaces(study: Study, renamed: Mapping[str, str]) -> None:
    """Give the spaces of edges and landmarks their new names."""

    def name(space: str) -> str:
        return renamed.get(space, space)

    study.edges = [
        dataclasses.replace(edge, moving=name(edge.moving), fixed=name(edge.fixed))
        for edge in study.edges
    ]
    study.landmarks = {
        key: dataclasses.replace(
            pairs,
            moving_space=name(pairs.moving_space),
            fixed_space=name(pairs.fixed_space),
        )
        for key, pairs in study.landmarks.items()
    }
