"""The export as files: a Bundle to read, a Bundle to load, and a package to install.

The same rules give the same bytes: nothing here asks for the day, and the members of the archive have no time.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cards.knowledge.rules import Rules
from cards.presenting.export.addresses import BASE
from cards.presenting.export.resources import resources

Element = dict[str, Any]

PACKAGE = "rls-cds.knowledge"
_INDEXED = ("resourceType", "id", "url", "version", "kind", "type", "content")


def collection(rules: Rules, release: str) -> str:
    """Return the Bundle that holds every resource, one a line, as `rls-cds rules --format fhir` prints it."""
    entries = ({"fullUrl": _full_url(each), "resource": each} for each in resources(rules, release))
    return _bundle({"resourceType": "Bundle", "id": "rls-cds-rules", "type": "collection"}, entries)


def transaction(rules: Rules, release: str) -> str:
    """Return the Bundle that puts every resource on a server, under an id of its own, however often it is sent."""
    entries = (
        {
            "fullUrl": _full_url(each),
            "resource": each,
            "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"},
        }
        for each in resources(rules, release)
    )
    return _bundle({"resourceType": "Bundle", "type": "transaction"}, entries)


def _full_url(resource: Element) -> str:
    """Return the address of an entry, which must end with the id; that of what it defines ends with a plain name."""
    return f"{BASE}/{resource['resourceType']}/{resource['id']}"


def _bundle(head: Element, entries: Iterable[Element]) -> str:
    lines = ",\n".join(_written(entry) for entry in entries)
    return f'{_written(head)[:-1]}, "entry": [\n{lines}\n]}}'


def package(rules: Rules, release: str) -> bytes:
    """Return the export as a FHIR package: an archive of npm's form with a manifest, an index and the resources."""
    made = list(resources(rules, release))
    named = {f"{each['resourceType']}-{each['id']}.json": each for each in made}
    members = {
        "package.json": _manifest(rules, release),
        ".index.json": {"index-version": 2, "files": list(_index(named))},
        **named,
    }
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in members.items():
            written = f"{_written(content)}\n".encode()
            member = tarfile.TarInfo(f"package/{name}")
            member.size, member.mode = len(written), 0o644
            tar.addfile(member, io.BytesIO(written))
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=packed, mtime=0) as file:
        file.write(archive.getvalue())
    return packed.getvalue()


def _manifest(rules: Rules, release: str) -> Element:
    changed = max(decision.changed for decision in rules.decisions.values())
    return {
        "name": PACKAGE,
        "version": release,
        "type": "fhir.ig",
        "title": "rls-cds: decisions on restless legs syndrome",
        "description": "Plans, value sets and extensions of rls-cds, to be read. Nothing in it acts on a patient.",
        "author": "rls-cds",
        "license": "Apache-2.0",
        "canonical": BASE,
        "url": BASE,
        "date": changed.strftime("%Y%m%d000000"),
        "fhirVersions": ["4.0.1"],
        "dependencies": {"hl7.fhir.r4.core": "4.0.1"},
    }


def _index(named: Mapping[str, Element]) -> Iterator[Element]:
    for name, resource in named.items():
        said = {key: resource[key] for key in _INDEXED if isinstance(resource.get(key), str)}
        yield {"filename": name, **said}


def _written(content: Element) -> str:
    return json.dumps(content, ensure_ascii=False)
