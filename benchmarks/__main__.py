"""`make bench [ONLY=store]`, `python -m benchmarks [NAME…]`: runs every benchmark, or those named, each in a
process of its own, and prints one table of ratios.

A ratio compares two things measured in the same run on the same machine, so it can be read on any machine.
Exit 1 when a target is missed, 2 when there is no such benchmark.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent
_CODE = "import json, sys, importlib; print('\\n@@' + json.dumps(importlib.import_module(sys.argv[1]).run()))"


def names() -> list[str]:
    """Benchmarks: every module here that defines `run`."""
    found = []
    for path in sorted(_HERE.glob("[!_]*.py")):
        if "\ndef run(" in path.read_text(encoding="utf-8"):
            found.append(path.stem)
    return found


def chosen(words: list[str]) -> list[str]:
    """The benchmarks named on the command line, else those whose name holds the word in `ONLY`."""
    known = names()
    unknown = sorted(set(words) - set(known))
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        sys.exit(2)
    if words:
        return words
    only = os.environ.get("ONLY", "")
    return [name for name in known if only in name]


def missed(name: str) -> int:
    """Run one benchmark and print its rows. Returns how many targets it missed."""
    done = subprocess.run(
        [sys.executable, "-c", _CODE, f"benchmarks.{name}"],
        cwd=_HERE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    remarks, mark, rows = done.stdout.rpartition("\n@@")
    if done.returncode or not mark:
        print(f"{name}: failed\n{done.stderr[-2000:]}")
        return 1
    print(remarks, end="\n" if remarks else "")
    count = 0
    for what, measured, limit, good in json.loads(rows):
        count += not good
        print(f"{what:<92}{measured:>12.3f}{limit:>12.3f}{'' if good else '   MISSED'}", flush=True)
    return count


def main() -> None:
    print(f"{'what':<92}{'measured':>12}{'target':>12}")
    total = sum(missed(name) for name in chosen(sys.argv[1:]))
    sys.exit(1 if total else 0)


if __name__ == "__main__":
    main()
