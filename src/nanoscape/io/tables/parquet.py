"""Tables and points as Parquet, with name, notes, space and tags in its schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nanoscape.errors import UnreadableFile
from nanoscape.io.annotations.points_csv import frame_of_points
from nanoscape.io.damage import DAMAGE
from nanoscape.io.opening import Options, Readable
from nanoscape.model import Points, Table, Tags

_KEY = b"nanoscape"
_VERSION = 1
_MAGIC = b"PAR1"
_LARGEST = 2**33


def sniff(path: Path) -> bool:
    """Tell a Parquet file that was written here."""
    try:
        with path.open("rb") as file:
            if file.read(4) != _MAGIC:
                return False
        import pyarrow.parquet as pq

        return _KEY in (pq.read_schema(path).metadata or {})
    except DAMAGE:
        return False


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read the table or the points that a file holds."""
    import pyarrow.parquet as pq

    del options
    about = json.loads(pq.read_schema(path).metadata[_KEY])
    if about["version"] != _VERSION:
        raise UnreadableFile(
            f"{path} has version {about['version']}",
            f"version {_VERSION}",
            "update napari-nanoscape",
        )
    layout = pq.read_metadata(path)
    unpacked = sum(
        layout.row_group(i).total_byte_size for i in range(layout.num_row_groups)
    )
    if unpacked > _LARGEST:
        raise UnreadableFile(f"{path} unpacks to more than 8 GiB")
    frame = pq.read_table(path).to_pandas()
    name, tags = str(about["name"]), Tags.from_dict(about["tags"])
    if about["kind"] == "table":
        notes = tuple(str(note) for note in about["notes"])
        return [Table(data=frame, name=name, notes=notes, tags=tags)]
    axes = str(about["axes"])
    columns = [f"{axis}_um" for axis in axes]
    known = about["columns"]
    return [
        Points(
            coordinates=frame[columns].to_numpy(dtype=float),
            axes=axes,
            space=str(about["space"]),
            name=name,
            table=None if known is None else frame[known],
            tags=tags,
        )
    ]


def write_parquet(item: Table | Points, path: Path) -> None:
    """Write a table, or points with what is known of each."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    about: dict[str, Any] = {
        "version": _VERSION,
        "kind": item.kind,
        "name": item.name,
        "tags": item.tags.to_dict(),
    }
    if isinstance(item, Points):
        frame = frame_of_points(item)
        columns = None if item.table is None else [str(c) for c in item.table.columns]
        about |= {"axes": item.axes, "space": item.space, "columns": columns}
    else:
        frame = item.data
        about["notes"] = list(item.notes)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    text = json.dumps(about, ensure_ascii=False, default=_plain)
    metadata = {**(table.schema.metadata or {}), _KEY: text.encode("utf-8")}
    pq.write_table(table.replace_schema_metadata(metadata), path)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)
