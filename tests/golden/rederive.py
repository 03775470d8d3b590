"""Re-derives the iron decisions from the text of a card alone, without any code of the service.

python tests/golden/rederive.py 2026-06-15 tests/golden/*/*.json      exit code 1 where a card cannot be recomputed
"""

import json
import re
import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace

NUMBER = re.compile(r"(below|at most|above|at least)? ?(\d+(?:\.\d+)?) [^\s,]+(?: \((\d{4}-\d\d-\d\d))?")
#: A line about the patient: `Dose: 65 mg ...`, or a result such as `Ferritin 38 ng/mL (2026-05-20)`.
LINE = re.compile(r"^- (?:([^:\n(]+): (.+)|(.+?) ((?:(?:below|at most|above|at least) )?\d.*))$", re.M)
#: Own lists of the drugs that bind iron, of those that only hinder its uptake, and of irons.
BINDING = re.compile(
    "levothyroxine|floxacin|cycline|tegravir|levodopa|capone|penicillamine|cefdinir|dron(ic|ate)|eltrombopag|methyldopa"
    "|mycophenolate"
)
ACID = re.compile("prazole|tidine|calcium")
IRONS = re.compile("ferrous|ferric|iron|ferumoxytol")


class Interval:
    """Where a number surely lies, and its day: `below 5 ng/mL` lies under 5; what is not stated may lie anywhere."""

    def __init__(self, text):
        found = None if "none usable" in (text or "") else NUMBER.match(text or "")
        sign, number, self.day = (found[1], float(found[2]), day_in(found[3])) if found else ("", None, None)
        self.known = found is not None
        self.low = float("-inf") if not found or sign in ("below", "at most") else number + 1e-9 * (sign == "above")
        self.high = float("inf") if not found or sign in ("above", "at least") else number - 1e-9 * (sign == "below")


def day_in(text):
    found = re.search(r"\d{4}-\d\d-\d\d", text or "")
    return date.fromisoformat(found[0]) if found else None


def read(detail, today):
    """What stands under *This patient*, with the order and the advice before it."""
    who, _, told = detail.partition("**This patient**\n\n- ")[2].partition("**Rule")[0].partition("\n")
    lines = [(a or c, b or d) for a, b, c, d in LINE.findall(told)]
    said = dict(reversed(lines))
    age_of = lambda day: (today - day).days if day else None  # noqa: E731 - days ago
    card = SimpleNamespace(
        said=said, who=who, order=detail.partition("**Order:**")[2].partition("\n")[0],
        advice=detail.partition("**This patient**")[0], lines=lines, suspected="suspected, not confirmed" in detail,
        child="Child" in who, esrd="dialysis" in who, pregnant="pregnant" in who, man=who.startswith("Man"),
        age=int(re.search(r", (\d+)", who)[1]) if re.search(r", \d+", who) else 0,
        f=Interval(said.get("Ferritin")), t=Interval(said.get("Transferrin saturation (TSAT)", said.get("TSAT"))),
        crp=Interval(said.get("C-reactive protein")), hb=Interval(said.get("Haemoglobin")),
        dose=Interval(said.get("Dose")), taken=said.get("Iron treatment", ""),
        started=age_of(day_in(said.get("Iron treatment"))), infused=age_of(day_in(said.get("Last infusion"))),
    )  # fmt: skip
    card.iv = "intravenous" in card.order
    card.drawn = age_of(card.f.day)
    card.small = not card.iv and card.dose.high <= 30
    card.washout = card.infused is not None and card.infused <= 56
    card.on_iron = bool(card.taken) or card.washout
    card.short = card.washout or (card.started is not None and card.started < 90)
    results = [
        (label, day_in(words))
        for label, words in lines
        if label.startswith(("Ferritin", "Transferrin saturation", "TSAT"))
    ]
    card.conflict = any(entry[1] and results.count(entry) > 1 for entry in results)
    after_infusion = card.f.known and card.infused is not None
    too_early = after_infusion and (card.drawn > card.infused or (card.f.low > 75 and card.infused - card.drawn < 56))
    oral = card.started is not None and card.started >= 90
    card.recheck = too_early or (oral and card.f.known and card.started - card.drawn < 60)
    return card


