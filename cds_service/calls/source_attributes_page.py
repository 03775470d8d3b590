"""The source attributes of a service, and of each of its cards, as pages for clinicians or as JSON."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from html import escape
from typing import Any

from flask import Flask, Response, current_app, request

from cds_service.calls.call import AppContext
from cds_service.calls.routes import enabled_service
from cds_service.knowledge.card_page import card_page
from cds_service.knowledge.source_attributes import source_attributes
from cds_service.web.errors import NoSuchCard, json_response

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}"
    "th,td{border:1px solid #767676;padding:.35rem .6rem;text-align:left;vertical-align:top}"
    "td:last-child{overflow-wrap:anywhere}"
    "div{overflow-x:auto}"
    "th{background:#f2f2f2;font-weight:600}h2{margin-top:2.5rem}"
)
#: The Content-Security-Policy allows this one style and nothing else.
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
    "frame-ancestors 'none'"
)


def register_source_attributes(app: Flask) -> None:
    """Add the route to an application of `create_app`; it needs no authentication, since it holds no patient data."""

    @app.get("/cds-services/<service_id>/source-attributes")
    def show(service_id: str) -> Response:
        context: AppContext = current_app.extensions["rls_cds"]
        return _answer(source_attributes(enabled_service(context, service_id), context.rules), page)

    @app.get("/cds-services/<service_id>/source-attributes/<code>")
    def show_card(service_id: str, code: str) -> Response:
        context: AppContext = current_app.extensions["rls_cds"]
        content = card_page(enabled_service(context, service_id), context.rules, code)
        if content is None:
            raise NoSuchCard
        return _answer(content, page_of_card)


def _answer(content: dict[str, Any], render: Callable[[dict[str, Any]], str]) -> Response:
    """Return the content as a page for browsers, otherwise as JSON."""
    if request.accept_mimetypes.best_match(("application/json", "text/html")) != "text/html":
        return json_response(content)
    headers = {"Content-Security-Policy": _POLICY}
    return Response(render(content), content_type="text/html; charset=utf-8", headers=headers)


def page(content: dict[str, Any]) -> str:
    """Render the source attributes as a self-contained page with one section per decision."""
    title = f"Source attributes: {content['title']}"
    requirements = ((each["requirement"], each["status"], each["source"]) for each in content["requirements"])
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(content['intendedUse'])}</p>",
        f"<p><strong>{escape(content['noClaim'])}</strong></p>",
        _table(("Requirement", "Status", "Source"), requirements),
        '<nav aria-label="Decisions"><ul>',
        *(f'<li><a href="#{each["decision"]}">{escape(each["title"])}</a></li>' for each in content["decisions"]),
        "</ul></nav>",
        *(part for decision in content["decisions"] for part in _section(decision)),
    ]
    return _document(title, body)


def page_of_card(content: dict[str, Any]) -> str:
    """Render what stands behind one card as a self-contained, printable page."""
    limits = ((each["value"], each["meaning"], each["source"], each["certainty"]) for each in content["thresholds"])
    reasons = ((each["display"], each["meaning"]) for each in content["overrideReasons"])
    none = content["noSuggestion"]
    body = [
        f"<h1>{escape(content['title'])}</h1>",
        f"<p>{escape(content['question'])}</p>",
        f"<h2>Rule</h2><p>{escape(content['rule'])}</p>",
        f"<p>Does not apply to: {escape(content['notFor'])}</p>" if content["notFor"] else "",
        f"<h2>Evidence</h2><p>{escape(content['grade'])}.</p>",
        "<ul>",
        *(f"<li>{_source(each)}</li>" for each in content["sources"]),
        "</ul>",
        "<h2>Limits of this card</h2><ul>",
        *(f"<li>{escape(each)}</li>" for each in content["limits"]),
        f"<li>Nothing to click: {escape(none)}</li>" if none else "",
        "</ul>",
        "<h2>Numbers that the decision compares</h2>",
        _table(("Limit", "Meaning", "Source", "Certainty"), limits),
        "<h2>What an override reason says</h2>",
        _table(("Reason", "Meaning"), reasons),
        f"<p>Decision {escape(content['decision'])}, version {escape(content['version'])} of {content['changed']}. ",
        f"Sign-off: {escape(content['signOff'])}. Next review by {content['nextReview']}. ",
        f'<a href="../source-attributes#{escape(content["decision"])}">All source attributes</a></p>',
    ]
    return _document(content["title"], body)


def _source(source: dict[str, str]) -> str:
    label = escape(source["label"])
    linked = f'<a href="{escape(source["url"])}">{label}</a>' if source["url"] else label
    return f"{linked}: {escape(source['reference'])} ({escape(source['certainty'])})"


def _document(title: str, body: Iterable[str]) -> str:
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    top = f'<!doctype html><html lang="en"><head>{head}<style>{_STYLE}</style></head><body><main>'
    return f"{top}{''.join(body)}</main></body></html>"


def _section(decision: dict[str, Any]) -> Iterator[str]:
    yield f'<section id="{decision["decision"]}"><h2>{escape(decision["title"])}</h2>'
    yield f"<p>{escape(decision['question'])} Version {escape(decision['version'])} of {decision['changed']}. "
    yield f"Sign-off: {escape(decision['signOff'])}. Next review by {decision['nextReview']}.</p>"
    yield _table(
        ("Number", "Attribute", "Text"), ((str(e["number"]), e["attribute"], e["text"]) for e in decision["attributes"])
    )
    yield _table(("Card", "Code", "Grade"), ((e["title"], e["code"], e["grade"]) for e in decision["cards"]))
    limits = [(e["name"], e["value"], e["meaning"], e["certainty"], e["definedIn"]) for e in decision["thresholds"]]
    if limits:
        yield _table(("Threshold", "Value", "Meaning", "Certainty", "Defined in"), limits)
    if decision["switches"]:
        switches = ((e["name"], e["value"], e["meaning"], e["definedIn"]) for e in decision["switches"])
        yield _table(("Switch", "Value", "Meaning", "Defined in"), switches)
    yield "</section>"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Render a table that scrolls by itself in a narrow window."""
    lines = [_row(head, '<th scope="col">', "</th>"), *(_row(row, "<td>", "</td>") for row in rows)]
    return f'<div tabindex="0" role="group" aria-label="Table"><table>{"".join(lines)}</table></div>'


def _row(cells: Iterable[str], before: str, after: str) -> str:
    return f"<tr>{''.join(f'{before}{escape(cell)}{after}' for cell in cells)}</tr>"
