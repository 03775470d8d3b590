"""Start the third-party FHIR server of `server.mjs`, and fill it over HTTP as any client would."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.interop.processes import started

HERE = Path(__file__).parent
INSTALL = "npm ci --prefix tests/interop"
FHIR_JSON = "application/fhir+json"
#: Seconds to start on a busy machine, and for one answer.
_STARTS, ANSWERS = 60, 20
_OLDEST_NODE = 22

Resource = dict[str, Any]


class NotInstalled(Exception):
    """Something that the server needs is not installed; the message says what to do."""


def node() -> str:
    """Return Node.js 22 or later: the one installed beside the server, else the machine's; raises `NotInstalled`."""
    if not (HERE / "node_modules" / "@medplum" / "fhir-router").is_dir():
        raise NotInstalled(f"the FHIR server is not installed; with Node.js and npm: {INSTALL}")
    for program in (str(HERE / "node_modules" / "node" / "bin" / "node"), shutil.which("node") or ""):
        if program and _version(program) >= _OLDEST_NODE:
            return program
    raise NotInstalled(f"the FHIR server needs Node.js {_OLDEST_NODE} or later: {INSTALL}")


def _version(program: str) -> int:
    """Return the major version of `program`, 0 if it does not run."""
    try:
        shown = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=ANSWERS, check=False)
    except OSError:
        return 0
    found = re.match(r"v(\d+)\.", shown.stdout)
    return int(found[1]) if found else 0


@contextmanager
def running() -> Iterator[str]:
    """Run an empty server, and yield its base URL; raises `NotInstalled`."""
    with started([node(), str(HERE / "server.mjs")], "the FHIR server", seconds=_STARTS, folder=HERE) as line:
        yield str(json.loads(line)["base"])


def fill(base: str, resources: Iterable[Resource]) -> int:
    """Store every resource under its own id in one batch, unchanged, and return how many there were."""
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in resources
    ]
    batch = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    answer = requests.post(f"{base}/", json=batch, headers={"Content-Type": FHIR_JSON}, timeout=ANSWERS)
    assert answer.status_code == 200, answer.text[:2000]
    answers = [entry["response"] for entry in answer.json()["entry"]]
    refused = [one for one in answers if one["status"][:2] != "20"]
    assert len(answers) == len(entries) and not refused, refused[:5]
    return len(entries)
