"""Build the sdist and the wheel of the commit that is checked out, look into both, and run the wheel.

`python -m tests.install.package --out dist` writes both into that folder, and beside them the bill of materials
(CycloneDX) of the environment that the wheel was run in. The wheel holds the documentation and is run
in an empty folder, from an environment that holds what requirements.lock pins and nothing of this clone. Exits with 1
where a file is missing or too many, or a command fails.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from packaging.utils import canonicalize_name

from tests.install.fresh import Failed, first_card, kill
from tests.install.lock_files import ROOT, Pin, environment, holds, read_lock

PACKAGES = ("cards", "cds_service", "fhir_fixtures")
SITE = "cds_service/console/docs_site"
#: Files of the built site that nobody reads in the console.
_LEFT_OUT = (".map", ".gz")
_UV = Path(sys.executable).with_name("uv")
_PATIENCE = 120  # seconds, for a server on a busy machine


def version() -> str:
    """Return the version that pyproject.toml states."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def tracked(folder: Path) -> set[str]:
    """Return the files of the packages that git knows."""
    command = ["git", "ls-files", "--", *PACKAGES]
    return set(subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.split("\n")) - {
        ""
    }


def site_files(folder: Path) -> set[str]:
    """Return the files of the documentation as the console serves it."""
    built = (file for file in (folder / SITE).rglob("*") if file.is_file() and file.suffix not in _LEFT_OUT)
    return {file.relative_to(folder).as_posix() for file in built}


def faults_of_wheel(names: Iterable[str], expected: set[str]) -> Iterator[str]:
    """Say what the wheel lacks, and what it holds beside the packages and its own description."""
    found = {name for name in names if not name.endswith("/")}
    own = {name for name in found if PurePosixPath(name).parts[0].endswith(".dist-info")}
    yield from (f"the wheel lacks {name}" for name in sorted(expected - found))
    yield from (f"the wheel holds {name}" for name in sorted(found - own - expected))


def faults_of_sdist(names: Iterable[str], expected: set[str]) -> Iterator[str]:
    """Say what the sdist lacks to build the same wheel."""
    found = {name.partition("/")[2] for name in names}
    needed = expected | {"pyproject.toml", "README.md", "LICENSE"}
    yield from (f"the sdist lacks {name}" for name in sorted(needed - found))


