"""Run nginx as an ordinary process with the example of deploy/, on free ports of this machine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.builders.components import missing
from tests.builders.serving import ROOT
from tests.fakes.certificate import make_certificate

EXAMPLE = ROOT / "deploy" / "nginx.example.conf"


@dataclass(frozen=True, slots=True)
class Nginx:
    """A running nginx."""

    port: int
    folder: Path
    certificate: Path

    def context(self) -> ssl.SSLContext:
        """Return a TLS context that trusts its certificate."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def log(self) -> list[str]:
        return (self.folder / "rls-cds.log").read_text(encoding="utf-8").splitlines()


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        return int(taken.getsockname()[1])


def adapted(example: str, port: int, folder: Path, certificate: Path, upstreams: Sequence[int]) -> str:
    """Return the example with the ports, certificate and folder of a test; everything else stays."""
    servers = "\n".join(f"    server 127.0.0.1:{each};" for each in upstreams)
    text = example.replace("    server 127.0.0.1:8080;", servers)
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
    text = re.sub(r"/etc/ssl/rls-cds/\w+\.pem", str(certificate), text)
    return text.replace("/var/log/nginx", str(folder))


def main_configuration(folder: Path) -> str:
    """Return what Debian's nginx.conf says around it, for a process without privileges."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"    {kind}_temp_path {folder}/{kind};" for kind in kinds)
    person = "user root;" if os.geteuid() == 0 else ""
    return f"""
{person}
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_processes 1;
events {{ worker_connections 512; }}
http {{
{temporary}
    include {folder}/rls-cds.conf;
}}
"""


@contextmanager
def running_nginx(folder: Path, upstreams: Sequence[int]) -> Iterator[Nginx]:
    """Run nginx before the service on these ports; its configuration must bring no warning."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        missing("there is no nginx on this machine")
    nginx = Nginx(free_port(), folder, make_certificate(folder))
    text = adapted(EXAMPLE.read_text(encoding="utf-8"), nginx.port, folder, nginx.certificate, upstreams)
    (folder / "rls-cds.conf").write_text(text, encoding="utf-8")
    (folder / "nginx.conf").write_text(main_configuration(folder), encoding="utf-8")
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False, timeout=30)
    assert checked.returncode == 0 and "[warn]" not in checked.stderr, checked.stderr
    process = subprocess.Popen([*command, "-g", "daemon off;"], stderr=subprocess.DEVNULL)
    try:
        ends = time.monotonic() + 30
        while not _listens(nginx.port):
            assert process.poll() is None and time.monotonic() < ends, (folder / "error.log").read_text()
            time.sleep(0.02)
        yield nginx
    finally:
        process.send_signal(signal.SIGQUIT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait(20)


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
