"""Ask for advisories about the installed packages: `python .ci/audit.py PIP_AUDIT`.

Exits with 1 where a service that answers knows an advisory, or pip-audit fails by itself. Where no service answers, it
says so in one line: a network that is cut is no fault of a commit, and no proof either.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

SERVICES = ("pypi", "osv")
#: What pip-audit and the libraries below it say of a service that cannot be reached or does not answer.
_UNREACHED = ("connect", "timed out", "Max retries", "ServiceError", "HTTPError", "resolve", "redirecting")


@dataclass(frozen=True)
class Audit:
    """What one service answered: how many packages it knows, and the advisories, one line each."""

    audited: int
    advisories: tuple[str, ...]


class Unreached(Exception):
    """The service gave no answer about any package; the message says why."""


class AuditFailed(Exception):
    """pip-audit failed for another reason; the message holds what it said."""


def audit(command: str, service: str) -> Audit:
    """Ask one service. Raises `Unreached` or `AuditFailed`."""
    asked = [command, "--skip-editable", "--progress-spinner", "off", "--format", "json", "-s", service]
    ran = subprocess.run(asked, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(ran.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (ran.stderr.strip().splitlines() or [f"exit code {ran.returncode}"])[-1]
        if any(word in ran.stderr for word in _UNREACHED):
            raise Unreached(last) from None
        raise AuditFailed(ran.stderr or ran.stdout or last) from None
    known = [each for each in packages if "skip_reason" not in each]
    if not known:
        raise Unreached(f"it knows none of {len(packages)} packages")
    return Audit(len(known), tuple(_line(each, one) for each in known for one in each["vulns"]))


def _line(package: dict[str, str], advisory: dict[str, list[str]]) -> str:
    fixed = ", ".join(advisory["fix_versions"]) or "no version"
    return f"{package['name']} {package['version']}: {advisory['id']}, fixed in {fixed}"


def main(command: str) -> int:
    silent = []
    for service in SERVICES:
        try:
            found = audit(command, service)
        except Unreached as why:
            silent.append(f"{service}: {why}")
            continue
        except AuditFailed as fault:
            print(f"pip-audit failed: {fault}", file=sys.stderr)
            return 1
        print("\n".join([f"{found.audited} packages audited by {service}: {len(found.advisories)} advisories",
                         *found.advisories]))  # fmt: skip
        return 1 if found.advisories else 0
    print(f"NOT AUDITED: no advisory service answered ({'; '.join(silent)})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
