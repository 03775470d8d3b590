"""The page on which a rule is tried: from its form to everything it shows."""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any

import orjson

from cards.reading import read_chart, unwrap
from cds_service.call import Desk
from cds_service.console.chart_view import ChartView, chart_view
from cds_service.console.charts import Samples
from cds_service.console.lab_edits import LabField, change_labs, lab_fields
from cds_service.console.material import Material, NotUsable, body_of, from_bundle, from_file
from cds_service.console.trial import Trial, try_service
from cds_service.errors import Refusal
from cds_service.services import BY_ID, SERVICES, Service
from cds_service.store import NoStore

#: `patient` of the form where the data is a dropped file.
FILE = "file"
#: A request longer than this is shown by its beginning, and its curl reads it from a file.
LONGEST_SHOWN = 200_000
_LAB = re.compile(r"lab\.([0-9]{1,5})")
#: Days that can be tried; a day of another century is a slip of the finger.
DAYS = (date(2000, 1, 1), date(2099, 12, 31))
_WRONG_DAY = f"As of is no day from {DAYS[0]} to {DAYS[1]}. Choose one of these, or today."
_NOT_UTF8 = "This file is not text in UTF-8 (perhaps Latin-1 or UTF-16). Save it as UTF-8 and drop it in again."
_EMPTY = "This file is empty. Choose another one, or a synthetic patient."
_DAY = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Form:
    """What was asked. `data` is the text of a dropped file, `is_new` where it came just now; `labs` are the typed
    values by place; they and the drafts hold only for the patient that `of` names. `faults` say why it cannot be
    answered: nothing else is then."""

    patient: str
    service: str = "rls-patient-view"
    data: str = ""
    drafts: tuple[str, ...] = ()
    as_of: date | None = None
    labs: Mapping[int, str] | None = None
    of: str = ""
    is_new: bool = False
    faults: tuple[str, ...] = ()

    @property
    def about(self) -> str:
        """Names the patient and the data, whatever a browser makes of its line ends: typed values for another are not
        used."""
        if self.patient != FILE:
            return self.patient
        return f"file-{hashlib.sha256(''.join(self.data.split()).encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class TryView:
    """What the page shows. `problem` says why there is no trial; `what_if`: tried on another day, not recorded."""

    form: Form
    service: Service
    title: str
    shows: str
    as_of: date
    today: date
    what_if: bool
    problem: tuple[str, ...] = ()
    trial: Trial | None = None
    chart: ChartView | None = None
    fields: tuple[LabField, ...] = ()
    wrong: tuple[int, ...] = ()
    request: str = ""
    request_is_cut: bool = False
    response: str = ""
    curl: str = ""


def read_form(values: Any, uploaded: bytes | None, first: str) -> Form:
    """The form out of the fields of a request (a werkzeug MultiDict); `first` is the patient where none is named."""
    labs = {int(found[1]): text for key, text in values.items() if (found := _LAB.fullmatch(key))}
    data, faults = (values.get("data", ""), ()) if uploaded is None else _text(uploaded)
    as_of, wrong = _day(values.get("as_of"))
    patient = FILE if uploaded is not None else values.get("patient", first)
    return Form(
        patient=patient,
        service=values.get("service", "rls-patient-view"),
        data=data if patient == FILE else "",
        drafts=tuple(values.getlist("draft")),
        as_of=as_of,
        labs=labs,
        of=values.get("of", ""),
        is_new=uploaded is not None,
        faults=faults + wrong,
    )


def _text(uploaded: bytes) -> tuple[str, tuple[str, ...]]:
    """The text of a file, a byte order mark left out, and what is wrong with it."""
    try:
        text = uploaded.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "", (_NOT_UTF8,)
    return (text, ()) if text.strip() else ("", (_EMPTY,))


def _day(text: str | None) -> tuple[date | None, tuple[str, ...]]:
    """The day asked for (None: today) and what is wrong with it; it is never replaced without a word."""
    if text is None:
        return None, ()
    try:
        return (date.fromisoformat(text), ()) if _DAY.fullmatch(text) else (None, (_WRONG_DAY,))
    except ValueError:
        return None, (_WRONG_DAY,)


