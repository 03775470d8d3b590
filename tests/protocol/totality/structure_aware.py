"""Hook requests as the fixtures' clients send them, with odd values of the right kind in any place that holds one.

Every call is made from its number alone, so that one that fails can be made again.
"""

from __future__ import annotations

import copy
import random
from typing import Any

from fhir_fixtures.clients import CLIENTS, hook_request
from fhir_fixtures.loading import draft_names
from tests.builders.service import SELECT, SIGN, TODAY, VIEW
from tests.builders.versions import VERSIONS, convert
from tests.protocol.totality.odd_values import DATES, NUMBERS, NUMBERS_IN_WORDS, STRINGS, SURROGATES, TOO_LARGE
from tests.protocol.totality.places import MEMBERS, PATIENTS, Body, kind_of, leaves, resources

PATHS = {"patient-view": VIEW, "order-sign": SIGN, "order-select": SELECT}


def _shipped(hook: str, client: str, patient: int, drafts: tuple[str, ...], prefetch: str, version: str) -> Any:
    body = hook_request(client, hook, PATIENTS[patient], today=TODAY, drafts=drafts, prefetch=prefetch, fhir_server="")
    return convert(body, version)


def call(number: int) -> tuple[str, Body]:
    """(path, body) of the call of this number: a shipped request with one to seven odd values in it."""
    rng = random.Random(number)  # noqa: S311 - a test's choice
    hook, client = rng.choice(list(PATHS)), rng.choice(list(CLIENTS))
    most = 1 if client == "sandbox" else 3
    drafts = tuple(rng.sample(draft_names(), rng.randint(1, most))) if hook != "patient-view" else ()
    version = "R4" if client == "sandbox" else rng.choice((*VERSIONS, "R4"))
    patient, how = rng.randrange(len(PATIENTS)), rng.choice(("full",) * 8 + ("half", "cut"))
    body = copy.deepcopy(_shipped(hook, client, patient, drafts, how, version))
    if rng.random() < 0.7:
        _put_in(rng, body)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        _make_odd(rng, body)
    return PATHS[hook], body


def _put_in(rng: random.Random, body: Body) -> None:
    """One resource gets a member of its type that it may lack, with an odd value."""
    fitting = [each for each in resources(body) if each["resourceType"] in MEMBERS]
    if fitting:
        resource = rng.choice(fitting)
        name, value = rng.choice(list(MEMBERS[resource["resourceType"]].items()))
        resource[name] = copy.deepcopy(value)
        holder, key = rng.choice([*leaves(resource[name])] or [(resource, name)])
        holder[key] = odd(rng, holder[key])


def _make_odd(rng: random.Random, body: Body) -> None:
    """One value of a resource, or of the envelope; at times every date of the resource, as one program writes them."""
    held = list(resources(body))
    found = list(leaves(rng.choice(held) if held and rng.random() < 0.9 else body))
    if not found:
        return
    holder, key = rng.choice(found)
    dates = [(other, name) for other, name in found if kind_of(other[name]) == "date"]
    if kind_of(holder[key]) == "date" and rng.random() < 0.3:
        written = rng.choice(DATES)
        for other, name in dates:
            other[name] = written
    else:
        holder[key] = odd(rng, holder[key])


def odd(rng: random.Random, value: Any) -> Any:
    """An odd value of the same kind; now and then of another, or one that no parser of JSON takes."""
    kind = kind_of(value) if rng.random() < 0.95 else rng.choice(("date", "number", "string"))
    if kind == "date":
        return rng.choice(DATES)
    if kind == "number":
        return rng.choice(rng.choice((NUMBERS,) * 16 + (NUMBERS_IN_WORDS,) * 3 + (TOO_LARGE,)))
    if kind == "string":
        return rng.choice(rng.choice((STRINGS,) * 19 + (SURROGATES,)))
    return rng.choice((None, "true", 1))
