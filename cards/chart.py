"""What is known of one patient at one moment: the only thing a decision sees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from cards.moment import Moment
from cards.quantity import Quantity


class Listing(StrEnum):
    """How far a list of the chart can be trusted. Empty and not known are never the same."""

    COMPLETE = "complete"
    CUT = "cut"  # a page is missing: what is in it is true, what is not in it may still exist
    NOT_KNOWN = "not known"  # could not be read at all


#: The lists of a chart, by the prefetch key that fills them.
LISTS = ("patient", "conditions", "labs", "medications", "allergies", "procedures", "orders")


@dataclass(frozen=True, slots=True)
class Person:
    """The patient. `sex` is female, male, other or unknown; `birth` may be a year or a month only."""

    birth: Moment | None = None
    sex: str = "unknown"
    deceased: bool = False

    def age_on(self, day: date) -> int | None:
        """Completed years on `day`; for a birth date of less precision the youngest age it allows."""
        if self.birth is None:
            return None
        born = self.birth.last
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


class Certainty(StrEnum):
    CONFIRMED = "confirmed"
    SUSPECTED = "suspected"  # provisional, differential, unconfirmed, or known from words alone


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A diagnosis the chart carries, by the names of the value sets it belongs to (file names in cards/valuesets).

    `counts` says whether it is present by clinical page 0.2; a resolved one is kept because some rules
    (hereditary overload) count it. `cleared` means refuted or entered in error: it counts for nothing.
    """

    concepts: frozenset[str]
    counts: bool
    certainty: Certainty = Certainty.CONFIRMED
    cleared: bool = False
    onset: Moment | None = None
    recorded: Moment | None = None
    abated: Moment | None = None
    from_encounter: bool = False
    reference: str = ""
    code: str = ""  # the code that was recognised, as system|code, for evidence and never for a card
    unverified: bool = False


@dataclass(frozen=True, slots=True)
class LabResult:
    """A result that may be compared: final, dated, in the analyte's canonical unit, rounded as it is shown.

    `how`: reported, converted (another unit was reported, see `reported`) or calculated (see `parts`).
    """

    analyte: str
    quantity: Quantity
    when: Moment
    status: str = "final"
    how: str = "reported"
    reported: Quantity | None = None
    parts: tuple[LabResult, ...] = ()
    reference: str = ""
    issued: datetime | None = None
    low_priority: bool = False
    raw: Quantity | None = None  # before an assay factor, where one applies
    exact: Decimal | None = field(default=None, compare=False)  # `quantity` before it was rounded, where known
    unverified: bool = False  # every code by which it was recognised still awaits verification; likewise below


@dataclass(frozen=True, slots=True)
class UnusableResult:
    """A result that exists and must not be compared. `why` is a key of cards/reading/reasons.toml."""

    analyte: str
    why: str
    when: Moment | None = None
    quantity: Quantity | None = None  # only where it can be named safely (preliminary, stale, implausible)
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Amount:
    """One ingredient of a product with what one dose unit (tablet, capsule, mL, patch) holds, in mg.

    `mg` is what the label names (for iron salts the salt, not the iron); `international_units` for vitamin D.
    `None` means it cannot be told.
    """

    ingredient: str
    mg: Decimal | None = None
    international_units: Decimal | None = None
    #: the iron in one dose unit, where the label states it beside the salt
    elemental_iron_mg: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """A drug product, known by its active ingredients (names of cards/drugs/ingredients.toml).

    `classes` are names of drug value sets such as iron-oral, iron-iv, chelator; they follow from ingredients,
    route and product, so that an oral contraceptive with ferrous fumarate is never of class iron-oral.
    """

    ingredients: tuple[Amount, ...]
    classes: frozenset[str]
    name: str  # our own words for it, made from our tables; the only drug text a card may print
    route: str = ""  # oral, iv, im, transdermal, inhaled, topical ... or "" where nothing tells
    form: str = ""
    extended_release: bool = False
    known_by: str = "code"  # code or name
    unverified: bool = False

    def ingredient_names(self) -> frozenset[str]:
        return frozenset(amount.ingredient for amount in self.ingredients)


