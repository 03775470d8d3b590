"""The page Try: parse its form, run the call, and gather what the page shows."""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any

import orjson

from cards.fhir.bundles import unwrap
from cards.reading import read_chart
from cds_service.calls.call import AppContext
from cds_service.console.chart_view import ChartView, chart_view
from cds_service.console.charts import Samples
from cds_service.console.dry_run import DryRun, dry_run
from cds_service.console.lab_edits import LabField, change_labs, lab_fields
from cds_service.console.uploads import PatientData, UnusableUpload, build_request, from_bundle, from_file
from cds_service.hooks.services import BY_ID, SERVICES, Service
from cds_service.store import NullStore
from cds_service.web.errors import Refusal

#: Value of the form field `patient` for an uploaded file.
FILE = "file"
#: A longer request is shown only in part, and its curl command reads it from a file.
MAX_SHOWN_LENGTH = 200_000
_LAB = re.compile(r"lab\.([0-9]{1,5})")
#: Days that can be tried; a day in another century is a typing error.
DAYS = (date(2000, 1, 1), date(2099, 12, 31))
_WRONG_DAY = f"As of is no day from {DAYS[0]} to {DAYS[1]}. Choose one of these, or today."
_NOT_UTF8 = "This file is not text in UTF-8 (perhaps Latin-1 or UTF-16). Save it as UTF-8 and drop it in again."
_EMPTY = "This file is empty. Choose another one, or a synthetic patient."
_DAY = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Form:
    """The submitted form.

    `data` is the text of an uploaded file, and `is_new` is true if this request uploaded it. `labs` are typed values
    by index, which apply only if `of` names the same patient. With `faults` the form cannot be answered.
    """

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
        """Return an identifier of the patient and the data, so that values typed for another patient are not used.

        It ignores white space, since browsers change line ends.
        """
        if self.patient != FILE:
            return self.patient
        return f"file-{hashlib.sha256(''.join(self.data.split()).encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class TryView:
    """The content of the page. `problem` says why there is no answer; `what_if`: for another day and not recorded."""

    form: Form
    service: Service
    title: str
    shows: str
    as_of: date
    today: date
    what_if: bool
    problem: tuple[str, ...] = ()
    dry_run: DryRun | None = None
    chart: ChartView | None = None
    fields: tuple[LabField, ...] = ()
    wrong: tuple[int, ...] = ()
    request: str = ""
    request_is_cut: bool = False
    response: str = ""
    curl: str = ""


def read_form(values: Any, uploaded: bytes | None, first: str) -> Form:
    """Parse the form fields of a request (a werkzeug MultiDict); `first` is the default patient."""
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
    """Return the text of a file without byte order mark, and its faults."""
    try:
        text = uploaded.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "", (_NOT_UTF8,)
    return (text, ()) if text.strip() else ("", (_EMPTY,))


def _day(text: str | None) -> tuple[date | None, tuple[str, ...]]:
    """Return the requested day (None: today) and its faults; an invalid day is never replaced silently."""
    if text is None:
        return None, ()
    try:
        return (date.fromisoformat(text), ()) if _DAY.fullmatch(text) else (None, (_WRONG_DAY,))
    except ValueError:
        return None, (_WRONG_DAY,)


def try_form(form: Form, context: AppContext, samples: Samples, base: str, *, reads_servers: bool) -> TryView:
    """Answer the form. `base` is the service address in the curl command. Raises `StoreError`."""
    now = context.clock()
    today = now.astimezone(context.settings.time_zone).date()
    as_of = form.as_of or today
    service = BY_ID.get(form.service, BY_ID["rls-patient-view"])
    view = TryView(form, service, *_heading(form, samples), as_of, today, what_if=as_of != today)
    if form.faults:
        return replace(view, problem=form.faults)
    try:
        patient_data = _patient_data(form, samples)
        if form.is_new:
            service = next((each for each in SERVICES if each.hook == patient_data.hook), service)
            view = replace(view, service=service)
        drafts = [samples.draft(name, patient_data.patient_id) for name in form.drafts if name in samples.drafts]
        body = build_request(patient_data, service, drafts, context.new_uuid())
    except Refusal as fault:
        return replace(view, problem=fault.details or (fault.text,))
    except UnusableUpload as fault:
        return replace(view, problem=(str(fault),))
    if not reads_servers:
        body = {key: value for key, value in body.items() if key not in ("fhirServer", "fhirAuthorization")}
    return _with_result(view, body, _on_day(context, as_of) if view.what_if else context, base)


def _heading(form: Form, samples: Samples) -> tuple[str, str]:
    if form.patient == FILE:
        return (
            "Your file",
            "The file stays in this page and is kept nowhere; the cards it leads to are counted like any other",
        )
    sample = samples.patients.get(form.patient)
    return (sample.title, sample.what_it_shows) if sample else ("", "")


def _patient_data(form: Form, samples: Samples) -> PatientData:
    if form.patient == FILE:
        if not form.data.strip():
            raise UnusableUpload("No file yet: drop one in, or choose a synthetic patient.")
        return from_file(form.data.encode())
    sample = samples.patients.get(form.patient)
    if sample is None:
        raise UnusableUpload("There is no synthetic patient of that name. Choose one from the list.")
    return from_bundle(sample.bundle)


def _on_day(context: AppContext, day: date) -> AppContext:
    """Return the context at noon of another day, with a store that keeps nothing."""
    noon = datetime.combine(day, time(12), tzinfo=context.settings.time_zone)
    clock: Callable[[], datetime] = lambda: noon  # noqa: E731 - a stopped clock
    return replace(context, store=NullStore(), clock=clock)


def _with_result(view: TryView, body: dict[str, Any], context: AppContext, base: str) -> TryView:
    """Run the call with the typed laboratory values."""
    typed = dict(view.form.labs or {}) if view.form.of == view.form.about else {}
    fields = lab_fields(body, _labs_chart(body, context), typed)
    changed = copy.deepcopy(body)
    wrong = change_labs(changed, {field.index: field.value for field in fields})
    result = dry_run(changed, view.service, context)
    text = orjson.dumps(changed, option=orjson.OPT_INDENT_2).decode()
    return replace(
        view,
        dry_run=result,
        chart=chart_view(result.chart, context.rules, result.lists) if result.chart else None,
        fields=fields,
        wrong=wrong,
        request=text[:MAX_SHOWN_LENGTH],
        request_is_cut=len(text) > MAX_SHOWN_LENGTH,
        response=orjson.dumps(result.response, option=orjson.OPT_INDENT_2).decode(),
        curl=curl(changed, f"{base}/cds-services/{view.service.id}"),
    )


def _labs_chart(body: Mapping[str, Any], context: AppContext) -> Any:
    """Read a chart with only the laboratory results of the request, before any value is typed."""
    prefetch = body.get("prefetch")
    labs = {"labs": unwrap(prefetch["labs"])} if isinstance(prefetch, dict) and "labs" in prefetch else {}
    patient_id = str(body["context"].get("patientId", "")).removeprefix("Patient/")
    return read_chart(labs, patient_id=patient_id, now=context.clock(), zone=context.settings.time_zone)


def curl(body: Mapping[str, Any], url: str) -> str:
    """Return the call as a shell command with curl."""
    text = orjson.dumps(body).decode()
    data = "@request.json" if len(text) > MAX_SHOWN_LENGTH else text.replace("'", "'\\''")
    return f"curl -s {url} -H 'Content-Type: application/json' -d '{data}'"
