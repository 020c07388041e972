"""Provide the system libraries that a napari window needs on Linux.

``window`` is for a person at a display and never stands in the way; ``tests``
also wants a virtual display and fails when it cannot be had. Nothing is installed
when nothing is missing, and only Debian's own packages are used.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys

LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}
PROGRAMS = {"Xvfb": "xvfb", "xauth": "xauth"}


def missing_packages(with_virtual_display: bool) -> list[str]:
    """Return the Debian packages of what cannot be found here."""
    programs = PROGRAMS if with_virtual_display else {}
    lacking = [package for name, package in LIBRARIES.items() if not loads(name)]
    return lacking + [
        package for name, package in programs.items() if not on_path(name)
    ]


def loads(library: str) -> bool:
    """Whether the dynamic linker finds a library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def on_path(program: str) -> bool:
    """Whether a program can be started."""
    return shutil.which(program) is not None


def administrator() -> list[str] | None:
    """Return what to put before a command to run it as root, ``None`` if nothing."""
    if os.geteuid() == 0:
        return []
    asks_nothing = ["sudo", "--non-interactive"]
    if on_path("sudo") and quietly([*asks_nothing, "true"]):
        return asks_nothing
    return None


def quietly(command: list[str]) -> bool:
    """Run a command without a sound, and say whether it succeeded."""
    silent = subprocess.DEVNULL
    done = subprocess.run(
        command, stdin=silent, stdout=silent, stderr=silent, check=False
    )
    return done.returncode == 0


def install(packages: list[str]) -> bool:
    """Install Debian packages where that is allowed, and say whether it was done."""
    as_root = administrator()
    if as_root is None or not on_path("apt-get"):
        return False
    apt = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    print(f"Installing system libraries for Qt: {' '.join(packages)}", flush=True)
    quietly([*apt, "update"])
    return quietly([*apt, "install", "--yes", "--no-install-recommends", *packages])


def main(purpose: str) -> int:
    """Look, install, and name in one line what is still missing."""
    for_tests = purpose == "tests"
    has_display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if not sys.platform.startswith("linux") or not (for_tests or has_display):
        return 0
    packages = missing_packages(for_tests)
    if packages and install(packages):
        packages = missing_packages(for_tests)
    if not packages:
        return 0
    print(
        "The napari window needs system libraries that are not here. Install them by:\n"
        "sudo apt-get update && sudo apt-get install --yes --no-install-recommends "
        + " ".join(packages)
    )
    return 1 if for_tests else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
