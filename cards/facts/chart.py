"""What is known of one patient at one moment: the only thing a decision sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from datetime import date
from enum import StrEnum
from typing import Any, Concatenate, ParamSpec, TypeVar

from cards.dates import PartialDate
from cards.facts.drugs import Drug
from cards.facts.results import LabResult, Measure, UnusableResult
from cards.values import frozen

Given = ParamSpec("Given")
Found = TypeVar("Found")


class Listing(StrEnum):
    """How far a list of the chart can be trusted; an empty list is not an unknown one."""

    COMPLETE = "complete"
    CUT = "cut"  # a page is missing: what is in it is true, what is not in it may still exist
    NOT_KNOWN = "not known"  # could not be read at all


@frozen
class Gap:
    """The reason why a list was not read to its end.

    why     a key of `[gaps]` in cards/wording/wording.toml
    status  the HTTP status of a read that failed
    read    how many entries were read before the list was cut, and `total` how many the server says there are
    """

    why: str
    status: int | None = None
    read: int | None = None
    total: int | None = None


#: The lists of a chart, by the prefetch key that fills them.
LISTS = ("patient", "conditions", "labs", "medications", "allergies", "procedures", "orders")
#: What the draft orders of a call go by among what was not read.
DRAFTS = "draftOrders"
#: Those without which no call is answered.
REQUIRED = ("patient", "conditions", "labs")


@frozen
class Person:
    """The patient. `sex` is female, male, other or unknown; `birth` may be a year or a month only.

    `birth_is_unreadable`: a birth date is there and cannot be read, so that the age may be any.
    """

    birth: PartialDate | None = None
    sex: str = "unknown"
    deceased: bool = False
    birth_is_unreadable: bool = False

    def age_on(self, day: date) -> int | None:
        """Return the completed years on `day`; for a birth date of less precision the youngest age it allows."""
        return None if self.birth is None else _years(self.birth.last, day)

    def oldest_on(self, day: date) -> int | None:
        """Return the completed years on `day`; for a birth date of less precision the oldest age it allows."""
        return None if self.birth is None else _years(self.birth.first, day)


def _years(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


class Certainty(StrEnum):
    CONFIRMED = "confirmed"
    SUSPECTED = "suspected"  # provisional, differential, unconfirmed, or known from text alone


@frozen
class Diagnosis:
    """A diagnosis the chart carries, by the names of the value sets it belongs to (file names in cards/valuesets).

    `counts` says whether it is present by clinical rationale 0.2; a resolved one is kept because some rules
    (hereditary overload) count it. `cleared` means refuted or entered in error: it counts for nothing.
    """

    concepts: frozenset[str]
    counts: bool
    certainty: Certainty = Certainty.CONFIRMED
    cleared: bool = False
    onset: PartialDate | None = None
    recorded: PartialDate | None = None
    from_encounter: bool = False
    reference: str = ""
    code: str = ""  # the code that was recognised, as system|code, for evidence and never for a card
    unverified: bool = False


@frozen
class Draft:
    """An order being signed: a drug or laboratory tests. `can_be_removed` only for status draft."""

    reference: str
    drug: Drug | None = None
    tests: frozenset[str] = frozenset()  # orderable names: ferritin, iron-panel, tsat, b12 ...
    can_be_removed: bool = True
    selected: bool = True
    #: position among the draft orders, the only way a card may point at a draft besides its product name
    number: int = 1
    unverified: bool = False  # of its tests; a drug has its own


@frozen
class LabOrder:
    """A laboratory order already placed; `completed` as the record system calls it, be there a result or not.

    `names_rls`: restless legs syndrome is its reason. `withdrawn`: it was placed, and will not be carried out; one that
    waits to be signed is neither withdrawn nor active.
    """

    tests: frozenset[str]
    when: PartialDate | None
    active: bool
    reference: str = ""
    unverified: bool = False
    completed: bool = False
    names_rls: bool = False
    withdrawn: bool = False


@frozen
class Allergy:
    """An allergy or intolerance, by value-set names and ingredient names, never by free text."""

    concepts: frozenset[str]
    ingredients: frozenset[str] = frozenset()
    severe: bool = False  # criticality high or an anaphylactic manifestation
    reference: str = ""
    unverified: bool = False


@frozen
class Procedure:
    concepts: frozenset[str]
    when: PartialDate | None
    reference: str = ""
    unverified: bool = False


@frozen
class Chart:
    """One patient at one moment. Every list says how far it can be trusted (`listing`)."""

    today: date
    person: Person = Person()
    diagnoses: tuple[Diagnosis, ...] = ()
    labs: tuple[LabResult, ...] = ()
    unusable: tuple[UnusableResult, ...] = ()
    measures: tuple[Measure, ...] = ()
    drugs: tuple[Drug, ...] = ()
    allergies: tuple[Allergy, ...] = ()
    procedures: tuple[Procedure, ...] = ()
    lab_orders: tuple[LabOrder, ...] = ()
    drafts: tuple[Draft, ...] = ()
    #: a selected draft is of an unknown drug: its Medication is not at hand, or its code or name is in no table; `gaps`
    #: names drafts that were not read
    has_unknown_draft: bool = False
    #: a draft that was not read, or whose drug is not told, states restless legs syndrome as its reason
    unknown_draft_for_rls: bool = False
    listings: Mapping[str, Listing] = field(default_factory=dict)
    #: why a list that is not complete was not read to its end, where that is known
    gaps: Mapping[str, Gap] = field(default_factory=dict)
    #: by list: the value sets (conditions) and analytes (labs) of which every entry was read although the list is cut
    answered: Mapping[str, frozenset[str]] = field(default_factory=dict)
    #: a note in the server's answer said that results were withheld
    results_withheld: bool = False
    #: the access covers the category of laboratory results and no other, such as vital signs
    laboratory_only: bool = False
    #: the number of resources about other patients, which were left out
    discarded: int = 0
    #: the first year of age to which the adult rules apply; a site may choose it (cards/site/choices.py)
    adult_age: int = 18
    _found: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    #: the lists that were read to their end, and the value sets to which some diagnosis that counts belongs
    _complete: frozenset[str] = field(init=False, repr=False, compare=False)
    _present: frozenset[str] = field(init=False, repr=False, compare=False)
    _age: int | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        complete = [name for name, listing in self.listings.items() if listing is Listing.COMPLETE]
        present = [each.concepts for each in self.diagnoses if each.counts]
        object.__setattr__(self, "_complete", frozenset(complete))
        object.__setattr__(self, "_present", frozenset[str]().union(*present))
        object.__setattr__(self, "_age", self.person.age_on(self.today))

    def once(
        self, work: Callable[Concatenate[Chart, Given], Found], *given: Given.args, **named: Given.kwargs
    ) -> Found:
        """Return what a function finds in this chart, given more that never changes; it is asked once.

        Several decisions ask the same of a chart. What is given must be hashable.
        """
        key = (work, given, *named.items()) if given or named else work
        try:
            found: Found = self._found[key]
        except KeyError:
            found = self._found[key] = work(self, *given, **named)
        return found

    def listing(self, name: str) -> Listing:
        """Return how far a list can be trusted; a list that was never read is not known."""
        return self.listings.get(name, Listing.NOT_KNOWN)

    def knows(self, *names: str) -> bool:
        """Return whether every one of these lists was read to its end."""
        return self._complete.issuperset(names)

    def is_exhaustive(self, name: str, *subjects: str) -> bool:
        """Return whether every entry about these value sets or analytes was read, be it by asking for them alone."""
        answered = self.answered.get(name, frozenset())
        return self.knows(name) or (bool(subjects) and answered.issuperset(subjects))

    @property
    def has_untold_draft(self) -> bool:
        """Return whether an order is not judged because its drug is named and cannot be told."""
        gap = self.gaps.get(DRAFTS)
        return gap is not None and gap.why == "unknown-drug"

    @property
    def age(self) -> int | None:
        """Return the age in completed years today, or None where no birth date is known."""
        return self._age

    def diagnosed(self, *concepts: str) -> tuple[Diagnosis, ...]:
        """Return the diagnoses that count as present and belong to any of these value sets."""
        if self._present.isdisjoint(concepts):
            return ()
        return tuple([each for each in self.diagnoses if each.counts and not each.concepts.isdisjoint(concepts)])

    def active_drugs(self, *classes: str) -> tuple[Drug, ...]:
        """Return the active drugs that belong to any of these classes."""
        return tuple([each for each in self.drugs if each.active and not each.product.classes.isdisjoint(classes)])

    def drugs_that_go_on(self, *classes: str) -> tuple[Drug, ...]:
        """Return the active drugs of these classes that no order of the basket ends or replaces."""
        return tuple([drug for drug in self.active_drugs(*classes) if not drug.set_aside])

    def results(self, analyte: str) -> tuple[LabResult, ...]:
        """Return the usable results of one analyte, newest first; of one time the higher number first."""
        return self.once(_results_by_analyte).get(analyte, ())


def _results_by_analyte(chart: Chart) -> Mapping[str, tuple[LabResult, ...]]:
    newest_first = sorted(chart.labs, key=lambda result: (result.when.order, result.quantity.value), reverse=True)
    found: dict[str, list[LabResult]] = {}
    for result in newest_first:
        found.setdefault(result.analyte, []).append(result)
    return {analyte: tuple(results) for analyte, results in found.items()}


def references(facts: Iterable[LabResult | Diagnosis | Drug | Procedure | Allergy]) -> tuple[str, ...]:
    """Return the references of these facts, in order and without duplicates."""
    return tuple(dict.fromkeys(fact.reference for fact in facts if fact.reference))
