"""Re-derives the iron decisions from the text of a card alone, without any code of the service.

python tests/golden/rederive.py 2026-06-15 tests/golden/*/*.json      exit code 1 where a card cannot be recomputed
"""

import json
import re
import sys
from datetime import date, timedelta
from pathlib import Path

QUANTITY = re.compile(r"(below|at most|above|at least)? ?(\d+(?:\.\d+)?) [^\s,]+(?:[^,]*, (\d{4}-\d\d-\d\d))?")
DAY, INFINITY = timedelta(days=1), float("inf")


def facts(detail):
    """What stands under *Why*, by label, with the order and the patient in words."""
    lines = re.findall(r"^- ([^:\n]+): (.+)$", detail.partition("**Why**")[2].partition("**Rule")[0], re.M)
    return {**dict(reversed(lines)), "lines": lines, "order": detail.partition("**Order:**")[2].partition("\n")[0]}


def interval(text):
    """Lowest and highest value, and the day: `below 5 ng/mL` lies under 5."""
    found = QUANTITY.match(text or "")
    if not found or "none usable" in text:
        return None
    sign, number, day = found[1], float(found[2]), found[3] and date.fromisoformat(found[3])
    low = -INFINITY if sign in ("below", "at most") else number + (1e-9 if sign == "above" else 0)
    high = INFINITY if sign in ("above", "at least") else number - (1e-9 if sign == "below" else 0)
    return low, high, day


def since(text, word="since "):
    found = re.search(word + r"(\d{4}-\d\d-\d\d)", text or "")
    return found and date.fromisoformat(found[1])


def patient_view(said, today, suspected):
    who, f, t = said["Patient"], interval(said.get("Ferritin")), interval(said.get("Transferrin saturation"))
    child, esrd, pregnant = "child" in who, "dialysis" in who, "pregnant" in who
    start, infused = since(said.get("Iron treatment")), since(said.get("Last infusion"), ", ")
    recent = infused is not None and (today - infused).days <= 56
    on_iron = "Iron treatment" in said or recent
    low = f and f[1] <= 75
    if "Overload" in said:
        return "IRONOVL", "warning" if on_iron else "info"
    if "Polycythaemia" in said:
        return "IRONPV", "warning" if on_iron else "info"
    if t and t[0] >= 45:
        return "IRONHIGHTSAT", "info" if "Iron treatment" in said and low else "warning"
    if sum(label == "Ferritin" for label, _ in said["lines"]) > 1 or (not f and not t and "TSAT" not in said):
        return "IRONCONFLICT", "info"
    drawn = f and f[2]
    stale = drawn and infused and (infused > drawn or (f[0] > 75 and (drawn - infused).days < 56))
    if not esrd and (stale or (start and (today - start).days >= 90 and drawn and (drawn - start).days < 60)):
        return "IRONRECHECK", "info"
    if not f:
        return "IRONTEST", "info"
    if suspected:
        return ("IRONLOW", "info") if low else None
    if esrd:
        if not t:
            return "IRONTESTTSAT", "info"
        if f[1] < 200 and t[1] < 20:
            return "IRONONTX" if recent else "IRONESRD", "info"
        return ("IRONESRDDISCORD", "info") if f[1] <= 100 or t[1] < 20 else None
    short = recent or (start is not None and (today - start).days < 90)
    poor, fair = bool(t) and t[1] < 20, bool(t) and t[0] >= 20
    if child and f[1] < 50:
        return ("IRONONTX", "info") if short else ("IRONCHILD", "warning")
    if child and poor:
        return "IRONCHILDTSAT", "info"
    if f[0] > 300:
        return (
            ("IRONHIGHFERR", "warning") if on_iron else ("IRONHIGHFERR", "info") if f[0] > 1000 and not child else None
        )
    if child:
        return None
    if short and (f[1] <= 100 or poor):
        return "IRONONTX", "info"
    if low:
        return "IRONLOW", "warning"
    if pregnant:
        return None
    crp = interval(said.get("C-reactive protein"))
    if poor:
        return ("IRONMIDLOWTSAT", "warning") if f[1] <= 100 else ("IRONFUNC", "info")
    if not t:
        return "IRONTESTTSAT", "info"
    if crp and crp[0] > 5 and (f[1] <= 100 or (f[1] <= 200 and crp[0] > 20)):
        return "IRONINFLAM", "info"
    if f[1] <= 100 and fair:
        return "IRONMID", "info"
    return ("IRONREPLETEONTX", "info") if on_iron else None


def cause(said, today, suspected):
    who, f, hb = said["Patient"], interval(said.get("Ferritin")), interval(said.get("Haemoglobin"))
    weeks = re.search(r"(\d+) weeks", who)
    limit = 13 if who.startswith("man") else 12
    if "pregnant" in who:
        limit = 10.5 if weeks and 14 <= int(weeks[1]) < 28 else 11
    anaemic = hb is not None and hb[1] < limit
    if not (f[1] < 30 or (anaemic and f[1] < 45)):
        return None
    urgent = anaemic or who.startswith("man") or "50 or more" in who or f[1] < 15
    return "IRONCAUSE", "info" if suspected or "pregnant" in who or not urgent else "warning"


def order(said, today, _):
    who, f, t = said["Patient"], interval(said.get("Ferritin")), interval(said.get("Transferrin saturation"))
    dose = interval(said.get("Dose"))
    small = "intravenous" not in said["order"] and dose is not None and dose[1] <= 30
    if "Overload" in said:
        return "OSIRONOVL", "warning" if small or "probable" in said["Overload"].lower() else "critical"
    if "Polycythaemia" in said:
        return "OSIRONPV", "warning"
    if t and t[0] >= 45:
        renewed = "continues" in said["advice"] and f and f[1] <= 75
        return "OSIRONTSAT45", "info" if renewed else "critical" if f and f[0] > 300 else "warning"
    if small:
        return None
    if "dialysis" in who:
        hold = (f and f[0] >= 700) or (t and t[0] >= 40)
        return ("OSIRONESRDHOLD", "warning") if hold else ("OSIRONNOLABS", "warning") if not (f and t) else None
    if not f:
        return "OSIRONNOLABS", "warning"
    if f[0] > 300:
        return "OSIRONF300", "warning"
    if "child" in who:
        low = None if t else ("OSIRONNOTSAT", "info")
        return ("OSIRONCHILDNOTLOW", "warning" if f[0] > 75 else "info") if f[0] >= 50 else low
    if f[0] > 100 and t:
        return ("OSIRONREPLETE", "warning") if t[0] >= 20 else ("OSIRONFUNC", "info")
    if f[0] > 75 and f[1] <= 100 and "intravenous" not in said["order"]:
        return "OSIRONORALMID", "info"
    return None if t else ("OSIRONNOTSAT", "info" if f[1] <= 100 else "warning")


#: Cards of an order that follow from other facts than the iron studies.
BESIDE = {"OSIRONDOSE": "Dose", "OSIRONDDI": "Interacting drug", "OSIRONDUP": "Other iron"}


def recomputed(card, today):
    """The code and indicator that follow from the text of the card; its own where they follow from a fact it names."""
    code, detail = card["source"]["topic"]["code"], card["detail"]
    said = facts(detail) | {"advice": detail.partition("**Why**")[0]}
    suspected = "suspected" in detail.lower()
    if code in BESIDE:
        return (code, card["indicator"]) if BESIDE[code] in said else None
    rule = order if code.startswith("OS") else cause if code == "IRONCAUSE" else patient_view
    return rule(said, today, suspected)


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
