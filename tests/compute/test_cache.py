from __future__ import annotations

import os

import pytest

from nanoscape.compute.cache import (
    cache_folder,
    cache_limit,
    make_room,
    mark_used,
    size_of,
)
from nanoscape.errors import CannotCompute, WrongInput


@pytest.fixture
def entries(tmp_path, monkeypatch):
    """Three entries of 1000 bytes under a limit of 4000, "0" unused for longest."""
    monkeypatch.setenv("NANOSCAPE_CACHE", str(tmp_path))
    monkeypatch.setenv("NANOSCAPE_CACHE_GB", "0.000004")
    for number in range(3):
        entry = cache_folder("things") / str(number)
        (entry / "inner").mkdir(parents=True)
        (entry / "inner" / "data").write_bytes(bytes(1000))
        mark_used(entry)
        os.utime(entry / "used", (number, number))
    return cache_folder("things")


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_what_fits_removes_nothing(entries):
    make_room(entries / "new", 1000)
    assert names(entries) == ["0", "1", "2"]


def test_what_was_unused_for_longest_goes_first(entries):
    make_room(entries / "new", 1001)
    assert names(entries) == ["1", "2"]
    mark_used(entries / "1")
    make_room(entries / "new", 3000)
    assert names(entries) == ["1"]


def test_an_entry_in_use_stays(entries):
    make_room(entries / "new", 2500, {entries / "0"})
    assert names(entries) == ["0"]
    with pytest.raises(CannotCompute, match="NANOSCAPE_CACHE"):
        make_room(entries / "new", 3001, {entries / "0"})


def test_an_entry_that_grows_does_not_remove_itself(entries):
    make_room(entries / "0", 2000)
    assert names(entries) == ["0", "1", "2"]
    assert size_of(entries / "0") == 1000


def test_what_never_fits_removes_nothing(entries):
    with pytest.raises(CannotCompute, match="do not fit"):
        make_room(entries / "new", 4001)
    assert names(entries) == ["0", "1", "2"]


def test_the_limit_is_a_number(monkeypatch):
    for text in ("much", "-1", "nan", ""):
        monkeypatch.setenv("NANOSCAPE_CACHE_GB", text)
        with pytest.raises(WrongInput, match="NANOSCAPE_CACHE_GB"):
            cache_limit()
    monkeypatch.delenv("NANOSCAPE_CACHE_GB")
    assert cache_limit() > 1e9


def test_the_cache_is_that_of_the_user(monkeypatch):
    monkeypatch.delenv("NANOSCAPE_CACHE", raising=False)
    assert "napari-nanoscape" in str(cache_folder("things"))
