"""`make golden`: writes what is generated (expect/ of samples, the JSON Schema of the profile) again, for review with git diff."""

from __future__ import annotations

import json

from etl.config import profile
from tests.golden import test_samples
from tests.support.paths import ROOT


def main() -> None:
    (ROOT / "schemas" / "profile.schema.json").write_text(
        json.dumps(profile.json_schema(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    for case in test_samples.CASES:
        test_samples.write(case)


if __name__ == "__main__":
    main()
