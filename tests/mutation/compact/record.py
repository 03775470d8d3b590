"""`python -m tests.mutation.compact.record`: write down anew what the core answers. Read the difference before use."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.mutation.compact import test_answers, test_charts


def main() -> None:
    test_answers.ANSWERS.mkdir(exist_ok=True)
    for file in test_answers.ANSWERS.glob("*.txt"):
        if file.stem not in test_answers.DECISIONS:
            file.unlink()
    for decision in test_answers.DECISIONS:
        _write(test_answers.ANSWERS / f"{decision}.txt", test_answers.lines(decision))
    _write(test_charts.CHARTS, test_charts.lines())


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