def try_form(form: Form, desk: Desk, samples: Samples, base: str, *, reads_servers: bool) -> TryView:
    """Answer the form. `base`: the address that the curl is written for. Raises the faults of the store."""
    now = desk.clock()
    today = now.astimezone(desk.settings.time_zone).date()
    as_of = form.as_of or today
    service = BY_ID.get(form.service, BY_ID["rls-patient-view"])
    view = TryView(form, service, *_heading(form, samples), as_of, today, what_if=as_of != today)
    if form.faults:
        return replace(view, problem=form.faults)
    try:
        material = _material(form, samples)
        if form.is_new:
            service = next((each for each in SERVICES if each.hook == material.hook), service)
            view = replace(view, service=service)
        drafts = [samples.draft(name, material.patient_id) for name in form.drafts if name in samples.drafts]
        body = body_of(material, service, drafts, desk.new_uuid())
    except Refusal as fault:
        return replace(view, problem=fault.details or (fault.text,))
    except NotUsable as fault:
        return replace(view, problem=(str(fault),))
    if not reads_servers:
        body = {key: value for key, value in body.items() if key not in ("fhirServer", "fhirAuthorization")}
    return _tried(view, body, _on_day(desk, as_of, now) if view.what_if else desk, base)


def _heading(form: Form, samples: Samples) -> tuple[str, str]:
    if form.patient == FILE:
        return (
            "Your file",
            "The file stays in this page and is kept nowhere; the cards it leads to are counted like any other",
        )
    sample = samples.patients.get(form.patient)
    return (sample.title, sample.what_it_shows) if sample else ("", "")


def _material(form: Form, samples: Samples) -> Material:
    if form.patient == FILE:
        if not form.data.strip():
            raise NotUsable("No file yet: drop one in, or choose a synthetic patient.")
        return from_file(form.data.encode())
    sample = samples.patients.get(form.patient)
    if sample is None:
        raise NotUsable("There is no synthetic patient of that name. Choose one from the list.")
    return from_bundle(sample.bundle)


def _on_day(desk: Desk, day: date, now: datetime) -> Desk:
    """The same desk at noon of another day, that keeps nothing."""
    noon = datetime.combine(day, time(12), tzinfo=desk.settings.time_zone)
    clock: Callable[[], datetime] = lambda: noon  # noqa: E731 - a clock that stands
    return replace(desk, store=NoStore(), clock=clock)


def _tried(view: TryView, body: dict[str, Any], desk: Desk, base: str) -> TryView:
    """The call itself, with the typed laboratory values put in."""
    typed = dict(view.form.labs or {}) if view.form.of == view.form.about else {}
    fields = lab_fields(body, _labs_alone(body, desk), typed)
    changed = copy.deepcopy(body)
    wrong = change_labs(changed, {field.place: field.value for field in fields})
    trial = try_service(changed, view.service, desk)
    text = orjson.dumps(changed, option=orjson.OPT_INDENT_2).decode()
    return replace(
        view,
        trial=trial,
        chart=chart_view(trial.chart, desk.rules, trial.lists) if trial.chart else None,
        fields=fields,
        wrong=wrong,
        request=text[:LONGEST_SHOWN],
        request_is_cut=len(text) > LONGEST_SHOWN,
        response=orjson.dumps(trial.response, option=orjson.OPT_INDENT_2).decode(),
        curl=curl(changed, f"{base}/cds-services/{view.service.id}"),
    )


def _labs_alone(body: Mapping[str, Any], desk: Desk) -> Any:
    """The chart of the laboratory results alone, before anything was typed."""
    prefetch = body.get("prefetch")
    labs = {"labs": unwrap(prefetch["labs"])} if isinstance(prefetch, dict) and "labs" in prefetch else {}
    patient_id = str(body["context"].get("patientId", "")).removeprefix("Patient/")
    return read_chart(labs, patient_id=patient_id, now=desk.clock(), zone=desk.settings.time_zone)


def curl(body: Mapping[str, Any], url: str) -> str:
    """The call as one line for a shell."""
    text = orjson.dumps(body).decode()
    data = "@request.json" if len(text) > LONGEST_SHOWN else text.replace("'", "'\\''")
    return f"curl -s {url} -H 'Content-Type: application/json' -d '{data}'"
