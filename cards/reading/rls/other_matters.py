"""Which clauses beside restless legs syndrome deny, doubt or end something else, so that they say nothing of it.

`Restless legs syndrome. Denies leg pain.` and `restless legs with history of anemia` name it; `restless legs, denies`
and `restless legs, now resolved` do not. What is not clearly of something else stays beside the name (ours).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

_BREAK = re.compile(r"(\s-\s|[.;,()])")
#: More denials in one clause are not told apart.
_MOST = 4
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")

#: What is denied, looked for, past or of a relative stands behind these.
_NOT_OF_THE_PAST = (
    r"\b(?:deny|denies|rule[\s-]+out|(?:no|without|negative)\s+(?:evidence|signs?|symptoms?)\s+of"
    r"|screen(?:ing|ed)?\s+for|negative\s+for)\b|\br\s?/\s?o\b"
    r"|\bpossibly\s+(?=(?:due|secondary|related|caused|from|because|associated|triggered|worsened|induced)\b)"
)
_PAST = r"\bhistory\s+of\b|\b(?:hx|h\s?/\s?o)\b"
#: What is denied or over stands before these, or behind the first two.
_EITHER = r"\b(?:denied|rul(?:ed|es|ing)[\s-]+out)\b"
_BEHIND = r"\b(?:unlikely|excluded|resolved)\b"

#: No word of these is a matter of its own: they are said of what was named before.
_OF_THE_NAME = re.compile(
    "a|an|the|this|that|it|its|he|she|they|his|her|their|patient|pt|is|was|were|be|been|are|has|have|had|not"
    "|no|now|then|currently|today|yet|still|also|too|only|very|most|more|likely|highly|clinically|completely"
    "|fully|largely|mostly|partly|partially|almost|nearly|spontaneously|symptom|symptoms|complaint|complaints"
    "|sign|signs|diagnosis|dx|ddx|differential|condition|disease|syndrome|disorder|problem|problems|issue"
    "|episode|episodes|same|such|similar|due|to|of|for|or|and|but|felt|thought|considered|deemed|presumed"
    "|seems|appears|probably|previously|past|prior|recent|recently|last|year|years|month|months|week|weeks"
    "|day|days|ago|history|positive|negative|strong|significant|unremarkable|none|present|mild|moderate"
    "|severe|early|late|atypical|secondary|primary|idiopathic|unclear|uncertain|unknown|other|again|earlier"
    "|later|already|any|so|far|neurology|neurologist|clinic|doctor|dr|gp|physician|specialist|psychiatry|exam|study|sleep"
    "|psg|polysomnography|workup|evaluation|all|both|everything|legs?|urge|move|restlessness|discomfort|sensations?"
    "|suspicion|hypothesis|possibility|following|diagnoses|conditions|treated|cured"
)
#: Behind these stands when, by whom or by what, and no matter of its own.
_CIRCUMSTANCE = re.compile("after|as|at|by|during|following|given|in|on|per|since|until|versus|vs|when|with")


class OtherMatters:
    """The clauses that deny, doubt or end something else than what `name` finds; `kin` and `family` find relatives."""

    def __init__(self, name: re.Pattern[str], kin: str, family: str) -> None:
        self._name = name
        self._kin = re.compile(kin)
        of_family = rf"{family}|{kin}\s+(?:has|had|have|with)\b"
        self._before = re.compile(f"(?P<leads>{_NOT_OF_THE_PAST})|(?P<both>{_EITHER})|(?P<ends>{_BEHIND})")
        self._after = re.compile(
            f"(?P<leads>{of_family}|{_NOT_OF_THE_PAST}|{_PAST})|(?P<both>{_EITHER})|(?P<ends>{_BEHIND})"
        )
        self._beside = re.compile(f"{of_family}|{_NOT_OF_THE_PAST}|{_PAST}")

    def left_out(self, plain: str) -> str:
        """Return a text in lower case without what it says of other matters."""
        parts = _BREAK.split(plain)
        return "".join(self._kept(parts)) if self._name.search(plain) else plain

    def _kept(self, parts: list[str]) -> Iterator[str]:
        named = [n for n in range(0, len(parts), 2) if self._name.search(parts[n])]
        for n in range(0, len(parts), 2):
            sign = parts[n - 1] if n else ""
            if n in named:
                yield sign + self._without_end(parts[n])
            elif n > named[0]:
                yield "" if self._is_of_another(parts[n], self._after) else sign + parts[n]
            else:
                is_over = "." in parts[n : named[0]] and ":" not in parts[n]
                yield sign + ("" if is_over and self._is_of_another(parts[n], self._before) else parts[n])

    def _without_end(self, clause: str) -> str:
        """The clause that holds the name, without `with history of anemia` behind it."""
        *_, last = self._name.finditer(clause)
        found = self._beside.search(clause, last.end())
        return clause[: found.start()] if found and self._is_a_matter(clause[found.end() :]) else clause

    def _is_of_another(self, clause: str, said: re.Pattern[str]) -> bool:
        """Return whether all that is denied, doubted or over in a clause is something else, which it names."""
        found = list(islice(said.finditer(clause), _MOST + 1))
        return (
            0 < len(found) <= _MOST
            and "?" not in clause
            and all(
                (each.lastgroup != "ends" and self._is_a_matter(clause[each.end() :]))
                or (each.lastgroup != "leads" and self._has_its_matter(clause[: each.start()], clause[each.end() :]))
                for each in found
            )
        )

    def _is_a_matter(self, said: str) -> bool:
        """Return whether something of its own stands behind a denial."""
        words = _WORD.findall(self._kin.sub(" ", said))
        return not (words and _CIRCUMSTANCE.fullmatch(words[0])) and not all(map(_OF_THE_NAME.fullmatch, words))

    def _has_its_matter(self, before: str, behind: str) -> bool:
        """Return whether `anemia resolved in May` ends something of its own; `iron resolved it` ends what was named."""
        words, after = _WORD.findall(before), _WORD.findall(behind)
        if any(map(_CIRCUMSTANCE.fullmatch, words)) or (after and not _CIRCUMSTANCE.fullmatch(after[0])):
            return False
        return self._is_a_matter(before)
