"""Run inside a copy that mutmut has worked on: names of mutants in (JSON), what each changes out (JSON)."""

from __future__ import annotations

import json
import sys

from mutmut.mutation.diff_apply import find_mutant, get_diff_for_mutant

_HEADER = ("---", "+++")


def change(name: str) -> str:
    """The changed lines of a mutant, without their surroundings."""
    diff: str = get_diff_for_mutant(name, path=find_mutant(name).path)
    lines = [line for line in diff.splitlines() if line[:1] in "+-" and not line.startswith(_HEADER)]
    return "\n".join(line[0] + " " + line[1:].strip() for line in lines)


if __name__ == "__main__":
    print(json.dumps({name: change(name) for name in json.load(sys.stdin)}))
