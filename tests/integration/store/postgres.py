"""Start a private PostgreSQL server for the test run, on a free port and in a temporary folder."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path


class NoPostgres(Exception):
    """No server can be started; the message says why."""


class PostgresServer:
    """A private server, which a test may stop, start, freeze and thaw."""

    def __init__(self, folder: Path, binaries: Path, person: str | None) -> None:
        self._folder, self._person, self._port = folder, person, _free_port()
        self._control: list[str | Path] = [binaries / "pg_ctl", "-D", folder / "data"]
        _run(
            [binaries / "initdb", "-D", folder / "data", "-U", "rls", "-A", "trust", "-E", "UTF8", "--no-sync"], person
        )

    @property
    def address(self) -> str:
        """Return the address without the name of a database."""
        return f"postgresql://rls@127.0.0.1:{self._port}/"

    def start(self) -> None:
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200"
        _run([*self._control, "-w", "-t", "60", "-l", self._folder / "log", "-o", options, "start"], self._person)

    def stop(self) -> None:
        _run([*self._control, "-w", "-m", "immediate", "stop"], self._person)

    def admit(self, *lines: str) -> None:
        """Put lines before those of pg_hba.conf, and let the server read them."""
        file = self._folder / "data" / "pg_hba.conf"
        file.write_text("\n".join([*lines, file.read_text()]))
        _run([*self._control, "reload"], self._person)

    def serve_tls(self, certificate: Path) -> None:
        """Offer TLS with a certificate and its key, both in one PEM file."""
        file = self._folder / "data" / "server.pem"
        shutil.copy(certificate, file)
        file.chmod(0o600)
        if self._person:
            os.chown(file, pwd.getpwnam(self._person).pw_uid, pwd.getpwnam(self._person).pw_gid)
        with (self._folder / "data" / "postgresql.auto.conf").open("a") as settings:
            settings.write("ssl = on\nssl_cert_file = 'server.pem'\nssl_key_file = 'server.pem'\n")
        _run([*self._control, "reload"], self._person)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop every process of the server with SIGSTOP for the block; connections stay open and say nothing."""
        main = int((self._folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(main, signal.SIGSTOP)  # first, so that it starts no other
        children = [int(pid) for pid in Path(f"/proc/{main}/task/{main}/children").read_text().split()]
        stopped = [main]
        try:
            for pid in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
                    stopped.append(pid)
            yield
        finally:
            for pid in reversed(stopped):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Start an empty server. Raises `NoPostgres`."""
    programs = binaries()
    person = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="rls-cds-postgres-"))
    try:
        if person:
            os.chown(folder, pwd.getpwnam(person).pw_uid, pwd.getpwnam(person).pw_gid)
        server = PostgresServer(folder, programs, person)
        server.start()
        try:
            yield server
        finally:
            with contextlib.suppress(NoPostgres):  # a test may have stopped it
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def postgres_server() -> Iterator[str]:
    """Start an empty server and yield its address without database name. Raises `NoPostgres`."""
    with running_postgres() as server:
        yield server.address


def binaries() -> Path:
    """Return the folder of the newest binaries, which Debian keeps outside PATH in one folder per version."""
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
    """Return the user to run as if this is root, which PostgreSQL refuses."""
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
