"""A real PostgreSQL server of our own for the length of a test run: free port, own folder, nothing left behind."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path


class NoPostgres(Exception):
    """There is no server to be had here; the text says why."""


@contextlib.contextmanager
def postgres_server() -> Iterator[str]:
    """The address of an empty server, up to the database name. Raises `NoPostgres`."""
    binaries = _binaries()
    person = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="rls-cds-postgres-"))
    try:
        if person:
            os.chown(folder, pwd.getpwnam(person).pw_uid, pwd.getpwnam(person).pw_gid)
        data, port = folder / "data", _free_port()
        _run([binaries / "initdb", "-D", data, "-U", "rls", "-A", "trust", "-E", "UTF8", "--no-sync"], person)
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200"
        control = [binaries / "pg_ctl", "-D", data]
        _run([*control, "-w", "-t", "60", "-l", folder / "log", "-o", options, "start"], person)
        try:
            yield f"postgresql://rls@127.0.0.1:{port}/"
        finally:
            _run([*control, "-w", "-m", "immediate", "stop"], person)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    """Debian keeps them outside PATH, one folder per version; the newest wins."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not folders and os.environ.get("CI") == "true" and os.geteuid() == 0 and shutil.which("apt-get"):
        _install()
        folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if folders:
        return folders[-1]
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    raise NoPostgres("no PostgreSQL here: install the package postgresql to run these tests")


def _install() -> None:
    for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", "postgresql"]):
        subprocess.run(command, check=False, capture_output=True, timeout=300)


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root; the user it may run as then."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise NoPostgres("PostgreSQL does not run as root, and there is no other user")


def _run(command: list[str | Path], person: str | None) -> None:
    words = [str(word) for word in command]
    # the output goes to a file: a server keeps its parent's pipes open for as long as it lives
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            words, user=person, stdout=output, stderr=output, timeout=120, check=False, cwd="/", start_new_session=True
        )
        output.seek(0)
        if done.returncode != 0:
            raise NoPostgres(f"{Path(words[0]).name} failed: {output.read().decode(errors='replace')[-500:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
