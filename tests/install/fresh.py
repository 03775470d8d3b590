"""Run the two blocks of the README as a newcomer does: in a fresh clone, with an empty home, by old and new pips.

`python -m tests.install.fresh` clones the commit that is checked out, once for each row of the table it prints:

* block 1 with every Python 3.11 to 3.14 that is on this machine and the pip it ships, and with the `python3` of the
  path by the oldest and the newest pip as well. It ends when the `curl` that the demo prints has returned a card.
* block 2 by the oldest and the newest pip, its tests only collected; .ci/run runs them.

Nothing is cached from row to row. Exits with 1 where a row fails, installs too much or costs too much.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name

from tests.install.lock_files import (
    PYTHONS,
    ROOT,
    asked_of_the_project,
    environment,
    holds,
    installed,
    missing,
    read_lock,
)

OLDEST_PIP = "22.3"  # of Python 3.11.0
LOCKS = {1: "requirements.lock", 2: "requirements-dev.lock"}
EXTRAS = {1: ("postgres",), 2: ("postgres", "bulk", "dev")}
#: What block 1 may take: megabytes on the disk, and seconds of processor time from nothing to the first card.
MOST_MEGABYTES, MOST_SECONDS = 150, 60
#: How long one block may last on a busy machine with a slow network, in seconds.
_PATIENCE = 900
_VENV = "python3 -m venv .venv\n"
#: How this machine reaches a package registry; the rest of the environment is not the newcomer's.
_NETWORK = re.compile(
    r"PIP_(?!CACHE_DIR|USER|TARGET).*|(https?|no|all)_proxy|SSL_CERT_FILE|REQUESTS_CA_BUNDLE", re.IGNORECASE
)


class Failed(Exception):
    """A block did not do what the README says."""


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter on this machine."""

    path: str
    version: str

    @property
    def minor(self) -> str:
        return ".".join(self.version.split(".")[:2])


