"""A plan in words and commands: for the screen, or as files in a folder."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cds_service.offline.screening.planning.plan import Plan, Step
from cds_service.offline.screening.state import write_private

#: The client that the commands are for: an existing one, of which this program is no part.
CLIENT = "https://docs.smarthealthit.org/cumulus/fetch/"
_PATIENTS = "patients.txt"


def as_markdown(plan: Plan, folder: Path) -> str:
    """Return the whole plan as Markdown; `folder` is where the export is to lie."""
    return "\n".join(_lines(plan, folder)) + "\n"


def _lines(plan: Plan, folder: Path) -> Iterator[str]:
    vendor = plan.vendor
    yield f"# An export from {vendor.title}"
    yield ""
    yield f"{plan.size:,} patients, of whom {_wanted(plan)}. Expected, not measured:"
    yield ""
    yield "| Step | Resources | Hours |"
    yield "|---|---:|---:|"
    for number, step in enumerate(plan.steps, start=1):
        yield f"| {number}. {step.title} | {step.resources:,} | {_hours(step, plan)} |"
    yield f"| Instead of everything | {plan.everything.resources:,} | {_hours(plan.everything, plan)} |"
    yield ""
    yield f"That is {plan.share:.1%} of everything. {_rate(plan)}, as five sites measured (JAMIA 2023)."
    yield ""
    for note in (*vendor.notes, *_notes(plan)):
        yield f"* {note}"
    yield f"* What the server can do is said in <{vendor.source}>; its CapabilityStatement decides."
    for number, step in enumerate(plan.steps, start=1):
        yield from ("", f"## Step {number}: {step.title[0].lower()}{step.title[1:]}", "", "The kick-off request:", "")
        yield from ("```text", *_request(step, number), "```", "", f"The same by [SMART Fetch]({CLIENT}):", "")
        yield from ("```sh", *command_lines(plan, number, folder), "```")
        if number == 1:
            yield from ("", f"Then `rls-cds screen {folder} --plan {vendor.id}` again: it reads whom they name.")
    yield from ("", f"Then `rls-cds screen {folder} --out result/`.")


def _wanted(plan: Plan) -> str:
    if plan.patients is None:
        return "some have restless legs syndrome (the first step tells how many)"
    return f"{len(plan.patients):,} have a diagnosis of restless legs syndrome"


def _hours(step: Step, plan: Plan) -> str:
    least, most = step.hours(plan.vendor)
    return f"{least:,.1f}" if round(least, 1) == round(most, 1) else f"{least:,.1f} to {most:,.1f}"


def _rate(plan: Plan) -> str:
    slowest, fastest = plan.vendor.a_minute
    numbers = f"At {slowest:,}" if slowest == fastest else f"At {slowest:,} to {fastest:,}"
    return f"{numbers} resources a minute"


def _notes(plan: Plan) -> Iterator[str]:
    yield (
        "Patients whose diagnosis stands in words alone, or in a code of the site that is not mapped, are not found "
        "by codes; ask for Condition without the filter once to see how many there are."
    )
    if plan.steps[1].filters:
        yield (
            "Results are asked for as the service asks for them on opening a chart: by LOINC code and by the site's "
            "own. Results in other codes are not fetched, and so are not counted as untold."
        )
    if plan.vendor.filters != "yes":
        yield "Where `_typeFilter` is not taken, the first step fetches every Condition."
    yield "The summary of such an export counts patients with restless legs syndrome alone: its rates are theirs."


def _request(step: Step, number: int) -> Iterator[str]:
    verb = "GET" if step.body is None else "POST"
    yield f"{verb} {step.address}"
    yield "Accept: application/fhir+json"
    yield "Prefer: respond-async"
    if step.body is not None:
        yield "Content-Type: application/fhir+json"
        yield f"(body: {number}-request.json)"


def command_lines(plan: Plan, number: int, folder: Path, patients: Path = Path(_PATIENTS)) -> Iterator[str]:
    """Yield the command of one step for SMART Fetch; `patients` is the file that lists them.

    The second step goes patient by patient (`crawl`), since that client names patients in no bulk request; where the
    site has made a Group of them, `--group` takes the place of the list.
    """
    step = plan.steps[number - 1]
    by_patient = number == 2
    mode = "crawl" if by_patient else "bulk"
    whom = ["--id-file", str(patients)] if by_patient else ["--group", plan.group] if plan.group else []
    parts = [
        ["smart-fetch", "export"],
        ["--fhir-url", plan.base],
        whom,
        ["--export-mode", mode],
        ["--type", ",".join(step.types)],
        *(["--type-filter", each] for each in step.filters),
        ["--hydration-tasks", "medication,specimen" if by_patient else "none"],
        ["--smart-client-id", "YOUR-CLIENT", "--smart-key", "YOUR-KEY.jwks"],
        [str(folder / f"step-{number}")],
    ]
    lines = [" ".join(map(shlex.quote, part)) for part in parts if part]
    yield " \\\n  ".join(lines)


def write_plan(plan: Plan, out: Path, folder: Path) -> tuple[str, ...]:
    """Write the plan, its requests and commands, and the list of patients into a folder; return the names.

    Everything is readable by its owner alone, since a second step names patients.
    """
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = {"plan.md": as_markdown(plan, folder)}
    for number, step in enumerate(plan.steps, start=1):
        written[f"{number}-request.json"] = json.dumps(_as_json(step), indent=1) + "\n"
        written[f"{number}-fetch.sh"] = (
            "\n".join(("set -eu", *command_lines(plan, number, folder, out / _PATIENTS))) + "\n"
        )
    if plan.patients is not None:
        written[_PATIENTS] = "".join(f"{each}\n" for each in plan.patients)
    for name, content in written.items():
        write_private(out / name, content.encode())
    return tuple(written)


def _as_json(step: Step) -> Any:
    if step.body is not None:
        return step.body
    return {"method": "GET", "url": step.address, "headers": {"Prefer": "respond-async"}}
