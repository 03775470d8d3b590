"""Restless legs syndrome under its English name in a sentence of another language: denied, over, suspected or a
relative's.

`Kein Hinweis auf Restless-Legs-Syndrom` and `Mutter: Restless legs` name it no more than the English ones do (data
amendments 2). Texts are folded (`fold`). What denies or ascribes counts only where it leads to the name or follows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

#: The lists of cards/reading/words.toml.
WordLists = Mapping[str, Mapping[str, Any]]

#: What may stand between a denial and the name: evidence of it, and words without a meaning of their own.
_BETWEEN = (
    # German and Dutch
    "hinweise?|anhalt|anhaltspunkte?|nachweis|zeichen|symptome?n?|verdacht|bekanntes|manifestes|aktuell|ein|eine|eines|einen"
    "|des|das|auf|fur|von|vom|an|aanwijzing(?:en)?|tekenen|bewijs|klachten|symptomen|sprake|voor|van|op|een|het"
    # French, Spanish, Italian and Portuguese
    "|signes?|d'arguments?|arguments?|en|faveur|pour|de|du|des|d'un|un|una|le|il|o|el|evidencia|signos?|sintomas?|indicios"
    "|segn[oi]|evidenza|sintomi|sinais|sinal|di|do|del|hay|tiene|presenta"
    # the north
    "|tecken|hallpunkter|misstanke|pa|for|av|till|tegn|holdepunkt(?:er)?|mistanke|til|viitteita|merkkeja"
    # Polish
    "|cech|objawow|podejrzenia|stwierdzono"
    "|syndrome?|sindrome|maladie|malattia|ziekte|enfermedad|choroby"
)
#: What may stand between a relative and the name.
_HAS = (
    "hat|hatte|haben|mit|leidet|litt|an|unter|bekanntes?|ein|einem?|positive?|fur|von|auf|heeft|had|hebben|met|lijdt|aan"
    "|een|het|a|ont|avait|avec|souffrait|souffre|de|du|d'un|un|una|tiene|tenia|con|padece|ha|aveva|soffre|di|da|tem|com|har"
    "|hade|havde|hadde|med|av|af|for|pa|on|ollut|ma|miala?|z|has|of"
)
#: `V.a.` is German for "suspicion of", `Z.n.` for "state after".
_SUSPECTED = (
    r"v\.?\s?a\b\.?|v\.?\s?d\b\.?|verdacht\w*|suspect\w*|suspicion|suspicious|suspicie|suspicios\w*|probable|soupcon\w*"
    r"|suspectee?|verdenking|vermoeden|sospech\w*|sospett\w*|suspeit\w*|misstank\w*|mistank\w*|mistenk\w*|epailty|epaily"
    r"|podejrzenie|fraglich\w*|mogliche[sn]?"
)
_ON = "auf|ein|eines?|van|op|een|het|of|for|de|d'un|un|di|una|do|om|pa|for|av|till?"
_PAST = (
    r"z\.?\s?n\b\.?|zustand\s+nach|antecedents?\s+(?:de|d'un)|antecedentes?\s+de|tidigare|tidligere|eerdere?|aiempi"
    r"|przebyty"
)
_NAME_GOES_ON = r"(?:\s*syndr\w*|\s+(?:disease|sykdom|sjukdom|sygdom|oireyhtyma))?\)?"
_IS = r"(?:[\s:,(]+(?:ist|wurde|war|est|a|ete|is|werd|es|fue|e|stato|foi|ar|har|er|blev|ble)\b)*[\s:,(]+"
#: Denied behind the name, as a whole word at the end of what is said: `exclude iron deficiency` denies something else.
_DENIED_BEHIND = (
    "ausgeschlossen|verneint|unwahrscheinlich|exclue?s?|uitgesloten|ontkend|descartad[oa]s?|esclus[oaie]|excluid[oa]s?"
    "|uteslut(?:en|et|na)|udelukket|utelukket|poissuljettu|suljettu pois|wykluczon[oyae]"
)
#: Verbs before the name that deny it. A participle there may end something else (`Neuropathie ausgeschlossen - ...`).
_DENIES = "niega|nega|ontkent|descarta|zaprzecza"
#: `laut Mutter: Restless legs` is said of the patient.
_REPORTED_BY = (
    "per|by|to|from|laut|laut der|laut ihrer|laut seiner|von|von der|selon|selon la|selon sa|volgens|volgens de|segun"
    "|segun la|secondo|secondo la|segundo a|enligt|ifolge"
)
_IN = "bei|hos|chez|bij|in|i|der|ihrer|seiner|de|sa|haar|zijn|en|la|su|nella|di|na"
_THE_FAMILY = "famil(?:ie|jen|ien|ia)|famille|famiglia|slakten|slekten"
#: Words of the lists that mean more in English: `syn` is a synonym, `mere RLS` no mother, `not for` no denial.
_NO_KIN = {"syn", "mere"}
_MERE = ("mere:", "sa mere", "la mere")
#: Where these stand, what a relative tells or has is the patient's as well: `Fremdanamnese Ehefrau: Restless legs`.
_OF_THE_PATIENT = re.compile(r"\b(?:patient\w*|pat\b|paciente|paziente|selbst|angaben?\b|fremdanamnese|selon)")
_LEFT_TO_ENGLISH = {"not", "nor", "never", "without", "ruled out"}


def said_elsewhere(name: str, lists: WordLists) -> re.Pattern[str]:
    """Return the pattern of each mention of `name` that is denied or over."""
    before = _any_of((*(each for each in lists["denied_before"]["words"] if "'" not in each), *_DENIES.split("|")))
    denied = (
        rf"{before}[\s:]+(?:(?:{_BETWEEN})\s+){{0,5}}{name}"
        rf"|(?:^|[;.]\s*)(?:{_DENIED_BEHIND})\s*:\s*{name}"
        rf"|{name}{_NAME_GOES_ON}{_IS}(?:{_DENIED_BEHIND})\s*(?:$|[;.,)])"
    )
    over = rf"(?<!\w)(?:{_PAST})\s+(?:(?:{_BETWEEN})\s+){{0,2}}{name}"
    return re.compile(f"{denied}|{over}")


def said_of_a_relative(name: str, lists: WordLists) -> re.Pattern[str]:
    """Return the pattern of each mention of `name` that is of a relative."""
    kin = _any_of(each for each in lists["relative"]["words"] if each not in _NO_KIN)
    beside = rf"{name}{_NAME_GOES_ON}[\s:,(]+{kin}\s*\)?\s*$"
    return re.compile(f"{_theirs(name, lists)}|{beside}")


def is_of_the_patient(folded: str) -> bool:
    """Return whether a text says that it speaks of the patient, or that somebody tells of the patient."""
    return _OF_THE_PATIENT.search(folded) is not None


def suspected(name: str) -> re.Pattern[str]:
    """Return the pattern of each mention of `name` that is only suspected; `possible` in English denies it."""
    return re.compile(
        rf"(?<!\w)(?:{_SUSPECTED})[\s:]*\s(?:(?:{_ON})\s+){{0,3}}{name}"
        rf"|{name}{_NAME_GOES_ON}[\s:,(]+(?:(?:ist|is)\s+)?(?:{_SUSPECTED})\.?\s*(?:$|[;,)])"
    )


def _theirs(name: str, lists: WordLists) -> str:
    listed = lists["relative"]
    kin = _any_of((each for each in listed["words"] if each not in _NO_KIN), (*listed["stems"], *_MERE))
    told = "".join(rf"(?<!\b{each} )" for each in _REPORTED_BY.split("|"))
    return (
        rf"{told}{kin}[\s:(]+(?:(?:{_HAS})\s+){{0,4}}{name}"
        rf"|{name}{_NAME_GOES_ON}[\s:,(]+(?:(?:{_IN})\s+){{1,3}}(?:{kin}|{_THE_FAMILY})\s*(?:$|[;.,)])"
    )


def _any_of(words: Iterable[str], stems: Iterable[str] = ()) -> str:
    """Return what finds any of these that is not left to English; a stem that ends in a letter may go on."""
    whole = [rf"{re.escape(each)}\b" for each in words if each not in _LEFT_TO_ENGLISH]
    begun = [
        re.escape(each.rstrip()) + (r"\w*" if each[-1].isalpha() else r"(?!\w)")
        for each in stems
        if each not in _LEFT_TO_ENGLISH
    ]
    return rf"(?<!\w)(?!exclusiv)(?:{'|'.join([*whole, *begun])})"