def build(clone: Path, out: Path) -> tuple[Path, Path]:
    """Build the documentation, then the sdist and from it the wheel; return both."""
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    subprocess.run([sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict"], cwd=clone, env=quiet, check=True)
    command = [str(_UV), "build", "--quiet", "--no-build-isolation", "--python", sys.executable, "--out-dir", str(out)]
    subprocess.run([*command, str(clone)], check=True)
    return out / f"rls_cds-{version()}.tar.gz", out / f"rls_cds-{version()}-py3-none-any.whl"


def look_into(sdist: Path, wheel: Path, expected: set[str]) -> Iterator[str]:
    """Say what is wrong with the contents of either."""
    with zipfile.ZipFile(wheel) as content:
        yield from faults_of_wheel(content.namelist(), expected)
    with tarfile.open(sdist) as archive:
        yield from faults_of_sdist(archive.getnames(), expected)


def install(wheel: Path, room: Path) -> Path:
    """Install the wheel into an environment of its own and return the folder of its commands."""
    python = room / "venv" / "bin" / "python"
    uv = [str(_UV), "pip", "install", "--quiet", "--python", str(python), "--no-deps"]
    subprocess.run([str(_UV), "venv", "--quiet", "--python", sys.executable, str(room / "venv")], check=True)
    subprocess.run(
        [*uv, "--require-hashes", "--only-binary", ":all:", "-r", str(ROOT / "requirements.lock")], check=True
    )
    subprocess.run([*uv, str(wheel)], check=True)
    subprocess.run([str(_UV), "pip", "check", "--quiet", "--python", str(python)], check=True)
    return python.parent


def bill_of_materials(commands: Path, out: Path) -> Path:
    """Write what is installed beside the wheel, with licences and what needs what; the same for the same lock."""
    file = out / f"rls_cds-{version()}.cdx.json"
    how = ["--output-reproducible", "--output-format", "JSON", "--spec-version", "1.6", "--validate", "-o", str(file)]
    command = [str(_UV.with_name("cyclonedx-py")), "environment", "--pyproject", str(ROOT / "pyproject.toml"), *how]
    subprocess.run([*command, str(commands / "python")], check=True, capture_output=True)
    return file


def faults_of_bill(bill: Mapping[str, Any], pins: Iterable[Pin]) -> Iterator[str]:
    """Say what a bill of materials lacks of a lock, and what it holds beside that and the package itself."""
    found = {canonicalize_name(each["name"]): each for each in bill["components"]}
    pinned = {pin.name: str(pin.version) for pin in pins}
    for name, stated in pinned.items():
        there = found.get(canonicalize_name(name))
        if there is None or there["version"] != stated:
            yield f"the bill of materials lacks {name} {stated}"
        elif not there.get("licenses"):
            yield f"the bill of materials has no licence of {name}"
    yield from (f"the bill of materials holds {name}" for name in sorted(found.keys() - pinned.keys() - {"rls-cds"}))
    if (subject := bill["metadata"]["component"]["name"]) != "rls-cds":
        yield f"the bill of materials is of {subject}"


class Installed:
    """The commands of an installed wheel, run in an empty folder with an empty home."""

    def __init__(self, commands: Path, room: Path) -> None:
        self._commands, self._folder = commands, room / "empty"
        self._folder.mkdir()
        self._environ = {"HOME": str(self._folder), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}

    def run(self, name: str, *arguments: str) -> str:
        """Return what a command prints."""
        command = [str(self._commands / name), *arguments]
        done = subprocess.run(command, cwd=self._folder, env=self._environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self, *arguments: str) -> tuple[subprocess.Popen[bytes], Path]:
        """Start `rls-cds` and return it with the file that it prints to."""
        said = self._folder / f"{arguments[0]}.txt"
        with said.open("wb") as output:
            process = subprocess.Popen(
                [str(self._commands / "rls-cds"), *arguments],
                cwd=self._folder, env=self._environ, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        return process, said


def try_wheel(installed: Installed) -> Iterator[str]:
    """Run each command that the README names; yield a line on each."""
    if version() not in installed.run("rls-cds", "--version"):
        raise Failed("rls-cds --version does not say the version of pyproject.toml")
    yield f"rls-cds --version: {version()}"
    where = installed.run("python", "-c", "import fhir_fixtures; print(fhir_fixtures.__path__[0])").strip()
    if Path(where).is_relative_to(ROOT):
        raise Failed(f"the packages come from the clone: {where}")
    answered = installed.run("rls-cds", "evaluate", f"{where}/requests/epic-patient-view.json", "--explain")
    yield f"rls-cds evaluate: {len(answered.splitlines())} lines"
    yield f"rls-cds demo: {_demo(installed)}"
    yield f"rls-cds serve: {_serve(installed)}"


def _demo(installed: Installed) -> str:
    process, said = installed.start("demo", "--port", "0")
    try:
        pages = re.compile(r"Documentation +(\S+)")
        latest = time.monotonic() + _PATIENCE
        while not (shown := pages.search(said.read_text(encoding="utf-8"))):
            if process.poll() is not None or time.monotonic() > latest:
                raise Failed(said.read_text(encoding="utf-8"))
            time.sleep(0.2)
        if b"The demo in five minutes" not in _fetched(shown[1]):
            raise Failed("the demo does not show the documentation")
        return f"{first_card(process, said)!r}, and the documentation"
    finally:
        kill(process)


def _serve(installed: Installed) -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    process, said = installed.start("serve", "--port", str(port))
    try:
        health = _fetched(f"http://127.0.0.1:{port}/healthz", process).decode()
        process.send_signal(signal.SIGTERM)
        if process.wait(_PATIENCE):
            raise Failed(said.read_text(encoding="utf-8"))
        return f"{health} and ended with 0"
    finally:
        kill(process)


def _fetched(url: str, process: subprocess.Popen[bytes] | None = None) -> bytes:
    """Return what is at the address, waiting for a server that is still starting."""
    latest = time.monotonic() + _PATIENCE
    while True:
        try:
            with urlopen(url, timeout=30) as answer:  # noqa: S310 - an address of this machine
                return bytes(answer.read())
        except URLError:
            if process is None or process.poll() is not None or time.monotonic() > latest:
                raise
            time.sleep(0.2)


def _here() -> dict[str, str]:
    return environment(f"{sys.version_info.major}.{sys.version_info.minor}", sys.platform)


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the sdist and the wheel, look into both, and run the wheel.")
    parser.add_argument("--out", type=Path, help="where both are kept; without it they are thrown away")
    out = parser.parse_args().out
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a job in the background ignores it, and so would the demo
    with tempfile.TemporaryDirectory(prefix="rls-cds-package-") as name:
        room = Path(name)
        clone = room / "clone"
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)], check=True)
        try:
            sdist, wheel = build(clone, room / "dist")
            faults = list(look_into(sdist, wheel, tracked(clone) | site_files(clone)))
            print(f"{wheel.name}: {wheel.stat().st_size} bytes, {sdist.name}: {sdist.stat().st_size} bytes")
            if not faults:
                commands = install(wheel, room)
                for line in try_wheel(Installed(commands, room)):
                    print(line, flush=True)
                bill = bill_of_materials(commands, room / "dist")
                content = json.loads(bill.read_text(encoding="utf-8"))
                here = [pin for pin in read_lock(ROOT / "requirements.lock") if holds(pin.requirement, _here())]
                faults = list(faults_of_bill(content, here))
                print(f"{bill.name}: {len(content['components'])} components")
        except (Failed, OSError, subprocess.CalledProcessError) as fault:
            faults = [str(fault)]
        if out and not faults:
            out.mkdir(parents=True, exist_ok=True)
            for file in (sdist, wheel, bill):
                shutil.copy(file, out)
    print("\n".join(faults), file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
