"""The routes of the console; each view gathers the content of one page for its template."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from cards.presenting.override_reasons import reason_names
from cards.wording.render import display_name, wording
from cds_service.calls.call import Answered, AppContext, Call
from cds_service.calls.routes import enabled_services
from cds_service.config.settings import Settings
from cds_service.config.values import is_loopback
from cds_service.console.cases import CASES_FOLDER
from cds_service.console.charts import Samples
from cds_service.console.connect_view import CLIENTS, client_titles, connect
from cds_service.console.docs import docs_page, is_built, to_first_page
from cds_service.console.headers import add_headers, static_version
from cds_service.console.markup import markdown, template_renderer
from cds_service.console.rules_view import CERTAINTY, cards_by_topic, decision_view, decisions_by_hook, shared_numbers
from cds_service.console.telemetry import Source
from cds_service.console.try_view import DAYS, FILE, Form, read_form, try_form
from cds_service.console.watch_view import PERIODS, STATES, watch
from cds_service.hooks.services import SERVICES
from cds_service.knowledge.repetition import site_repetition
from cds_service.store import Store, StoreError
from cds_service.web.errors import (
    BodyTooLarge,
    Forbidden,
    NotAuthenticated,
    Overloaded,
    Refusal,
    TooManyRequests,
)
from cds_service.web.json_reader import MEBIBYTE
from cds_service.web.limits import ConcurrencyLimit
from cds_service.web.request_notes import note_refusal

#: Bytes allowed for form fields besides the file.
_FORM_OVERHEAD = MEBIBYTE
#: Charts that are tried at once in one worker, and for how many seconds as many more wait.
_TRIES_AT_ONCE, _TRY_TIMEOUT = 2, 2.0


#: Counts one call in the metrics.
Count = Callable[[Call, Answered], None]


@dataclass(frozen=True, slots=True)
class Console:
    """The dependencies of the pages.

    `context` answers calls from Try; Watch shows `store` and `telemetry`; `settings` are those of the service that
    clients call. `is_service` is true if this application is that service (the demo): then feedback can be posted to
    it, and `count` counts calls from Try. `docs` is the folder of the documentation site.
    """

    context: AppContext
    store: Store
    settings: Settings
    samples: Samples
    telemetry: Source | None
    is_service: bool
    docs: Path
    count: Count | None = None

    def base(self) -> str:
        """Return the address at which clients call the services, without a trailing slash."""
        if self.is_service or not self.settings.public_base:
            return request.host_url.rstrip("/")
        return self.settings.public_base.rstrip("/")


def pages(console: Console) -> Blueprint:
    """Create the blueprint with all pages under /console."""
    views = Blueprint(
        "console",
        __name__,
        url_prefix="/console",
        template_folder="templates",
        static_folder="static",
        static_url_path="/static",
    )
    views.add_url_rule("", "try_it", _try_page(console), methods=["GET", "POST"])
    views.add_url_rule("/rules", "rules", _rules_page(console))
    views.add_url_rule("/rules/<name>", "decision", _decision_page(console))
    views.add_url_rule("/watch", "watch", _watch_page(console))
    views.add_url_rule("/connect", "connect", _connect_page(console))
    has_docs = is_built(console.docs)
    if has_docs:
        views.add_url_rule("/docs", "first_docs", to_first_page)
        views.add_url_rule("/docs/<path:page>", "docs", docs_page(console.docs))
    views.add_url_rule("/<path:elsewhere>", "elsewhere", _not_here)
    views.register_error_handler(404, _not_found)
    views.register_error_handler(StoreError, _store_fault)
    for refusal in _WORDS:
        views.register_error_handler(refusal, _refused)
    views.add_app_template_filter(markdown, "markdown")
    views.context_processor(lambda: {"v": static_version(), "has_docs": has_docs})
    views.after_request(_add_headers(console))
    return views


def _not_here(elsewhere: str) -> str:
    abort(404)


def _not_found(fault: NotFound) -> tuple[str, int]:
    return render_template("fault.html", title="There is no such page", words="Perhaps a link is old."), 404


#: What a person is told, where the answer of the services would be an OperationOutcome.
_WORDS: Mapping[type[Refusal], tuple[str, str]] = {
    NotAuthenticated: (
        "The console asks for its token",
        "Give the console_token of the settings as the password, with any user name.",
    ),
    Forbidden: (
        "The console is not opened from there",
        "Open it under a name of the settings (console_hosts) or at its own address, and press its own buttons.",
    ),
    TooManyRequests: ("Too many wrong tokens", "Wait a minute, then give the console_token of the settings."),
    Overloaded: ("The console is busy", "Others try charts at this moment. Press Show the cards in a few seconds."),
}


def _refused(fault: Refusal) -> tuple[str, int, Mapping[str, str]]:
    fault.note()
    title, words = _WORDS[type(fault)]
    return render_template("fault.html", title=title, words=words), fault.status, fault.headers


def _store_fault(fault: StoreError) -> tuple[str, int]:
    note_refusal(fault.reason)
    words = "The store does not answer, so nothing can be recorded or counted. Check the database and ask again."
    return render_template("fault.html", title="The store does not answer", words=words), fault.status


def _add_headers(console: Console) -> Callable[[Response], Response]:
    def after_request(answer: Response) -> Response:
        is_elsewhere = not console.is_service and console.settings.public_base
        return add_headers(answer, may_call=console.base() if is_elsewhere else "")

    return after_request


def _try_page(console: Console) -> Callable[[], tuple[str, int]]:
    limit = console.settings.max_body
    # Slots of its own, so that whoever tries charts takes no slot of an EHR, and few threads of its worker.
    tries = ConcurrencyLimit("the console", _TRIES_AT_ONCE, _TRY_TIMEOUT, waiting=_TRIES_AT_ONCE)

    def try_it() -> tuple[str, int]:
        with tries.slot():
            return answered()

    def answered() -> tuple[str, int]:
        try:
            form, status = _submitted_form(console), 200
        except BodyTooLarge as fault:
            form, status = Form(FILE, faults=fault.details), fault.status
        view = try_form(form, console.context, console.samples, console.base(), reads_servers=console.is_service)
        if console.count and not view.what_if and view.dry_run and view.dry_run.asked:
            console.count(*view.dry_run.asked)
        listed = SERVICES if not console.is_service else enabled_services(console.settings)
        page = render_template("try.html", view=view, samples=console.samples, services=listed, FILE=FILE, days=DAYS,
                               can_answer=console.is_service and not view.what_if and console.store.records,
                               records=console.is_service and console.store.records,
                               limit=limit, too_large=_too_large(limit))  # fmt: skip
        return page, status

    return try_it


def _submitted_form(console: Console) -> Form:
    if request.method == "GET":
        return read_form(request.args, None, console.samples.first)
    values, uploaded = _parse_in_memory(console.settings.max_body)
    return read_form(values, uploaded, console.samples.first)


def _parse_in_memory(limit: int) -> tuple[MultiDict[str, str], bytes | None]:
    """Parse the posted fields and the file, if any, without writing to the disk. Raises `BodyTooLarge`."""
    parser = FormDataParser(
        stream_factory=lambda *_, **__: io.BytesIO(),
        max_form_memory_size=limit + _FORM_OVERHEAD,
        max_content_length=limit + _FORM_OVERHEAD,
    )
    try:
        _, fields, uploads = parser.parse_from_environ(request.environ)
    except RequestEntityTooLarge:
        raise BodyTooLarge(_too_large(limit)) from None
    upload = uploads.get("upload")
    content = upload.read() if upload and upload.filename else None  # an empty file counts as uploaded
    if content and len(content) > limit:
        raise BodyTooLarge(_too_large(limit))
    return fields, content


def _too_large(limit: int) -> str:
    return (
        f"The file is larger than {limit / MEBIBYTE:.3g} MiB, the most that is read here. Drop in a smaller one, with "
        "the results, diagnoses and drugs of one patient alone, or raise the setting max_body."
    )


def _rules_page(console: Console) -> Callable[[], str]:
    def rules() -> str:
        knowledge = _rules(console)
        return render_template(
            "rules.html", groups=decisions_by_hook(knowledge), rules=knowledge, shared=shared_numbers(knowledge)
        )

    return rules


def _decision_page(console: Console) -> Callable[[str], str]:
    def decision(name: str) -> str:
        knowledge = _rules(console)
        if name not in knowledge.decisions:
            abort(404)
        view = decision_view(name, knowledge)
        return render_template(
            "decision.html", view=view, words=template_renderer(knowledge), certainty=CERTAINTY, folder=CASES_FOLDER
        )

    return decision


def _rules(console: Console) -> Any:
    today = console.context.clock().astimezone(console.settings.time_zone).date()
    return console.context.rules.on(today)


def _watch_page(console: Console) -> Callable[[], str]:
    def watching() -> str:
        days = request.args.get("days", "30")
        is_offered = days in map(str, PERIODS)
        period = int(days) if is_offered else 30
        view = watch(console.store, period, console.context.clock())
        source = console.telemetry() if console.telemetry else None
        return render_template("watch.html", view=view, periods=PERIODS, states=STATES,
                               is_offered=is_offered, source=source,
                               workers=1 if console.is_service else console.settings.workers,
                               unmapped=source.unmapped() if source else (), reasons=reason_names(),
                               not_evaluated=wording()["not_evaluated"]["title"], display_name=display_name,
                               known=cards_by_topic(console.context.rules),
                               read_times=source.read_times() if source else (),
                               is_service=console.is_service)  # fmt: skip

    return watching


def _host(base: str) -> str:
    return urlsplit(base).hostname or ""


def _connect_page(console: Console) -> Callable[[], str]:
    def connecting() -> str:
        client = request.args.get("client", "sandbox")
        if client not in CLIENTS:
            abort(404)
        services = enabled_services(console.settings)
        view = connect(client, console.base(), services, console.samples, console.context.rules,
                       demo=console.is_service, repetition=site_repetition(console.settings),
                       configured=console.settings.clients)  # fmt: skip
        return render_template(
            "connect.html",
            view=view,
            clients=CLIENTS,
            titles=client_titles(),
            is_open=console.settings.is_open,
            demo=console.is_service,
            has_base=bool(console.settings.public_base),
            is_here=is_loopback(_host(view.base)),
        )

    return connecting
