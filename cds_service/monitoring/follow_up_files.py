"""The follow-up report as one page (HTML), a table (CSV) or FHIR MeasureReports: counts alone, no patient, no user."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from html import escape
from typing import Any

from cards.presenting.fhir_models import model_of
from cds_service.monitoring.follow_up import LATE, Arm, FollowUp, Report
from cds_service.monitoring.intervals import Interval

_BASE = "https://rls-cds.example.org"
_POPULATION = "http://terminology.hl7.org/CodeSystem/measure-population"
_COLUMNS = ("card", "client", "version", "arm", "shown", "answered", "accepted", "overridden", "repeats", "asked",
            "known", "followed_30", "followed_90", "not_known", "median_days", "share_90", "low", "high",
            "minus_holdout", "minus_holdout_low", "minus_holdout_high", "minus_shadow", "minus_shadow_low",
            "minus_shadow_high", "shadow_compared", "beyond_stopping_line", "cards_for_one_followed",
            "median_seconds_to_answer")  # fmt: skip
_STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #767676;padding:.3rem .5rem;text-align:left}"
)
_NOTE = (
    f"By what later charts of the same patient show. Followed: within {LATE} days; shares are of patients asked at "
    f"least {LATE} days before the end whose chart came again after the {LATE} days, with 95 % intervals (Wilson; "
    "differences Newcombe); the others are not known. Beyond the stopping line: a difference of more than 3 standard "
    "errors (Haybittle and Peto). Who was held out was chosen by chance; shadow is the time before a client went live "
    "(before and after), or other clients (between clients), so that its difference may have other causes than the "
    "card."
)


def as_csv(report: Report) -> str:
    """Return one line for each card, client and version in each arm; an empty client or version stands for all."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)
    for line in (*report.cards, *report.by_client, *report.by_version):
        for name, arm in line.arms.items() or {"live": Arm()}.items():
            writer.writerow(_row(line, name, arm))
    return file.getvalue()


def _row(line: FollowUp, name: str, arm: Arm) -> tuple[object, ...]:
    is_live, beside = name == "live", line.beside_shadow
    compared = (*_bounds(line.effect if is_live else None), *_bounds(beside.difference if beside and is_live else None))
    told = (line.shown, line.answered, line.accepted, line.overridden, line.repeats) if is_live else ("",) * 5
    days = "" if arm.days is None else f"{arm.days:g}"
    of_live = (beside.how if beside else "", _yes_or_no(line), _rounded(line.needed_to_alert), _rounded(line.dwell))
    return (line.card, line.client, line.rule_version, name, *told, arm.asked, arm.known, arm.soon, arm.late, arm.open,
            days, *_bounds(arm.share_late), *compared, *(of_live if is_live else ("",) * 4))  # fmt: skip


def _yes_or_no(line: FollowUp) -> str:
    """Return whether the difference is beyond the stopping line, "" where there is none."""
    return "" if line.effect is None else "yes" if line.may_stop else "no"


def _rounded(number: float | None) -> str:
    return "" if number is None else f"{number:.1f}"


def _bounds(interval: Interval | None) -> list[str]:
    return [f"{bound:.4f}" for bound in interval or ()] or ["", "", ""]


def as_html(report: Report) -> str:
    """Return the report as one self-contained page."""
    head = ("Card", "Shown", "Not answered", "Repeats", "Followed, 30 days", "Followed, 90 days", "Days to action",
            "Cards for one followed", "Not known", "Held out, 90 days", "Difference in points", "Shadow, 90 days",
            "Live minus shadow in points (not randomised)", "Seconds to answer")  # fmt: skip
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in _cells(line))}</tr>" for line in report.cards)
    marks = "; ".join(f"{mark.day} {mark.what}" for mark in report.marks)
    silent = ", ".join(report.without_feedback)
    period = f"{report.since:%Y-%m-%d} to {report.until:%Y-%m-%d}"
    parts = [
        f"<h1>After the card: did it happen? {period}</h1><p>{escape(_NOTE)}</p>",
        f"<p>Changes: {escape(marks)}.</p>" if marks else "",
        f"<p>These clients send no feedback: {escape(silent)}.</p>" if silent else "",
        f"<table><thead><tr>{''.join(f'<th scope=col>{escape(each)}</th>' for each in head)}</tr></thead>",
        f"<tbody>{rows}</tbody></table>",
    ]
    top = f'<meta charset="utf-8"><title>Follow-up of cards, {period}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{top}</head><body><main>{"".join(parts)}</main></body></html>\n'


def _cells(line: FollowUp) -> Iterator[str]:
    yield line.card
    yield from (str(line.shown), str(line.unanswered), str(line.repeats))
    yield _percent(line.live.share_soon, line.live.known)
    yield _percent(line.live.share_late, line.live.known)
    yield "" if line.live.days is None else f"{line.live.days:g}"
    yield _rounded(line.needed_to_alert)
    yield _not_known(line.live)
    yield "; ".join(each for each in (_percent(line.held_out.share_late, line.held_out.known),
                                      f"{_not_known(line.held_out)} not known" if line.held_out.open else "")
                    if each)  # fmt: skip
    yield _points(line.effect) + (" (beyond the stopping line)" if line.may_stop else "")
    beside = line.beside_shadow
    yield _percent(beside.shadow.share_late, beside.shadow.known) if beside else ""
    yield f"{_points(beside.difference)} {beside.how}" if beside and beside.difference else ""
    yield "" if line.dwell is None else f"{line.dwell:.0f}"


def _percent(share: Interval | None, known: int) -> str:
    if share is None:
        return ""
    return f"{100 * share.value:.0f} % ({100 * share.low:.0f} to {100 * share.high:.0f}) of {known}"


def _not_known(arm: Arm) -> str:
    return str(arm.open) if arm.share_open is None else f"{arm.open} ({100 * arm.share_open:.0f} %)"


def _points(effect: Interval | None) -> str:
    return "" if effect is None else f"{100 * effect.value:+.1f} ({100 * effect.low:+.1f} to {100 * effect.high:+.1f})"


def as_fhir(report: Report) -> str:
    """Return a collection Bundle of one MeasureReport a card, with a group for each arm."""
    reports = [_measure_report(line, report) for line in report.cards if line.arms]
    entries = [{"fullUrl": f"{_BASE}/MeasureReport/{each['id']}", "resource": each} for each in reports]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    text: str = model_of("Bundle", "R4").model_validate(bundle).model_dump_json(indent=2)
    return text + "\n"


def _measure_report(line: FollowUp, report: Report) -> dict[str, Any]:
    return {
        "resourceType": "MeasureReport",
        "id": f"followed-{line.card.lower()}",
        "status": "complete",
        "type": "summary",
        "measure": f"{_BASE}/Measure/followed-{line.card.lower()}",
        "date": report.until.isoformat(),
        "period": {"start": report.since.isoformat(), "end": report.until.isoformat()},
        "group": [_group(name, arm) for name, arm in line.arms.items()],
    }


def _group(name: str, arm: Arm) -> dict[str, Any]:
    """Return one arm; of whom it is not known is excluded from the denominator, never counted as either."""
    counts = {
        "initial-population": arm.asked,
        "denominator": arm.known + arm.open,
        "denominator-exclusion": arm.open,
        "numerator": arm.late,
    }
    populations = [
        {"code": {"coding": [{"system": _POPULATION, "code": kind}]}, "count": count} for kind, count in counts.items()
    ]
    group: dict[str, Any] = {"code": {"text": name}, "population": populations}
    if arm.share_late:
        group["measureScore"] = {"value": round(arm.share_late.value, 4)}
    return group
