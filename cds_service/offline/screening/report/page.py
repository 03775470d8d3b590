"""The report of a run as one HTML page that stands alone: no script, nothing loaded, no patient in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from cds_service.offline.screening.report.plots import Bar, bars
from cds_service.offline.screening.report.summary import QUALITY_WORDS

_STYLE = """
:root{color-scheme:light dark;--ink:#1d2433;--soft:#5b6475;--paper:#fff;--line:#d8dde6;
--critical:#b3261e;--warning:#b25e00;--info:#2b5fad;--good:#2e7d4f}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#a3acbd;--paper:#14181f;--line:#343c4a;
--critical:#ff8a80;--warning:#ffb74d;--info:#8ab4f8;--good:#81c995}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:60rem;margin:2rem auto;
padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.2rem;border-top:1px solid var(--line);padding-top:1rem}
table{border-collapse:collapse;width:100%;margin:.8rem 0}th,td{text-align:left;padding:.25rem .6rem;
border-bottom:1px solid var(--line);vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.soft{color:var(--soft)}svg{width:100%;height:auto}svg text{font-size:12px;fill:currentColor}
svg text.label{text-anchor:end}rect{fill:var(--info)}rect.critical{fill:var(--critical)}
rect.warning{fill:var(--warning)}rect.good{fill:var(--good)}.figures{display:flex;flex-wrap:wrap;gap:1rem 2.5rem}
.figures div{min-width:8rem}.figures b{display:block;font-size:1.6rem;font-weight:600}
"""
_MOST_ROWS = 50


def report_page(content: Mapping[str, Any]) -> str:
    """Return the page of a summary."""
    body = "\n".join(part for part in _parts(content) if part)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Restless legs syndrome: screening of {escape(content['as_of'])}</title><style>{_STYLE}</style></head>"
        f"<body>\n{body}\n</body></html>\n"
    )


def _parts(content: Mapping[str, Any]) -> Iterable[str]:
    yield f"<h1>Restless legs syndrome: screening of {escape(content['as_of'])}</h1>"
    yield _figures(content)
    yield _holes(content)
    yield "<h2>Cards</h2>"
    yield _cards(content["cards"], "Patients by card")
    yield _burden(content)
    yield "<h2>Measures of iron care</h2>"
    yield _measures(content["measures"])
    if "what_if" in content:
        yield "<h2>What if</h2>"
        yield _what_if(content["what_if"])
    yield "<h2>What could not be told</h2>"
    yield _not_told(content)
    yield (
        f'<p class="soft">{escape(content["program"])}. Decisions as the service makes them on opening a chart; '
        "no order is judged here. Not for clinical use without review.</p>"
    )


def _figures(content: Mapping[str, Any]) -> str:
    burden = content["burden"]["cards_a_clinician_day"]
    figures = (
        (content["patients"], "patients"),
        (content["rls_patients"], "with restless legs syndrome"),
        (content["cards_in_all"], "cards"),
        ("-" if burden is None else burden, "cards a clinician-day"),
    )
    return '<div class="figures">' + "".join(f"<div><b>{n}</b>{words}</div>" for n, words in figures) + "</div>"


def _holes(content: Mapping[str, Any]) -> str:
    """What was missing in the export: without it the numbers mislead."""
    export = content["export"]
    said = []
    if export["lists_not_exported"]:
        said.append(f"The export holds no {_and(export['lists_not_exported'])}: what rests on them is not known.")
    if export["lists_cut"]:
        said.append(f"Records are missing of {_and(export['lists_cut'])}.")
    if export["bad_lines"]:
        said.append(f"{export['bad_lines']} of {export['lines']} lines could not be read.")
    if export["server_reported_errors"]:
        said.append("The server reported resources that it could not export.")
    if content["not_answered"]:
        told = _and(f"{name} ({count} patients)" for name, count in content["not_answered"].items())
        said.append(f"No answer for want of {told}.")
    return "<p>" + escape(" ".join(said)) + "</p>" if said else ""


def _and(names: Iterable[str]) -> str:
    return ", ".join(names)


def _cards(cards: Sequence[Mapping[str, Any]], title: str) -> str:
    if not cards:
        return "<p>None.</p>"
    drawn = [
        Bar(
            each["title"] or each["code"],
            each["patients"],
            str(each["patients"]),
            each["indicator"],
            level=each["indicator"],
        )
        for each in cards[:_MOST_ROWS]
    ]
    rows = [
        (
            each["code"],
            each["title"],
            each["indicator"],
            each["patients"],
            each["per_1000_patients"],
            each["per_1000_rls_patients"],
        )
        for each in cards
    ]
    heads = ("card", "", "", "#patients", "#per 1,000", "#per 1,000 RLS")
    return bars(title, drawn) + table(heads, rows)


def _burden(content: Mapping[str, Any]) -> str:
    by_number = content["rls_patients_by_number_of_cards"]
    drawn = [Bar(f"{n} cards", count, str(count)) for n, count in sorted(by_number.items(), key=lambda e: int(e[0]))]
    burden = content["burden"]
    words = ""
    if burden["cards_a_clinician_day"] is not None:
        words = (
            f"<p>{burden['cards_a_clinician_day']} cards a clinician-day, if a clinician opens "
            f"{burden['charts_a_day']} charts a day and {escape(burden['assumes'])}.</p>"
        )
    return words + (bars("Patients with restless legs syndrome by number of cards", drawn) if drawn else "")


def _measures(told: Sequence[Mapping[str, Any]]) -> str:
    drawn = [
        Bar(each["title"], int(float(each["percent"])), f"{each['percent']} %", _kind(each))
        for each in told
        if each["percent"] is not None
    ]
    rows = [
        (
            f"{each['title']} ({each['better']} is better)",
            f"{each['population']}. Counted: {each['numerator_is'][:1].lower()}{each['numerator_is'][1:]}.",
            each["numerator"],
            each["denominator"],
            each["cannot_be_told"],
            f"{each['reference']} ({each['certainty']})",
        )
        for each in told
    ]
    heads = ("measure", "who, and what counts", "#counted", "#of", "#cannot be told", "source")
    return (bars("Measures in percent", drawn) if drawn else "") + table(heads, rows)


def _kind(measure: Mapping[str, Any]) -> str:
    return "good" if measure["better"] == "higher" else "warning"


def _what_if(what_if: Mapping[str, Any]) -> str:
    return (
        f"<p>With {escape(_and(what_if['changes']))}: {what_if['patients_who_gain']} patients gain a card, "
        f"{what_if['patients_who_lose']} lose one.</p><h3>Gained</h3>{_cards(what_if['gains'], 'Cards gained')}"
        f"<h3>Lost</h3>{_cards(what_if['loses'], 'Cards lost')}"
    )


def _not_told(content: Mapping[str, Any]) -> str:
    quality = content["quality"]
    parts = []
    if content["decisions_not_answered"]:
        rows = list(content["decisions_not_answered"].items())
        parts.append("<h3>Decisions that could not be answered</h3>" + table(("decision", "#patients"), rows))
    for kind, words in QUALITY_WORDS.items():
        if quality[kind]:
            rows = list(quality[kind].items())[:_MOST_ROWS]
            parts.append(f"<h3>{words}</h3>" + table(("", "#seen"), rows))
    if quality["drugs"]:
        parts.append(f"<p>{quality['drugs']} drugs cannot be told, {quality['drug_names']} by a name of no list.</p>")
    return "".join(parts) or "<p>Nothing.</p>"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; a head that begins with # stands over numbers."""
    kinds = [' class="n"' if head.startswith("#") else "" for head in heads]
    top = "".join(f"<th{kind}>{escape(head.lstrip('#'))}</th>" for kind, head in zip(kinds, heads, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{escape(str(cell))}</td>" for kind, cell in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
