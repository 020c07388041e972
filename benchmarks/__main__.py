"""``python -m benchmarks [NAME …] [--json]``."""

from __future__ import annotations

import argparse
import json
import sys

from benchmarks import Result, all_benchmarks


def main() -> int:
    """Run benchmarks and print what they measured."""
    known = all_benchmarks()
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--json", action="store_true", help="print JSON")
    chosen = parser.parse_args()
    unknown = [name for name in chosen.names if name not in known]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(known)}")
    results: list[Result] = []
    for name in chosen.names or known:
        for result in known[name]():
            results.append(result)
            if not chosen.json:
                print(_line(result), flush=True)
    if chosen.json:
        json.dump({"results": [r.to_dict() for r in results]}, sys.stdout, indent=1)
        print()
    return 0


def _line(result: Result) -> str:
    mark = "met" if result.met else "missed"
    return (
        f"{result.name}: {result.work}: {result.ours_s:.4g} against "
        f"{result.peer_s:.4g} of {result.peer} {result.peer_version}: "
        f"{result.ratio:.3g}× (goal {result.goal:g}×, {mark})"
    )


if __name__ == "__main__":
    sys.exit(main())
