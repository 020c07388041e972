"""The files of a simulated study in its list of sources."""

from __future__ import annotations

import hashlib
from pathlib import Path

from nanoscape.model import Source, Study, Tags

_HEAD_AND_TAIL = 2**16


def add_source(
    study: Study,
    path: Path,
    tags: dict[str, str],
    objects: dict[str, dict[str, str]] | None = None,
    pixel_um: float | None = None,
) -> None:
    """Add a file under the name of its space."""
    stat = path.stat()
    study.add(
        Source(
            id=path.name.split(".")[0],
            path=path.relative_to(study.root).as_posix(),
            tags=Tags.of("sheet", **tags),
            pixel_size_um=pixel_um,
            objects={k: Tags.of("sheet", **v) for k, v in (objects or {}).items()},
            size=stat.st_size,
            modified=stat.st_mtime,
            digest=_digest(path),
        )
    )


def _digest(path: Path) -> str:
    """Return a hash of a file's size, head and tail, or of a folder's listing."""
    if path.is_dir():
        listing = hashlib.sha256()
        for file in sorted(path.iterdir()):
            stat = file.stat()
            listing.update(f"{file.name}:{stat.st_size}:{stat.st_mtime_ns}".encode())
        return listing.hexdigest()
    size = path.stat().st_size
    total = hashlib.sha256(str(size).encode())
    with path.open("rb") as stream:
        total.update(stream.read(_HEAD_AND_TAIL))
        if size > _HEAD_AND_TAIL:
            stream.seek(max(size - _HEAD_AND_TAIL, _HEAD_AND_TAIL))
            total.update(stream.read(_HEAD_AND_TAIL))
    return total.hexdigest()
