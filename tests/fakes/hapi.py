"""A simulated FHIR server that pages searches as HAPI does by default.

It limits a page whatever `_count` says, uses its own base URL in links, pages by `_getpages`, sends a total only if
configured to, and answers a repeated search from its cache for a minute unless the request says
`Cache-Control: no-cache`.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.fakes.fault_server import Behaviour, Line, answer, status

Resource = dict[str, Any]

#: The base URL that the server reports: behind a proxy, with another path.
OWN_BASE = "http://10.0.0.5:8080/hapi/fhir"
CACHED_FOR = 60.0


@dataclass
class Hapi:
    """A behaviour for `fault_server` with records by resource type, in the order in which they are sent.

    by_code    how the parameter `code` is treated: `answered`, `ignored`, `refused` (400), or `nothing` is found
    leads_on   how many pages are sent after the first one
    beyond     the response to requests for further pages
    """

    records: Mapping[str, Sequence[Resource]]
    page_size: int = 20
    says_total: bool = False
    by_code: str = "answered"
    leads_on: int = 1_000
    beyond: Behaviour = field(default_factory=lambda: status(410))
    most_at_once: int = 0
    _searches: dict[str, list[Resource]] = field(default_factory=dict)
    _cached: dict[str, tuple[float, str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _at_once: int = 0

    def __call__(self, line: Line) -> None:
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            self._answer(line)
        finally:
            with self._lock:
                self._at_once -= 1

    def _answer(self, line: Line) -> None:
        path, _, query = line.asked.path.removeprefix("/fhir").partition("?")
        asked = dict(parse_qsl(query))
        kind, _, name = path.strip("/").partition("/")
        if "_getpages" in asked:
            self._further_page(line, asked)
        elif name:
            found = next((each for each in self.records.get(kind, ()) if each["id"] == name), None)
            (answer(found) if found else status(404))(line)
        elif "code" in asked and "_sort" not in asked and self.by_code == "refused":
            status(400)(line)
        else:
            may_cache = line.asked.headers.get("cache-control") != "no-cache"
            self._page(line, kind, self._search(f"{kind}?{query}", kind, asked, may_cache), 0)

    def _search(self, url: str, kind: str, asked: Mapping[str, str], may_cache: bool) -> str:
        """Return the id of a search, a cached one if that is allowed, else a new one."""
        with self._lock:
            since, known = self._cached.get(url, (float("-inf"), ""))
            if may_cache and time.monotonic() - since < CACHED_FOR:
                return known
            name = f"{kind.lower()}-{len(self._searches)}"
            self._searches[name] = [each for each in self.records.get(kind, ()) if self._is_meant(each, asked)]
            self._cached[url] = (time.monotonic(), name)
            return name

    def _is_meant(self, resource: Resource, asked: Mapping[str, str]) -> bool:
        if "code" not in asked or self.by_code == "ignored":
            return True
        if self.by_code == "nothing" and "_sort" not in asked:
            return False
        return any(_fits(token, coding) for token in _tokens(asked["code"]) for coding in resource["code"]["coding"])

    def _further_page(self, line: Line, asked: Mapping[str, str]) -> None:
        number = int(asked["_getpagesoffset"]) // self.page_size
        if number > self.leads_on or asked["_getpages"] not in self._searches:
            self.beyond(line)
        else:
            self._page(line, "", asked["_getpages"], int(asked["_getpagesoffset"]))

    def _page(self, line: Line, kind: str, search: str, offset: int) -> None:
        found = self._searches[search]
        own = f"{OWN_BASE}/{kind}?patient=p1" if kind else f"{OWN_BASE}?_getpages={search}"
        links = [{"relation": "self", "url": own}]
        if (further := offset + self.page_size) < len(found):
            onward = {"_getpages": search, "_getpagesoffset": further, "_count": self.page_size}
            links.append({"relation": "next", "url": f"{OWN_BASE}?{urlencode(onward)}&_bundletype=searchset"})
        entries = [{"resource": each, "search": {"mode": "match"}} for each in found[offset:further]]
        bundle = {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries}
        answer(bundle | ({"total": len(found)} if self.says_total else {}))(line)


def _tokens(value: str) -> list[tuple[str | None, str]]:
    """Return system (None for any) and code of each token of a search value."""
    found = []
    for token in re.split(r"(?<!\\),", value):
        *system, code = (re.sub(r"\\(.)", r"\1", part) for part in re.split(r"(?<!\\)\|", token))
        found.append((system[0] if system else None, code))
    return found


def _fits(token: tuple[str | None, str], coding: Mapping[str, str]) -> bool:
    system, code = token
    return coding.get("code") == code and system in (None, coding.get("system", ""))
