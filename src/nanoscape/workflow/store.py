"""Results on disk: complete under their final name, or not there at all."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nanoscape import io
from nanoscape.compute import Task
from nanoscape.errors import UnreadableFile, WrongInput
from nanoscape.io.annotations.points_csv import frame_of_points
from nanoscape.model import Edge, Image, Labels, Points, Regions, Table, Tags

_INDEX = "result.json"


def save_result(
    folder: Path,
    outputs: Mapping[str, Any],
    about: Mapping[str, Any],
    *,
    task: Task | None = None,
) -> Path:
    """Write the outputs of one run into a folder of their own.

    Parameters
    ----------
    folder
        Final name; it appears only when everything is written.
    outputs
        Model objects by output.
    about
        Plain values kept beside them, such as the record.
    task
        Progress.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name}-{uuid.uuid4().hex[:8]}")
    temporary.mkdir()
    try:
        kinds = {}
        for name, item in outputs.items():
            save_object(temporary / name, item, task=task)
            kinds[name] = item.kind
        index = {"outputs": kinds, "about": dict(about)}
        text = json.dumps(index, indent=1, ensure_ascii=False)
        (temporary / _INDEX).write_text(text, encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def load_result(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read what :func:`save_result` wrote: the outputs, and what is known of them.

    Raises
    ------
    UnreadableFile
        If the folder holds no complete result.
    """
    try:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        kinds = index["outputs"]
    except (OSError, ValueError, KeyError) as error:
        raise UnreadableFile(f"{folder} holds no complete result") from error
    outputs = {name: load_object(folder / name, kind) for name, kind in kinds.items()}
    return outputs, index["about"]


def has_result(folder: Path) -> bool:
    """Whether a complete result lies in a folder."""
    return (folder / _INDEX).is_file()


def save_object(stem: Path, item: Any, *, task: Task | None = None) -> None:
    """Write one model object under a name without suffix."""
    if isinstance(item, Image | Labels):
        io.write(item, stem.with_name(stem.name + ".ome.zarr"), task=task)
    elif isinstance(item, Table):
        _save_frame(stem, item.data)
        item.data.to_csv(stem.with_name(stem.name + ".csv"), index=False)
        _save_json(stem, {"name": item.name, "notes": list(item.notes),
                          "tags": item.tags.to_dict()})  # fmt: skip
    elif isinstance(item, Points):
        frame = frame_of_points(item)
        _save_frame(stem, frame)
        frame.to_csv(stem.with_name(stem.name + ".csv"), index=False)
        columns = None if item.table is None else [str(c) for c in item.table.columns]
        _save_json(stem, {"name": item.name, "axes": item.axes, "space": item.space,
                          "columns": columns, "tags": item.tags.to_dict()})  # fmt: skip
    elif isinstance(item, Regions):
        values: dict[str, Any] = {"name": item.name, "axes": item.axes}
        values |= {"space": item.space, "names": list(item.names)}
        values["tags"] = item.tags.to_dict()
        values["polygons"] = [ring.tolist() for ring in item.polygons]
        values["holes"] = [[ring.tolist() for ring in rings] for rings in item.holes]
        _save_json(stem, values)
        if item.table is not None:
            _save_frame(stem, item.table)
    elif isinstance(item, Edge):
        _save_json(stem, item.to_dict())
    elif hasattr(item, "save"):
        item.save(stem)
    else:
        raise WrongInput(f"{type(item).__name__} cannot be saved as a result")


def load_object(stem: Path, kind: str) -> Any:
    """Read one model object that :func:`save_object` wrote."""
    if kind in ("image", "labels"):
        return io.read(stem.with_name(stem.name + ".ome.zarr"))[0]
    if kind == "figure":
        from nanoscape.model import Figure

        return Figure.load(stem)
    values = json.loads(stem.with_name(stem.name + ".json").read_text(encoding="utf-8"))
    if kind == "edge":
        return Edge.from_dict(values)
    tags = Tags.from_dict(values.pop("tags"))
    if kind == "regions":
        polygons = tuple(np.asarray(p) for p in values.pop("polygons"))
        holes = values.pop("holes", [])
        names = tuple(values.pop("names"))
        about = stem.with_name(stem.name + ".parquet")
        return Regions(
            polygons=polygons,
            names=names,
            holes=tuple(tuple(np.asarray(r) for r in rings) for rings in holes),
            table=pd.read_parquet(about) if about.exists() else None,
            tags=tags,
            **values,
        )
    frame = pd.read_parquet(stem.with_name(stem.name + ".parquet"))
    if kind == "table":
        notes = tuple(values["notes"])
        return Table(data=frame, name=values["name"], notes=notes, tags=tags)
    places = [f"{axis}_um" for axis in values["axes"]]
    # Older studies do not say which columns were known beside the places.
    known = values.pop("columns", list(frame.columns))
    return Points(
        coordinates=frame[places].to_numpy(),
        table=None if known is None else frame[known],
        tags=tags,
        **values,
    )


def _save_frame(stem: Path, frame: pd.DataFrame) -> None:
    frame.to_parquet(stem.with_name(stem.name + ".parquet"), index=False)


def _save_json(stem: Path, values: Mapping[str, Any]) -> None:
    text = json.dumps(values, indent=1, ensure_ascii=False)
    stem.with_name(stem.name + ".json").write_text(text, encoding="utf-8")
