"""SQL over the views: one row for every patient, and the counts. Plain enough for any engine: texts are compared."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from cards.knowledge.limits import first_above
from cards.knowledge.rules import Rules
from cards.quantity import plain
from cds_service.offline.screening.sql.views import codes_of

#: The questions of the row of a patient, beside `patient`: 1, 0, or NULL where it is not asked.
QUESTIONS = ("rls", "adult", "assessed", "low", "on_iron", "on_dopaminergic", "low_without_iron", "not_assessed_on_da")
#: The columns of a row that are no question.
VALUES = ("ferritin", "ferritin_taken")
_DIAGNOSES = {"rls": ("rls", "rls-in-pregnancy")}
_TAKEN_OUT = ("overload", "hereditary-overload", "probable-overload", "polycythaemia-vera", "esrd")
_DOPAMINERGIC = ("drug-da", "drug-levodopa", "drug-ergot")
_IRON = ("drug-iron-oral", "drug-iron-iv")

_PATIENTS = """\
WITH codes (concept, system, code) AS (
  VALUES
{codes}
),
diagnosed AS (
  SELECT DISTINCT c.patient, k.concept
  FROM rls_condition c
  JOIN codes k ON k.system = c.system AND k.code = c.code
  WHERE COALESCE(c.verification, 'confirmed') NOT IN ('refuted', 'entered-in-error')
    AND COALESCE(c.clinical_status, 'active') NOT IN ('inactive', 'remission', 'resolved')
),
ferritins AS (
  SELECT DISTINCT l.patient, l.taken, l.value
  FROM rls_lab l
  JOIN codes k ON k.system = l.system AND k.code = l.code AND k.concept = 'ferritin'
  WHERE l.status IN ('final', 'amended', 'corrected')
    AND l.unit IN ('ng/mL', 'ug/L', 'mcg/L', 'µg/L', 'μg/L')
    AND l.comparator IS NULL
    AND l.value IS NOT NULL
    AND SUBSTR(l.taken, 1, 10) BETWEEN '{oldest}' AND '{today}'
),
newest AS (
  SELECT f.patient, MAX(CAST(f.value AS DECIMAL(18, 4))) AS ferritin, SUBSTR(MAX(f.taken), 1, 10) AS taken
  FROM ferritins f
  JOIN (SELECT patient, MAX(taken) AS taken FROM ferritins GROUP BY patient) m
    ON m.patient = f.patient AND m.taken = f.taken
  GROUP BY f.patient
),
drugs AS (
  SELECT DISTINCT m.patient, k.concept
  FROM rls_medication m
  JOIN codes k ON k.system = m.system AND k.code = m.code
  WHERE m.status = 'active'
),
people AS (
  SELECT DISTINCT
    p.id AS patient,
    CASE WHEN d.patient IS NULL THEN 0 ELSE 1 END AS rls,
    CASE WHEN p.birth_date IS NULL THEN NULL WHEN p.birth_date <= '{adult}' THEN 1 ELSE 0 END AS adult,
    CASE WHEN n.patient IS NULL THEN 0 ELSE 1 END AS assessed,
    CASE WHEN n.ferritin <= {low} THEN 1 ELSE 0 END AS low,
    n.ferritin,
    n.taken AS ferritin_taken,
    CASE WHEN i.patient IS NULL THEN 0 ELSE 1 END AS on_iron,
    CASE WHEN a.patient IS NULL THEN 0 ELSE 1 END AS on_dopaminergic,
    CASE WHEN o.patient IS NULL THEN 0 ELSE 1 END AS taken_out,
    CASE WHEN s.patient IS NULL THEN 0 ELSE 1 END AS parkinsonism
  FROM rls_patient p
  LEFT JOIN diagnosed d ON d.patient = p.id AND d.concept = 'rls'
  LEFT JOIN newest n ON n.patient = p.id
  LEFT JOIN drugs i ON i.patient = p.id AND i.concept = 'iron'
  LEFT JOIN drugs a ON a.patient = p.id AND a.concept = 'dopaminergic'
  LEFT JOIN diagnosed o ON o.patient = p.id AND o.concept = 'taken-out'
  LEFT JOIN diagnosed s ON s.patient = p.id AND s.concept = 'parkinsonism'
),
answers AS (
  SELECT
    patient,
    rls,
    adult,
    CASE WHEN rls = 1 AND adult = 1 THEN assessed END AS assessed,
    CASE WHEN rls = 1 AND adult = 1 AND assessed = 1 THEN low END AS low,
    CASE WHEN rls = 1 AND adult = 1 THEN ferritin END AS ferritin,
    CASE WHEN rls = 1 AND adult = 1 THEN ferritin_taken END AS ferritin_taken,
    CASE WHEN rls = 1 AND adult = 1 THEN on_iron END AS on_iron,
    CASE WHEN rls = 1 AND adult = 1 THEN on_dopaminergic END AS on_dopaminergic,
    CASE WHEN rls = 1 AND adult = 1 AND assessed = 1 AND low = 1 AND taken_out = 0 THEN 1 - on_iron
      END AS low_without_iron,
    CASE WHEN rls = 1 AND adult = 1 AND on_dopaminergic = 1 AND parkinsonism = 0 THEN 1 - assessed
      END AS not_assessed_on_da
  FROM people
)
"""


_BY_PATIENT = "SELECT * FROM answers ORDER BY patient\n"
_NEXT_COLUMN = ",\n  "


def rls_codes() -> frozenset[tuple[str, str]]:
    """Return the codes by which the SQL finds restless legs syndrome, as (system, code)."""
    return frozenset(code for name in _DIAGNOSES["rls"] for code in codes_of(name))


def patients_sql(rules: Rules, today: date) -> str:
    """Return the query for one row a patient, in the order of their ids; limits are those of the rules."""
    return "".join((_answers(rules, today), _BY_PATIENT))


def counts_sql(rules: Rules, today: date) -> str:
    """Return the query for the counts: of all patients, of those with restless legs syndrome, and of the measures."""
    parts = ["COUNT(*) AS patients", *(f"SUM({name}) AS {name}" for name in QUESTIONS)]
    parts += [f"COUNT({name}) AS of_{name}" for name in ("assessed", "low_without_iron", "not_assessed_on_da")]
    return "\n".join((f"{_answers(rules, today)}SELECT", f"  {_NEXT_COLUMN.join(parts)}", "FROM answers", ""))


def _answers(rules: Rules, today: date) -> str:
    dated = rules.on(today)
    fresh = int(dated.limit("fresh_days").value)
    return _PATIENTS.format(
        codes=",\n".join(
            f"    ({_text(concept)}, {_text(system)}, {_text(code)})" for concept, system, code in _codes()
        ),
        oldest=today - timedelta(days=fresh),
        today=today,
        adult=_years_before(today, first_above(dated.limit("adult_age"))),
        low=plain(dated.limit("ferritin.low").value),
    )


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # on 29 February one turns 18 on 1 March
        return date(day.year - years, 2, 28)


def _codes() -> Iterable[tuple[str, str, str]]:
    groups = {
        **_DIAGNOSES,
        "taken-out": _TAKEN_OUT,
        "parkinsonism": ("parkinsonism",),
        "ferritin": ("lab-ferritin",),
        "iron": _IRON,
        "dopaminergic": _DOPAMINERGIC,
    }
    for concept, names in groups.items():
        yield from ((concept, *each) for each in sorted({code for name in names for code in codes_of(name)}))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
