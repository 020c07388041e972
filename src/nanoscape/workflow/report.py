"""A run as a page to read: what was found, how sure it is, and what went wrong."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

import nanoscape
from nanoscape.workflow.files import write_text
from nanoscape.workflow.run import Run
from nanoscape.workflow.selectors import title_of

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem; color: #1d2428; background: #fff; }
h1, h2 { line-height: 1.2; }
figure { margin: 1.5rem 0; }
figure img { max-width: 100%; }
figcaption, .note { color: #4c5a62; font-size: .9rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid #d8dee2; }
th:first-child, td:first-child { text-align: left; }
"""


@dataclass(frozen=True)
class Section:
    """One part of a report.

    Attributes
    ----------
    title
        Heading.
    text
        Sentences below it.
    tables
        Tables by caption.
    figures
        PNG images by caption.
    """

    title: str
    text: Sequence[str] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    figures: Mapping[str, bytes] = field(default_factory=dict)


def write_report(path: Path, title: str, sections: Sequence[Section]) -> Path:
    """Write a page that needs no other file.

    Parameters
    ----------
    path
        File to write; an older one stays until the new one is complete.
    title
        Title of the page.
    sections
        Its parts, in order.
    """
    body = "\n".join(_section(section) for section in sections)
    page = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style></head>\n"
        f"<body><h1>{html.escape(title)}</h1>\n{body}\n"
        f'<p class="note">napari-nanoscape {nanoscape.__version__}</p>\n'
        "</body></html>\n"
    )
    return write_text(path, page)


def steps_section(run: Run) -> Section:
    """Return what became of every step, and why some gave no result."""
    frame = pd.DataFrame(
        {
            "step": [entry.step for entry in run.entries],
            "for": [title_of(entry.scope) for entry in run.entries],
            "state": [entry.state for entry in run.entries],
            "reason": [entry.sentence for entry in run.entries],
        }
    )
    return Section("Steps", tables={"What was run": frame})


def as_text(value: Any) -> str:
    """Return a value with a sensible number of digits."""
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    return "–" if value != value else f"{value:.4g}"


def _section(section: Section) -> str:
    parts = [f"<h2>{html.escape(section.title)}</h2>"]
    parts += [f"<p>{html.escape(sentence)}</p>" for sentence in section.text]
    parts += [_table(caption, frame) for caption, frame in section.tables.items()]
    parts += [_figure(caption, data) for caption, data in section.figures.items()]
    return "\n".join(parts)


def _table(caption: str, frame: pd.DataFrame) -> str:
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in frame.columns)
    rows = [
        "".join(f"<td>{html.escape(as_text(value))}</td>" for value in row)
        for row in frame.itertuples(index=False)
    ]
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<p class="note">{html.escape(caption)}</p><div class="scroll"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _figure(caption: str, data: bytes) -> str:
    encoded = base64.b64encode(data).decode("ascii")
    text = html.escape(caption)
    return (
        f'<figure><img alt="{text}" src="data:image/png;base64,{encoded}">'
        f"<figcaption>{text}</figcaption></figure>"
    )
