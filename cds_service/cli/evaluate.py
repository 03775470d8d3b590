"""`rls-cds evaluate`: answer for files on disk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import click

if TYPE_CHECKING:
    from cards.facts.card import Card
    from cards.knowledge.rules import Rules
    from cards.reading import Site
    from cards.reading.unknown import UntoldDrugs
    from cds_service.offline.evaluate import Evaluation
    from cds_service.offline.patient_files import Question

#: What the lists hold, as the text output names it.
_LISTED = {"conditions": "Diagnoses", "labs": "Results"}
_HOOKS = ("patient-view", "order-sign", "order-select")
#: First and last day accepted by `--as-of`.
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)


@click.command(name="evaluate")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--hook", type=click.Choice(_HOOKS), help="Ask this hook instead of the one in the file.")
@click.option("--as-of", metavar="DATE", help="Answer as on this day (YYYY-MM-DD) instead of today.")
@click.option(
    "--assume-rls",
    is_flag=True,
    help="Take RLS as confirmed, for data without it, and resources without a Patient as those of an adult.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object per patient: cards and, with --explain, reasons."
)
@click.option("--explain", "explained", is_flag=True, help="List every decision: fires, quiet or unknown, and why.")
@click.option("--strict", is_flag=True, help="Also report which resources are not valid FHIR R4; exit 1 if any.")
@click.option("--time-zone", help="The clinic's zone: decides which day it is. [default: that of --config, else UTC]")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Settings file: the rules of a site. RLS_CDS_* variables count as well; secrets are not needed.",
)
@click.option("--client", help="With --config: whose local codes the files bear. [default: the first client]")
def evaluate_command(
    files: tuple[Path, ...],
    hook: str | None,
    as_of: str | None,
    assume_rls: bool,
    as_json: bool,
    explained: bool,
    strict: bool,
    time_zone: str | None,
    config: Path | None,
    client: str | None,
) -> None:
    """Answer for FILES without a server: patient Bundles, hook requests, or NDJSON of either or of resources.

    \b
    rls-cds evaluate patient.json                     the cards, as a clinician would read them
    rls-cds evaluate patient.json --explain           every decision with its reason
    rls-cds evaluate export.ndjson --json             one line per patient, for scripts
    rls-cds evaluate request.json --as-of 2026-06-15  a hook request, on another day

    The exit code is 1 where a file could not be read, or a patient was not answered because data are missing.
    """
    from cds_service.offline.bundles import UnreadableFile

    known = _load_knowledge(config, client)
    failed = False
    for file in files:
        try:
            for question, evaluation in _evaluations(file, hook, as_of, assume_rls, time_zone, known):
                click.echo(_printable(_as_json(evaluation, explained) if as_json else _as_text(evaluation, explained)))
                failed = bool(evaluation.verdict.missing and not evaluation.cards) or failed
                failed = (strict and _report_invalid(question)) or failed
        except (UnreadableFile, UnicodeDecodeError) as fault:
            click.echo(
                f"{file}: no text in UTF-8; unpack it, or convert it: iconv -f UTF-16 -t UTF-8"
                if isinstance(fault, UnicodeDecodeError)
                else str(fault),
                err=True,
            )
            failed = True
    if failed:
        raise click.exceptions.Exit(1)


def _evaluations(
    file: Path, hook: str | None, as_of: str | None, assume_rls: bool, time_zone: str | None, known: _Knowledge
) -> Iterator[tuple[Question, Evaluation]]:
    from uuid import uuid4

    from cds_service.offline.evaluate import evaluate
    from cds_service.offline.patient_files import read_questions

    now, zone = _now(as_of, time_zone or known.time_zone)
    for question in read_questions(file, assume_adult=assume_rls):
        yield (
            question,
            evaluate(
                question,
                known.rules,
                now=now,
                zone=zone,
                new_uuid=lambda: str(uuid4()),
                hook=hook or "",
                assume_rls=assume_rls,
                site=known.site,
            ),
        )


class _Knowledge(NamedTuple):
    """The rules, the site's local codes and the clinic's time zone."""

    rules: Rules
    site: Site
    time_zone: str


def _load_knowledge(config: Path | None, client: str | None) -> _Knowledge:
    import os

    from cards.knowledge.rules import BadKnowledge
    from cds_service.config.load import load_settings
    from cds_service.config.sources import BadSettings
    from cds_service.knowledge.load import load_knowledge

    try:
        settings = load_settings(config, os.environ, for_server=False)
        known = load_knowledge(settings, today=datetime.now(settings.time_zone).date())
    except (BadSettings, BadKnowledge) as fault:
        raise click.ClickException(str(fault)) from None
    name = client or next(iter(known.sites))
    if name not in known.sites:
        raise click.BadParameter(f"{name} is no client; configured: {', '.join(known.sites)}", param_hint="--client")
    return _Knowledge(known.rules, known.sites[name], settings.time_zone.key)


def _now(as_of: str | None, time_zone: str) -> tuple[datetime, ZoneInfo]:
    from cds_service.config.values import Constraints, InvalidValue, read_time_zone

    try:
        zone = read_time_zone(time_zone, Constraints())
    except InvalidValue as fault:
        raise click.BadParameter(f"{time_zone} is not {fault}", param_hint="--time-zone") from None
    if as_of is None:
        return datetime.now(zone), zone
    try:
        day = date.fromisoformat(as_of)
    except ValueError as fault:
        raise click.BadParameter(f"{as_of} is no day; use YYYY-MM-DD", param_hint="--as-of") from fault
    if not _FIRST_DAY <= day <= _LAST_DAY:
        raise click.BadParameter(f"{as_of} is no day from {_FIRST_DAY} to {_LAST_DAY}", param_hint="--as-of")
    return datetime.combine(day, time(12), zone), zone


def _as_json(evaluation: Evaluation, explained: bool) -> str:
    import json
    from dataclasses import asdict

    content = {
        "file": evaluation.place,
        "patient": evaluation.patient_id,
        "hook": evaluation.hook,
        **({"note": evaluation.note} if evaluation.note else {}),
        "cards": [card.as_json() for card in evaluation.cards],
        "missing": list(evaluation.verdict.missing),
        **({"decisions": [asdict(each) for each in evaluation.explanations]} if explained else {}),
        **({"untold_drugs": asdict(evaluation.untold)} if explained and evaluation.untold.drugs else {}),
        **({"untold_codes": _untold_codes(evaluation)} if explained and evaluation.untold_codes else {}),
    }
    return json.dumps(content, ensure_ascii=False, allow_nan=False)


def _printable(text: str) -> str:
    """The text with every half of a surrogate pair, which no encoding can hold, as JSON escapes it."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _as_text(evaluation: Evaluation, explained: bool) -> str:
    who = f"patient {evaluation.patient_id}" if evaluation.patient_id else "patient without an id"
    blocks = [f"== {evaluation.place}, {who}, {evaluation.hook}"]
    if evaluation.note:
        blocks.append(f"({evaluation.note})")
    blocks += [_card_text(card) for card in evaluation.cards]
    if not evaluation.cards:
        blocks.append(_no_card_text(evaluation))
    if explained:
        blocks += [
            f"{each.outcome:8}{each.card or '-':20}{each.decision}: {each.sentence}"
            + (f" [{each.about}]" if each.about else "")
            for each in evaluation.explanations
        ]
        blocks += _untold_text(evaluation.untold)
        blocks += [
            f"{_LISTED[each['list']]} in {each['system']} that could not be told by code: {each['seen']}"
            for each in _untold_codes(evaluation)
        ]
    return "\n".join(blocks) + "\n"


