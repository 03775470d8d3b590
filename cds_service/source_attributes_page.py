"""GET /cds-services/{id}/source-attributes: as a page for a clinician who follows a card's link, or as JSON."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from flask import Flask, Response, current_app, request

from cds_service.call import Desk
from cds_service.errors import NoSuchService, json_answer
from cds_service.services import BY_ID
from cds_service.source_attributes import source_attributes
from cds_service.views import services_on

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}"
    "th,td{border:1px solid #767676;padding:.35rem .6rem;text-align:left;vertical-align:top}"
    "td:last-child{overflow-wrap:anywhere}"
    "div{overflow-x:auto}"
    "th{background:#f2f2f2;font-weight:600}h2{margin-top:2.5rem}"
)
#: Nothing but this one style is allowed on the page.
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
    "frame-ancestors 'none'"
)


def register_source_attributes(app: Flask) -> None:
    """Add the route to an application of `create_app`. Nobody has to prove who they are: it holds no patient data."""

    @app.get("/cds-services/<service_id>/source-attributes")
    def show(service_id: str) -> Response:
        desk: Desk = current_app.extensions["rls_cds"]
        service = BY_ID.get(service_id)
        if service is None or service not in services_on(desk.settings):
            raise NoSuchService
        content = source_attributes(service, desk.rules)
        if request.accept_mimetypes.best_match(("application/json", "text/html")) == "text/html":
            return Response(
                page(content), content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": _POLICY}
            )
        return json_answer(content)


def page(content: dict[str, Any]) -> str:
    """The same as a page that needs nothing else: one section for each decision."""
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
    """Wider than a narrow window it is scrolled by itself, words whole."""
    lines = [_row(head, '<th scope="col">', "</th>"), *(_row(row, "<td>", "</td>") for row in rows)]
    return f'<div tabindex="0" role="group" aria-label="Table"><table>{"".join(lines)}</table></div>'


def _row(cells: Iterable[str], before: str, after: str) -> str:
    return f"<tr>{''.join(f'{before}{escape(cell)}{after}' for cell in cells)}</tr>"
