"""Build a Maven project of ours once, and keep what it needs in `.interop/`, outside of version control.

python -m tests.interop.maven tests/interop/PROJECT ...
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.builders.components import missing

#: What Maven downloads and what it builds; nothing in the home directory is read or written.
KEPT = Path(__file__).resolve().parents[2] / ".interop"
#: Seconds for a build whose packages must be downloaded first.
_BUILDS = 1200
_SOURCES = ("pom.xml", "src/**/*.java", "src/main/resources/**/*")


def build(project: Path) -> Path:
    """Return the folder with `<name>.jar` and its dependencies in `lib/`, built anew only if a source has changed.

    The test is skipped if Java or Maven is missing. The project's `pom.xml` builds into the folder `${target}`.
    """
    for program, package in (("javac", "default-jdk-headless"), ("mvn", "maven")):
        if shutil.which(program) is None:
            missing(f"{program} is not installed: package {package}")
    target = KEPT / "maven" / project.name
    target.mkdir(parents=True, exist_ok=True)
    digest, built = _digest(project), target / "built"
    with (target.parent / f"{project.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists() or built.read_text() != digest:
            shutil.rmtree(target)
            _package(project, target)
            built.write_text(digest)
    return target


def class_path(target: Path) -> str:
    """Return the class path of a project that was built into `target`."""
    return f"{target}/{target.name}.jar:{target}/lib/*"


def _package(project: Path, target: Path) -> None:
    """Build without the network if every package is there, otherwise with it."""
    command = ["mvn", "--batch-mode", "--no-transfer-progress", "--quiet", "--strict-checksums"]
    command += [f"-Dmaven.repo.local={KEPT / 'm2'}", f"-Dtarget={target}", "package"]
    said = ""
    for connection in (["--offline"], []):
        done = subprocess.run(
            command + connection, cwd=project, capture_output=True, text=True, timeout=_BUILDS, check=False
        )
        said += done.stdout + done.stderr
        if done.returncode == 0:
            return
    raise AssertionError(f"Maven does not build {project.name}: {said[-4000:]}")


def _digest(project: Path) -> str:
    found = hashlib.sha256()
    for source in _sources(project):
        content = source.read_bytes()
        found.update(f"{source.relative_to(project)} {len(content)}\n".encode() + content)
    return found.hexdigest()


def _sources(project: Path) -> Iterator[Path]:
    for pattern in _SOURCES:
        yield from sorted(path for path in project.glob(pattern) if path.is_file())


if __name__ == "__main__":
    for each in sys.argv[1:]:
        build(Path(each).resolve())