#: The table of patient-view: the first row that holds, with the card and its indicator.
STATUS = (
    (lambda c: "Overload" in c.said, "IRONOVL", lambda c: c.on_iron),
    (lambda c: "Polycythaemia" in c.said, "IRONPV", lambda c: c.on_iron),
    (lambda c: c.t.low >= 45, "IRONHIGHTSAT", lambda c: not (c.taken and c.f.high <= 75 and c.t.high < 70)),
    (lambda c: c.conflict, "IRONCONFLICT", False),
    (lambda c: c.recheck and not c.esrd, "IRONRECHECK", False),
    (lambda c: not c.f.known, "IRONTEST", False),
    (lambda c: c.suspected, lambda c: "IRONLOW" if c.f.high <= 75 else None, False),
    (lambda c: c.esrd and not c.t.known, "IRONTESTTSAT", False),
    (lambda c: c.esrd and c.f.high < 200 and c.t.high < 20 and c.washout, "IRONONTX", False),
    (lambda c: c.esrd and c.f.high < 200 and c.t.high < 20, "IRONESRD", False),
    (lambda c: c.esrd, lambda c: "IRONESRDDISCORD" if c.f.high <= 100 or c.t.high < 20 else None, False),
    (lambda c: c.child and c.f.high < 50 and c.short, "IRONONTX", False),
    (lambda c: c.child and c.f.high < 50, "IRONCHILD", True),
    (lambda c: c.child and c.t.high < 20, "IRONCHILDTSAT", False),
    (lambda c: c.f.low > 300 and c.on_iron, "IRONHIGHFERR", True),
    (lambda c: c.child, None, False),
    (lambda c: c.f.low > 300, lambda c: "IRONHIGHFERR" if c.f.low > 1000 else None, False),
    (lambda c: c.short and (c.f.high <= 100 or c.t.high < 20), "IRONONTX", False),
    (lambda c: c.f.high <= 75, "IRONLOW", True),
    (lambda c: c.pregnant, None, False),
    (lambda c: c.t.high < 20, lambda c: "IRONMIDLOWTSAT" if c.f.high <= 100 else "IRONFUNC", lambda c: c.f.high <= 100),
    (lambda c: not c.t.known, "IRONTESTTSAT", False),
    (lambda c: c.crp.low > 5 and c.f.high <= (200 if c.crp.low > 20 else 100), "IRONINFLAM", False),
    (lambda c: c.f.high <= 100, "IRONMID", False),
    (lambda c: c.on_iron, "IRONREPLETEONTX", False),
)
#: The table of an order's fit to the iron studies.
ORDER = (
    (lambda c: "Overload" in c.said, "OSIRONOVL", lambda c: c.small or "probable" in c.said["Overload"] or "critical"),
    (lambda c: "Polycythaemia" in c.said, "OSIRONPV", True),
    (lambda c: c.t.low >= 45 and c.f.low > 300, "OSIRONTSAT45", "critical"),
    (
        lambda c: c.t.low >= 45,
        "OSIRONTSAT45",
        lambda c: not ("Continue the iron" in c.advice and c.f.high <= 75 and c.t.high < 70),
    ),
    (lambda c: c.small, None, False),
    (lambda c: c.esrd and (c.f.low >= 700 or c.t.low >= 40), "OSIRONESRDHOLD", True),
    (lambda c: not c.f.known or (c.esrd and not c.t.known), "OSIRONNOLABS", True),
    (lambda c: c.esrd, None, False),
    (lambda c: c.f.low > 300, "OSIRONF300", True),
    (lambda c: c.child and c.f.low >= 50, "OSIRONCHILDNOTLOW", lambda c: c.f.low > 75),
    (lambda c: c.child and c.t.known, None, False),
    (lambda c: c.f.low > 100 and c.t.low >= 20, "OSIRONREPLETE", True),
    (lambda c: c.f.low > 100 and c.t.high < 20, "OSIRONFUNC", False),
    (lambda c: not c.t.known, "OSIRONNOTSAT", lambda c: c.f.low > 100),
    (lambda c: c.f.low > 75 and c.f.high <= 100 and not c.iv, "OSIRONORALMID", False),
)
_PER_KG = re.compile(r"body weight (\d+(?:\.\d+)?) kg")