@dataclass(frozen=True, slots=True)
class FreshInstall:
    """One install: a block of the README, an interpreter, and the pip that replaces the one it ships, if any."""

    block: int
    python: Python
    pip: str | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What one install took."""

    pip: str
    packages: int
    megabytes: int
    seconds: float
    ends: str


def pythons() -> Iterator[Python]:
    """The `python3` of the path first, then each further interpreter of another version, 3.11 to 3.14."""
    folders = [Path(each) for each in os.environ["PATH"].split(os.pathsep)]
    folders += sorted(Path.home().glob(".pyenv/versions/*/bin")) + sorted(
        Path.home().glob(".local/share/uv/python/*/bin")
    )
    names = [shutil.which("python3") or "", *(str(folder / f"python{each}") for each in PYTHONS for folder in folders)]
    seen = set()
    for name in filter(os.path.exists, names):
        ask = "import sys, venv, ensurepip; print(sys._base_executable, sys.version.split()[0])"
        answer = subprocess.run([name, "-c", ask], capture_output=True, text=True, check=False)
        if answer.returncode:
            continue  # a shim without an interpreter behind it, or one without venv
        python = Python(*answer.stdout.split())
        if python.version not in seen and python.minor in PYTHONS:
            seen.add(python.version)
            yield python


def rows(found: list[Python]) -> list[FreshInstall]:
    first = found[0]
    other_pips = [(block, pip) for block in (2, 1) for pip in (OLDEST_PIP, "newest")]
    return [FreshInstall(block, first, pip) for block, pip in other_pips] + [
        FreshInstall(1, python, None) for python in found
    ]


def block(number: int, clone: Path) -> str:
    """The commands of a block, as they stand in the README of the clone."""
    command = [sys.executable, ".ci/readme_block.py", str(number)]
    return subprocess.run(command, cwd=clone, capture_output=True, text=True, check=True).stdout


def commands(row: FreshInstall, clone: Path) -> str:
    """The block; right after the venv is made another pip comes in and is named, and the demo takes a free port."""
    given = block(row.block, clone)
    if not given.startswith(_VENV):
        raise Failed(f"block {row.block} does not begin with {_VENV!r}")
    pip = {None: "", "newest": "--upgrade pip"}.get(row.pip, f"pip=={row.pip}")
    change = f".venv/bin/python -m pip install --quiet {pip}\n" if pip else ""
    change += ".venv/bin/pip --version\n"
    return _VENV + change + re.sub(r"(rls-cds demo)$", r"\1 --port 0", given.removeprefix(_VENV), flags=re.MULTILINE)


def measure(row: FreshInstall, room: Path) -> Figures:
    """Run one row in a folder of its own."""
    clone, home, tools = room / "clone", room / "home", room / "tools"
    home.mkdir(parents=True)
    tools.mkdir()
    (tools / "python3").write_text(f'#!/bin/sh\nexec "{row.python.path}" "$@"\n')
    (tools / "python3").chmod(0o755)
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)], check=True)
    environ = {name: value for name, value in os.environ.items() if _NETWORK.fullmatch(name)}
    environ |= {"HOME": str(home), "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "LANG": "C.UTF-8"}
    if row.block == 2:
        environ["PYTEST_ADDOPTS"] = "--collect-only"
    said = room / "output"
    with said.open("wb") as output:
        process = subprocess.Popen(
            ["sh", "-e", "-c", commands(row, clone)],
            cwd=clone, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    try:
        ends = first_card(process, said) if row.block == 1 else ""
        code, seconds = _ended(process, said)
    finally:
        kill(process)
    text = said.read_text(encoding="utf-8", errors="replace")
    if row.block == 2:
        collected = re.search(r"(\d+)(?:/\d+)? tests? collected", text)
        if code or not collected:
            raise Failed(text[-2000:])
        ends = f"{collected[1]} tests collected"
    pip = re.search(r"^pip (\S+) from ", text, re.MULTILINE)
    return _figures(row, clone, pip[1] if pip else "?", seconds, ends)


def _figures(row: FreshInstall, clone: Path, pip: str, seconds: float, ends: str) -> Figures:
    (site,) = (clone / ".venv").glob("lib/python3*/site-packages")
    where = environment(row.python.version)
    pins = read_lock(clone / LOCKS[row.block])
    gaps = list(missing(pins, asked_of_the_project(*EXTRAS[row.block]), installed(site), where))
    if gaps:
        raise Failed("\n".join(gaps))
    expected = {pin.name for pin in pins if holds(pin.requirement, where)}
    found = {str(canonicalize_name(each.metadata["Name"])) for each in metadata.distributions(path=[str(site)])}
    if strangers := (found - {"pip", "rls-cds"}) ^ (expected - {"pip"}):
        raise Failed(f"in the lock and not installed, or the other way round: {strangers}")
    taken = sum(file.lstat().st_blocks * 512 for file in (clone / ".venv").rglob("*"))
    return Figures(pip, len(expected), round(taken / 2**20), seconds, ends)


def first_card(process: subprocess.Popen[bytes], said: Path) -> str:
    """Wait for the demo, run the `curl` that it prints, stop it as Ctrl+C does, and return the summary of the card."""
    latest = time.monotonic() + _PATIENCE
    while not (
        line := re.search(r"^ *(curl -s .*)$", said.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    ):
        if process.poll() is not None or time.monotonic() > latest:
            raise Failed(said.read_text(encoding="utf-8", errors="replace")[-2000:])
        time.sleep(0.2)
    answer = subprocess.run(["sh", "-c", line[1]], capture_output=True, text=True, timeout=60, check=True).stdout
    os.killpg(process.pid, signal.SIGINT)
    try:
        return str(json.loads(answer)["cards"][0]["summary"])
    except (ValueError, LookupError, TypeError):
        raise Failed(f"no card: {answer[:2000]}") from None


def _ended(process: subprocess.Popen[bytes], said: Path) -> tuple[int, float]:
    """The exit code, and the seconds of processor time of everything that the block ran."""
    latest = time.monotonic() + _PATIENCE
    while time.monotonic() < latest:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, used.ru_utime + used.ru_stime
        time.sleep(0.1)
    raise Failed("not done in time: " + said.read_text(encoding="utf-8", errors="replace")[-2000:])


def kill(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of the block running, whatever became of it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    if process.returncode is None:
        process.wait(30)


def wheels_for(python: str) -> str:
    """Empty where every package of both locks has a wheel for that Python; else what the resolver says."""
    uv = Path(sys.executable).parent / "uv"
    command = [str(uv), "pip", "install", "--quiet", "--dry-run", "--no-deps", "--only-binary", ":all:"]
    for lock in LOCKS.values():
        aimed = ["--python-version", python, "--target", str(ROOT / "build" / "none"), "-r", str(ROOT / lock)]
        answer = subprocess.run([*command, *aimed], capture_output=True, text=True, check=False)
        if answer.returncode:
            return answer.stderr
    return ""


def tried(row: FreshInstall, room: Path) -> tuple[FreshInstall, Figures | str]:
    try:
        figures = measure(row, room)
    except (Failed, subprocess.SubprocessError) as fault:
        return row, str(fault)
    if row.block == 1 and (figures.megabytes > MOST_MEGABYTES or figures.seconds > MOST_SECONDS):
        return (
            row,
            f"{figures.megabytes} MB, {figures.seconds:.0f} s; {MOST_MEGABYTES} MB and {MOST_SECONDS} s are the most",
        )
    return row, figures


def main() -> int:
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a job in the background ignores it, and so would the demo
    found = list(pythons())
    faults = []
    with tempfile.TemporaryDirectory(prefix="rls-cds-fresh-") as rooms, ThreadPoolExecutor(2) as pool:
        todo = [(row, Path(rooms) / str(number)) for number, row in enumerate(rows(found))]
        print("block  Python    pip       packages   MB  CPU s  ends in")
        for row, got in pool.map(lambda given: tried(*given), todo):
            start = f"{row.block}      {row.python.version:<8}  "
            if isinstance(got, Figures):
                print(
                    f"{start}{got.pip:<8} {got.packages:>9} {got.megabytes:>4} {got.seconds:>6.0f}  {got.ends}",
                    flush=True,
                )
            else:
                print(f"{start}{row.pip or 'its own':<8}  FAILED", flush=True)
                faults.append(f"block {row.block}, Python {row.python.version}, pip {row.pip or 'its own'}:\n{got}")
    for python in PYTHONS:
        if python not in {each.minor for each in found}:
            lacking = wheels_for(python)
            print(
                f"Python {python}: none here." + ("" if lacking else " Every package of both locks has a wheel for it.")
            )
            faults += [f"Python {python}: {lacking}"] if lacking else []
    print("\n".join(faults), file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