def _untold_text(untold: UntoldDrugs) -> list[str]:
    """Which drugs could not be told: codes by their system, and names as a number, since a name is free text."""
    said = [f"{count} in {system or 'no system'}" for system, count in untold.codes.items()]
    said += [f"{untold.names} by a name that no list has"] if untold.names else []
    return [f"{untold.drugs} drug{'s' * (untold.drugs > 1)} not told: {', '.join(said)}"] if untold.drugs else []


def _untold_codes(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return what could not be told, by list and system; a system that is no address is not named."""
    from cds_service.monitoring.unknown_samples import is_system

    return [
        {"list": key, "system": (system if is_system(system) else "a system without an address"), "seen": seen}
        for (key, system), seen in evaluation.untold_codes.items()
    ]


def _no_card_text(evaluation: Evaluation) -> str:
    verdict = evaluation.verdict
    if verdict.missing:
        return f"No answer: {', '.join(verdict.missing)} missing. The service would answer 412."
    return f"No card{f': {verdict.out_of_scope}' if verdict.out_of_scope else ''}."


def _card_text(card: Card) -> str:
    suggestions = [f"  [suggest] {suggestion.label}" for suggestion in card.suggestions]
    return "\n".join([f"{card.indicator.upper()} {card.id}: {card.summary}", "", card.detail, *suggestions, ""])


def _report_invalid(question: Question) -> bool:
    from cds_service.offline.validation import invalid_resources

    found = invalid_resources(
        question.resources or tuple(r for listed in question.gathered.values() for r in listed.resources)
    )
    for fault in found:
        click.echo(f"{question.place}: {fault}", err=True)
    return bool(found)