@dataclass(frozen=True, slots=True)
class DailyDose:
    """What one day brings of each ingredient: mg as labelled, elemental mg for iron, IU for vitamin D.

    An ingredient that is absent, or `None`, could not be read; it is never taken for zero. `per_dose` is the
    same for a single administration. `most_mg` per ingredient is the upper end where the order gives a range.
    """

    mg: Mapping[str, Decimal | None] = field(default_factory=dict)
    international_units: Mapping[str, Decimal | None] = field(default_factory=dict)
    elemental_iron_mg: Decimal | None = None
    #: false where no iron salt could be told, so that OS-IRON-DOSE must not fire on a guess
    iron_salt_known: bool = True


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why a drug is given. `readable`: at least one reason could be understood as a diagnosis or symptom."""

    concepts: frozenset[str] = frozenset()
    readable: bool = False
    symptoms_only: bool = False
    rls_in_words_only: bool = False

    @property
    def name_rls(self) -> bool:
        return "rls" in self.concepts

    @property
    def name_another_indication(self) -> bool:
        """Clinical page 3: at least one reason is readable, none is RLS (coded or in words), and not symptoms alone."""
        return self.readable and not self.name_rls and not self.rls_in_words_only and not self.symptoms_only


@dataclass(frozen=True, slots=True)
class Drug:
    """One order, statement or administration of one product."""

    product: Product
    reference: str = ""
    status: str = ""
    active: bool = False
    given_on: Moment | None = None  # for an infusion: when it was given or ordered
    start: Moment | None = None
    end: Moment | None = None
    daily: DailyDose | None = None
    reasons: Reasons = Reasons()
    one_dose: bool = False
    inpatient: bool = False
    replaces: frozenset[str] = frozenset()  # references this order supersedes

    def has(self, *classes: str) -> bool:
        return not self.product.classes.isdisjoint(classes)


@dataclass(frozen=True, slots=True)
class Draft:
    """An order being signed: a drug or laboratory tests. `can_be_removed` only for status draft."""

    reference: str
    status: str = "draft"
    drug: Drug | None = None
    tests: frozenset[str] = frozenset()  # orderable names: ferritin, iron-panel, tsat, b12 ...
    can_be_removed: bool = True
    selected: bool = True
    #: position in the basket, the only way a card may point at a draft besides its product name
    number: int = 1
    unverified: bool = False  # of its tests; a drug has its own


@dataclass(frozen=True, slots=True)
class LabOrder:
    """A laboratory order already placed."""

    tests: frozenset[str]
    when: Moment | None
    active: bool
    reference: str = ""
    unverified: bool = False


@dataclass(frozen=True, slots=True)
class Allergy:
    """An allergy or intolerance to something of ours: value-set names and ingredient names, never free text."""

    concepts: frozenset[str]
    ingredients: frozenset[str] = frozenset()
    severe: bool = False  # criticality high or an anaphylactic manifestation
    reference: str = ""
    unverified: bool = False


@dataclass(frozen=True, slots=True)
class Procedure:
    concepts: frozenset[str]
    when: Moment | None
    reference: str = ""
    unverified: bool = False


@dataclass(frozen=True, slots=True)
class Measure:
    """A plain clinical measure that is not a laboratory result.

    `kind`: gestational-age (weeks), body-weight (kg), irls (points of 40), or due-date (then `day` holds it and
    `value` is zero).
    """

    kind: str
    value: Decimal
    when: Moment
    day: date | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """One patient, now. Every list says how far it can be trusted (`listing`)."""

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
    #: a selected draft names its drug by a Medication that is not at hand
    has_unknown_draft: bool = False
    listings: Mapping[str, Listing] = field(default_factory=dict)
    #: a note in the answer said that results were withheld from us
    results_withheld: bool = False
    #: resources about anybody else, left out and counted
    discarded: int = 0
    #: the first year of age to which the adult rules apply; a site may choose it (cards/site_choices.py)
    adult_age: int = 18

    def listing(self, name: str) -> Listing:
        return self.listings.get(name, Listing.NOT_KNOWN)

    def knows(self, *names: str) -> bool:
        """Every one of these lists was read to its end."""
        return all(self.listing(name) is Listing.COMPLETE for name in names)

    @property
    def age(self) -> int | None:
        return self.person.age_on(self.today)

    def diagnosed(self, *concepts: str) -> tuple[Diagnosis, ...]:
        """Diagnoses that count as present and belong to any of these value sets."""
        return tuple(d for d in self.diagnoses if d.counts and not d.concepts.isdisjoint(concepts))

    def active_drugs(self, *classes: str) -> tuple[Drug, ...]:
        return tuple(drug for drug in self.drugs if drug.active and drug.has(*classes))

    def results(self, analyte: str) -> tuple[LabResult, ...]:
        """Usable results of one analyte, newest first; of one time the higher number first, whatever their ids."""
        found = [result for result in self.labs if result.analyte == analyte]
        return tuple(sorted(found, key=lambda result: (result.when.order, result.quantity.value), reverse=True))


def references(facts: Iterable[LabResult | Diagnosis | Drug | Procedure | Allergy]) -> tuple[str, ...]:
    """The references of these facts, in order and once each."""
    return tuple(dict.fromkeys(fact.reference for fact in facts if fact.reference))
