"""What every process of a run needs to know, in a form that can be sent to it, and the knowledge made from it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from cards.knowledge.rules import BadKnowledge, Rules
from cards.presenting.card_context import ClientCapabilities
from cards.reading import Site
from cards.site.overrides import SiteSwitch, SiteThreshold, overridden, override_faults
from cds_service.config.client import Client
from cds_service.config.load import load_settings
from cds_service.config.settings import Settings
from cds_service.knowledge.load import load_knowledge, national_rules
from cds_service.knowledge.site_overrides import read_overrides
from cds_service.offline.screening.patient import Question
from cds_service.offline.screening.scope import Scope
from cds_service.offline.screening.sieve import Sieve
from cds_service.offline.screening.vocabulary import Vocabulary, vocabulary

_PLMD = "include_plmd"


class BadRecipe(ValueError):
    """An option that does not fit; the message names it, what is allowed and the next step."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What fixes the answers of a run.

    now        the moment of the answers, with a zone
    config     the settings file, or None for the national rules
    client     whose local codes the export bears; empty for the first client
    changes    `NAME=VALUE` of a what-if
    site_file  overrides of a what-if in place of the site's own, in the form of the setting `site.overrides`
    explains   findings say what they rest on, to be compared with another count
    """

    now: datetime
    config: Path | None = None
    client: str = ""
    changes: tuple[str, ...] = ()
    site_file: Path | None = None
    explains: bool = False

    @property
    def asks_what_if(self) -> bool:
        return bool(self.changes or self.site_file)


@dataclass(frozen=True, slots=True)
class Known:
    """The knowledge of a run."""

    question: Question
    vocabulary: Vocabulary
    sieve: Sieve
    scope: Scope
    max_cards: int


@lru_cache(maxsize=2)
def known_by(recipe: Recipe) -> Known:
    """Load the knowledge of a run. Raises `BadSettings`, `BadKnowledge` or `BadRecipe` with every fault."""
    settings = settings_of(recipe)
    today = recipe.now.date()
    knowledge = load_knowledge(settings, today=today)
    clients = {each.name: each for each in settings.clients or (settings.profile,)}
    name = recipe.client or next(iter(clients))
    if name not in clients:
        raise BadRecipe(f"{name} is no client; configured: {', '.join(clients)}")
    site = knowledge.sites[name]
    what_if, what_if_site = _what_if(recipe, knowledge.rules, site, today)
    zone = recipe.now.tzinfo or UTC
    with_plmd = any(each is not None and each.is_on(_PLMD) for each in (knowledge.rules, what_if))
    words = vocabulary(site, with_plmd=with_plmd)
    question = Question(
        rules=knowledge.rules,
        site=site,
        now=recipe.now,
        zone=zone,
        capabilities=_capabilities(clients[name], settings),
        explains=recipe.explains,
        what_if=what_if,
        what_if_site=what_if_site,
    )
    scope = Scope(words, site, today, zone, with_plmd=with_plmd)
    return Known(question, words, Sieve(words), scope, settings.max_cards)


def settings_of(recipe: Recipe) -> Settings:
    """Load the settings of a run from its file and the environment. Raises `BadSettings` with every fault."""
    return load_settings(recipe.config, os.environ, for_server=False)


def _capabilities(client: Client, settings: Settings) -> ClientCapabilities:
    """What decides which cards a client is shown."""
    return ClientCapabilities(
        patient_id="",
        max_cards=settings.max_cards,
        says_what_is_missing=client.missing_data == "card",
        cannot_send=client.cannot_send,
    )


def _what_if(recipe: Recipe, rules: Rules, site: Site, today: date) -> tuple[Rules | None, Site | None]:
    if not recipe.asks_what_if:
        return None, None
    changed, other_site = rules, None
    if recipe.site_file is not None:
        national = national_rules().on(today)
        overrides, faults = read_overrides(recipe.site_file, national, today)
        if faults:
            raise BadKnowledge(*faults)
        changed = overridden(national, overrides.thresholds, overrides.switches, where=recipe.site_file.name)
        other_site = replace(site, assay_factors=dict(overrides.assay_factors))
    return with_changes(changed, recipe.changes, today), other_site


def with_changes(rules: Rules, changes: Collection[str], today: date) -> Rules:
    """Return the rules with these `NAME=VALUE` in place. Raises `BadRecipe` with every fault."""
    thresholds, switches = [], []
    rules = _without_site_values(rules, (change.partition("=")[0].strip() for change in changes))
    for change in changes:
        name, sign, value = change.partition("=")
        name, value = name.strip(), value.strip()
        if not sign or not value:
            raise BadRecipe(
                f"--set {change}: expected NAME=VALUE, such as ferritin.low=50; `rls-cds rules` lists names"
            )
        if name in rules.switches:
            switches.append(SiteSwitch(name, value, rules.switches[name].default, "what if", today))
        else:
            thresholds.append(_threshold(rules, name, value, today))
    faults = override_faults(rules, thresholds, switches, where="--set")
    if faults:
        raise BadRecipe("\n".join(faults))
    return overridden(rules, thresholds, switches, where="--set")


def _without_site_values(rules: Rules, names: Iterable[str]) -> Rules:
    """Take back what the site set under these names, since a change names the national value that it replaces."""
    limits = (rules.thresholds[name] for name in names if name in rules.thresholds)
    national = {
        each.name: replace(each, value=each.national, unit=each.national_unit, national=None)
        for each in limits
        if each.national is not None
    }
    return replace(rules, thresholds={**rules.thresholds, **national})


def _threshold(rules: Rules, name: str, value: str, today: date) -> SiteThreshold:
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise BadRecipe(
            f"--set {name}={value}: the value is no number; write it with a point, such as 50 or 0.5"
        ) from None
    if not number.is_finite():
        raise BadRecipe(f"--set {name}={value}: the value is no finite number")
    known = rules.thresholds.get(name)
    return SiteThreshold(name, number, known.value if known else None, "what if", today)


def moment_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the moment at which a day is answered: its noon in the clinic's zone."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=zone)
