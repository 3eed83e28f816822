"""`make bench [ONLY=store]`: runs every benchmark module in a process of its own and prints one table of
ratios.

A ratio compares two things measured in the same run on the same machine, so it can be read on any machine.
Exit 1 when a target is missed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

_CODE = "import json, sys, importlib; print('\\n@@' + json.dumps(importlib.import_module(sys.argv[1]).run()))"


def modules() -> list[str]:
    """Benchmark modules: every file here that defines `run`."""
    here = Path(__file__).parent
    wanted = os.environ.get("ONLY", "")
    return [
        f"benchmarks.{path.stem}"
        for path in sorted(here.glob("*.py"))
        if not path.stem.startswith("_")
        and "\ndef run(" in path.read_text(encoding="utf-8")
        and wanted in path.stem
    ]


def main() -> None:
    missed = 0
    print(f"{'what':<92}{'measured':>12}{'target':>12}")
    for module in modules():
        done = subprocess.run(
            [sys.executable, "-c", _CODE, module], capture_output=True, text=True, check=False
        )
        if done.returncode or "\n@@" not in done.stdout:
            print(f"{module}: failed\n{done.stderr[-2000:]}")
            missed += 1
            continue
        remarks, _, rows = done.stdout.rpartition("\n@@")
        print(remarks, end="\n" if remarks else "")
        for name, measured, limit, good in json.loads(rows):
            missed += not good
            print(f"{name:<92}{measured:>12.3f}{limit:>12.3f}{'' if good else '   MISSED'}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