def weighed(c):
    found = _PER_KG.search(c.said.get("Dose", ""))
    return float(found[1]) if found else None


#: What stands beside the fit: the dose, drugs that bind iron, a second iron, and the search for a cause.
DOSE = (
    (lambda c: c.iv or not c.dose.known, None, False),
    (lambda c: c.child and weighed(c) and c.dose.low > 6 * weighed(c), "OSIRONDOSE", True),
    (lambda c: c.child and not weighed(c), "OSIRONDOSE", lambda c: c.dose.low > 200),
    (lambda c: c.dose.low > 130, "OSIRONDOSE", lambda c: c.dose.low > 200),
)
INTERACTION = (
    (lambda c: c.iv or not named(c, "Interacting drug", BINDING), None, False),
    (lambda c: not named(c, "Interacting drug", BINDING, ACID, every=True), None, False),
    (lambda c: True, "OSIRONDDI", False),
)
DUPLICATE = (
    (lambda c: c.iv and c.infused is not None and 14 < c.infused <= 56 and not c.esrd, "OSIRONDUP", True),
    (lambda c: not c.small and named(c, "Other iron", IRONS), "OSIRONDUP", False),
)
CAUSE = (
    (lambda c: not (c.f.high < 30 or (anaemic(c) and c.f.high < 45)), None, False),
    (lambda c: c.suspected or c.pregnant, "IRONCAUSE", False),
    (lambda c: True, "IRONCAUSE", lambda c: anaemic(c) or c.man or c.age >= 50 or c.f.high < 15),
)
BESIDE = {"OSIRONDOSE": DOSE, "OSIRONDDI": INTERACTION, "OSIRONDUP": DUPLICATE, "IRONCAUSE": CAUSE}


def named(c, label, *lists, every=False):
    """One line of this label, or every one, names a drug of these lists."""
    found = [any(known.search(words.lower()) for known in lists) for name, words in c.lines if name == label]
    return all(found) if every else any(found)


def anaemic(c):
    weeks = re.search(r"(\d+) weeks", c.who)
    pregnant = 10.5 if weeks and 14 <= int(weeks[1]) < 28 else 11
    return c.hb.high < (pregnant if c.pregnant else 13 if c.man else 12)


def recomputed(card, today):
    """The code and indicator that follow from the text of the card; None where no card follows."""
    code = card["source"]["topic"]["code"]
    told = read(card["detail"], today)
    for holds, found, urgent in BESIDE.get(code) or (ORDER if code.startswith("OS") else STATUS):
        if holds(told):
            found, urgent = (each(told) if callable(each) else each for each in (found, urgent))
            return found and (found, urgent if isinstance(urgent, str) else "warning" if urgent else "info")
    return None


def main(arguments):
    today, wrong = date.fromisoformat(arguments[0]), 0
    for name in arguments[1:]:
        for card in json.loads(Path(name).read_text(encoding="utf-8"))["cards"]:
            code, indicator = card["source"]["topic"]["code"], card["indicator"]
            if code.startswith(("IRON", "OSIRON")) and recomputed(card, today) != (code, indicator):
                wrong += 1
                print(f"{name}: {code} {indicator}, but its text says {recomputed(card, today)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
