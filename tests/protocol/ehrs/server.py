"""A vendor's FHIR server: searches, pages, notes, media types and tokens as the table of vendors has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.fakes.fault_server import Line, answer, head, status
from tests.protocol.ehrs.vendor import Resource, Vendor

#: The parameters of links to further pages.
OF_A_PAGE = ("sessionID", "-pageContext", "continue", "_offset", "cursor")
_EPIC = "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369"


@dataclass
class VendorServer:
    """A behaviour for `fault_server` with the records of one patient."""

    vendor: Vendor
    records: Sequence[Resource] = ()
    _searches: dict[str, list[Resource]] = field(default_factory=dict)

    def __call__(self, line: Line) -> None:
        asked, vendor = line.asked, self.vendor
        offered = [each.partition(";")[0].strip() for each in asked.headers.get("accept", "").split(",")]
        if asked.headers.get("authorization") != f"Bearer {vendor.access_token}":
            status(401, WWW_Authenticate='Bearer error="invalid_token"')(line)
        elif not set(offered) & set(vendor.media):
            status(406)(line)
        elif not asked.path.startswith(f"{vendor.path}/"):
            _page_of_the_web_server(line)
        else:
            path, _, query = asked.path.removeprefix(vendor.path).partition("?")
            self._answer(line, path.strip("/"), query)

    def _answer(self, line: Line, path: str, query: str) -> None:
        kind, _, name = path.partition("/")
        if name:
            found = [one for one in self.records if one["resourceType"] == kind and one["id"] == name]
            (answer(found[0]) if found else status(404))(line)
            return
        asked = dict(parse_qsl(query))
        start = next((asked[name] for name in OF_A_PAGE if name in asked), "")
        key, _, offset = start.partition("+") if "+" in start else ("", "", start or "0")
        search = key or self._search(kind, asked)
        count = min(int(asked.get("_count", self.vendor.page)), self.vendor.most)
        answer(self._page(kind, query, search, int(offset), count))(line)

    def _search(self, kind: str, asked: dict[str, str]) -> str:
        wanted = {token.rpartition("|")[2] for token in asked.get("code", "").split(",")}
        found = [one for one in self.records if one["resourceType"] == kind]
        if kind in self.vendor.by_code and "code" in asked:
            found = [one for one in found if {each.get("code") for each in one["code"].get("coding", ())} & wanted]
        name = f"{kind}.{len(self._searches)}"
        self._searches[name] = found
        return name

    def _page(self, kind: str, query: str, search: str, offset: int, count: int) -> Resource:
        vendor, found = self.vendor, self._searches[search]
        page = found[max(0, offset - vendor.repeats) : offset + count]
        entries: list[Resource] = [self._entry(one) for one in page]
        links = [{"relation": "self", "url": f"{vendor.own_base}/{kind}?{query}"}]
        if offset + count < len(found):
            links.append({"relation": "next", "url": self._next(kind, query, f"{search}+{offset + count}")})
        bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "link": links}
        if vendor.total != "none":
            bundle["total"] = len(found) if vendor.total == "all" else len(entries)
        if vendor.notes:
            entries.append(_note(kind, is_empty=not page, is_unsorted="_sort=" in query))
        if not page and vendor.next == "_offset":
            del bundle["link"]  # Canvas: no links for an empty result
        return bundle | ({"entry": entries} if entries else {})

    def _entry(self, one: Resource) -> Resource:
        address = f"{self.vendor.own_base}/{one['resourceType']}/{one['id']}"
        return {"fullUrl": address, "resource": one, "search": {"mode": "match"}}

    def _next(self, kind: str, query: str, further: str) -> str:
        vendor = self.vendor
        if vendor.next == "session":
            return f"{vendor.own_base}/{kind}?{urlencode({'sessionID': further})}"
        asked = [(name, value) for name, value in parse_qsl(query) if name != vendor.next]
        return f"{vendor.own_base}/{kind}?{urlencode([*asked, (vendor.next, further)])}"


def _note(kind: str, *, is_empty: bool, is_unsorted: bool) -> Resource:
    """Return Epic's note: outside records were left out, nothing was found, a parameter is unknown."""
    codes = [("59204", "suppressed"), *([("4101", "processing")] if is_empty else [])]
    issues: list[dict[str, Any]] = [
        {
            "severity": "warning",
            "code": why,
            "details": {"coding": [{"system": _EPIC, "code": code}], "text": f"A note about {kind}."},
        }
        for code, why in codes
    ]
    if is_unsorted:
        issues.append(
            {"severity": "information", "code": "processing", "details": {"text": "Unknown parameter: _sort"}}
        )
    return {"resource": {"resourceType": "OperationOutcome", "issue": issues}, "search": {"mode": "outcome"}}


def _page_of_the_web_server(line: Line) -> None:
    body = b"<html><body>404 - File or directory not found.</body></html>"
    line.send(head(404, len(body)) + body)
