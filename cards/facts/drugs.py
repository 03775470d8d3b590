"""What a patient takes: products, the dose of a day, and the orders, statements and administrations of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from decimal import Decimal
from operator import attrgetter

from cards.dates import PartialDate
from cards.values import frozen

_INGREDIENT = attrgetter("ingredient")


@frozen
class Amount:
    """One ingredient of a product with what one dose unit (tablet, capsule, mL, patch) holds, in mg.

    `mg` is what the label names (for iron salts the salt, not the iron); `international_units` for vitamin D.
    `None` means it is not known.
    """

    ingredient: str
    mg: Decimal | None = None
    international_units: Decimal | None = None
    #: the iron in one dose unit, where the label states it beside the salt
    elemental_iron_mg: Decimal | None = None


@frozen
class Product:
    """A drug product, known by its active ingredients (names of cards/drugs/ingredients.toml).

    `classes` are names of drug value sets such as iron-oral, iron-iv, chelator; they follow from ingredients,
    route and product, so that an oral contraceptive with ferrous fumarate is never of class iron-oral.
    """

    ingredients: tuple[Amount, ...]
    classes: frozenset[str]
    name: str  # a name from our own tables; the only drug text a card may print
    route: str = ""  # oral, iv, im, transdermal, inhaled, topical ... or "" where unknown
    form: str = ""
    extended_release: bool = False
    unverified: bool = False

    def ingredient_names(self) -> frozenset[str]:
        """Return the names of the active ingredients."""
        return frozenset(map(_INGREDIENT, self.ingredients))


@frozen
class DailyDose:
    """The amount of each ingredient per day: mg as labelled, elemental mg for iron, IU for vitamin D.

    An ingredient that is absent, or `None`, could not be read; it is never taken for zero. Iron is that of a day on
    which it is taken: `iron_every_day` false means that there are others.

    fullest_mg      mg of the fullest day, for what is judged by it; the mean of a week is `mg`
    least_mg        mg that a day on which it is taken brings at least: one intake where a day cannot be told
    fullest_units   IU of the fullest day, for print; the mean of a week is `international_units`
    after_dialysis  every dose is given after dialysis, by the words of the directions
    """

    mg: Mapping[str, Decimal | None] = field(default_factory=dict)
    fullest_mg: Mapping[str, Decimal | None] = field(default_factory=dict)
    least_mg: Mapping[str, Decimal | None] = field(default_factory=dict)
    after_dialysis: bool = False
    international_units: Mapping[str, Decimal | None] = field(default_factory=dict)
    fullest_units: Mapping[str, Decimal | None] = field(default_factory=dict)
    elemental_iron_mg: Decimal | None = None  # of the fullest day, never the mean of a week
    least_iron_mg: Decimal | None = None  # elemental; as `least_mg`
    iron_every_day: bool = True
    #: false where the iron salt is not known, so that OS-IRON-DOSE does not fire on a guess
    iron_salt_known: bool = True


@frozen
class Reasons:
    """Why a drug is given; `readable` means that at least one reason is a known diagnosis or symptom.

    `in_words` holds what words alone name among heart failure and chronic kidney disease; no rule takes it for coded.
    """

    concepts: frozenset[str] = frozenset()
    readable: bool = False
    symptoms_only: bool = False
    rls_in_words_only: bool = False
    in_words: frozenset[str] = frozenset()

    @property
    def name_rls(self) -> bool:
        return "rls" in self.concepts

    @property
    def name_another_indication(self) -> bool:
        """Return whether the reasons are readable and name neither RLS nor symptoms alone (clinical rationale 3)."""
        return self.readable and not self.name_rls and not self.rls_in_words_only and not self.symptoms_only


@frozen
class Drug:
    """One order, statement or administration of one product."""

    product: Product
    reference: str = ""
    status: str = ""
    active: bool = False
    given_on: PartialDate | None = None  # for an infusion: the last time it was given, or may have been
    may_go_on: bool = False  # no end is recorded, so that `given_on` reaches to today
    planned_on: PartialDate | None = None  # for an infusion: when it is ordered for, if that lies ahead
    start: PartialDate | None = None
    end: PartialDate | None = None
    daily: DailyDose | None = None
    reasons: Reasons = Reasons()
    one_dose: bool = False
    inpatient: bool = False
    replaces: frozenset[str] = frozenset()  # references this order supersedes
    based_on: frozenset[str] = frozenset()  # those among them of which this is one instance
    dispensed: bool = False  # handed out, whoever ordered it
    cut_short: bool = False  # it has more instructions, or longer directions, than are judged
    #: an order of the basket ends it, replaces it or is the order of which it is an instance: not taken beside others
    set_aside: bool = False

    @property
    def goes_on(self) -> bool:
        """Return whether it is active, and will be when the basket is signed."""
        return self.active and not self.set_aside

    def has(self, *classes: str) -> bool:
        """Return whether the product belongs to any of these drug classes."""
        return not self.product.classes.isdisjoint(classes)
