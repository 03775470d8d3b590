"""The routes of the console. Each view gathers one page's content; templates/ say how it looks."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, g, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from cards.wording import wording
from cds_service.body import MEBIBYTE
from cds_service.call import Desk
from cds_service.console.cases import PLACE
from cds_service.console.charts import Samples
from cds_service.console.connect_view import CLIENTS, client_titles, connect
from cds_service.console.delivery import static_version, with_policy
from cds_service.console.markup import markdown, template_words
from cds_service.console.rules_view import CERTAINTY, cards_by_topic, decision_view, decisions_by_hook, shared_numbers
from cds_service.console.telemetry import Source
from cds_service.console.try_view import DAYS, FILE, Form, read_form, try_form
from cds_service.console.watch_view import PERIODS, STATES, watch
from cds_service.errors import BodyTooLarge
from cds_service.services import SERVICES
from cds_service.settings import Settings
from cds_service.settings_values import is_loopback
from cds_service.store import Store, StoreError
from cds_service.views import services_on

#: Fields of the form besides the file itself.
_FORM_ROOM = MEBIBYTE


@dataclass(frozen=True, slots=True)
class Console:
    """What the pages need.

    `desk` answers what is tried; `store` and `telemetry` are watched; `settings` describes the service that clients
    call. `is_service`: this same application is that service (the demo), so that feedback can be posted to it.
    """

    desk: Desk
    store: Store
    settings: Settings
    samples: Samples
    telemetry: Source | None
    is_service: bool

    def base(self) -> str:
        """Where clients call the services, without a slash at the end."""
        if self.is_service or not self.settings.public_base:
            return request.host_url.rstrip("/")
        return self.settings.public_base.rstrip("/")


def pages(console: Console) -> Blueprint:
    """All pages under /console."""
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
    views.add_url_rule("/<path:elsewhere>", "elsewhere", _not_here)
    views.register_error_handler(404, _not_found)
    views.register_error_handler(StoreError, _store_fault)
    views.add_app_template_filter(markdown, "markdown")
    views.context_processor(lambda: {"v": static_version()})
    views.after_request(_deliver(console))
    return views


def _not_here(elsewhere: str) -> str:
    abort(404)


def _not_found(fault: NotFound) -> tuple[str, int]:
    return render_template("fault.html", title="There is no such page", words="Perhaps a link is old."), 404


def _store_fault(fault: StoreError) -> tuple[str, int]:
    words = "The store does not answer, so nothing can be recorded or counted. Check the database and ask again."
    return render_template("fault.html", title="The store does not answer", words=words), fault.status


def _deliver(console: Console) -> Callable[[Response], Response]:
    def finish(answer: Response) -> Response:
        is_elsewhere = not console.is_service and console.settings.public_base
        return with_policy(answer, may_call=console.base() if is_elsewhere else "")

    return finish


def _try_page(console: Console) -> Callable[[], tuple[str, int]]:
    limit = console.settings.max_body

    def try_it() -> tuple[str, int]:
        try:
            form, status = _asked(console), 200
        except BodyTooLarge as fault:
            form, status = Form(FILE, faults=fault.details), fault.status
        view = try_form(form, console.desk, console.samples, console.base(), reads_servers=console.is_service)
        if console.is_service and not view.what_if and view.trial and view.trial.asked:
            g.answered = view.trial.asked  # counted like every call
        listed = SERVICES if not console.is_service else services_on(console.settings)
        page = render_template("try.html", view=view, samples=console.samples, services=listed, FILE=FILE, days=DAYS,
                               can_answer=console.is_service and not view.what_if and console.store.records,
                               records=console.is_service and console.store.records,
                               limit=limit, too_large=_too_large(limit))  # fmt: skip
        return page, status

    return try_it


def _asked(console: Console) -> Form:
    if request.method == "GET":
        return read_form(request.args, None, console.samples.first)
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403)
    values, uploaded = _in_memory(console.settings.max_body)
    return read_form(values, uploaded, console.samples.first)


def _in_memory(limit: int) -> tuple[MultiDict[str, str], bytes | None]:
    """The posted fields and the file, if one came. Nothing is written to the disk on the way."""
    parser = FormDataParser(
        stream_factory=lambda *_, **__: io.BytesIO(),
        max_form_memory_size=limit + _FORM_ROOM,
        max_content_length=limit + _FORM_ROOM,
    )
    try:
        _, fields, uploads = parser.parse_from_environ(request.environ)
    except RequestEntityTooLarge:
        raise BodyTooLarge(_too_large(limit)) from None
    upload = uploads.get("upload")
    content = upload.read() if upload and upload.filename else None  # an empty file is one, and its own answer
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
            "decision.html", view=view, words=template_words(knowledge), certainty=CERTAINTY, place=PLACE
        )

    return decision


def _rules(console: Console) -> Any:
    today = console.desk.clock().astimezone(console.settings.time_zone).date()
    return console.desk.rules.on(today)


def _watch_page(console: Console) -> Callable[[], str]:
    def watching() -> str:
        days = request.args.get("days", "30")
        is_offered = days in map(str, PERIODS)
        period = int(days) if is_offered else 30
        view = watch(console.store, period, console.desk.clock())
        source = console.telemetry() if console.telemetry else None
        return render_template("watch.html", view=view, periods=PERIODS, states=STATES,
                               is_offered=is_offered, source=source,
                               workers=1 if console.is_service else console.settings.workers,
                               unmapped=source.unmapped() if source else (), reasons=_reasons(),
                               not_evaluated=wording()["not_evaluated"]["title"],
                               known=cards_by_topic(console.desk.rules),
                               read_times=source.read_times() if source else (),
                               is_service=console.is_service)  # fmt: skip

    return watching


def _reasons() -> dict[str, str]:
    """The override reasons by code, in our own words: a reason of the client's own is not printed."""
    return {code: entry["display"] for code, entry in wording()["override_reasons"].items()}


def _host(base: str) -> str:
    return urlsplit(base).hostname or ""


def _silent_days(settings: Settings) -> int:
    """After a dismissal without a reason."""
    return settings.suppression_by_reason.get("", settings.suppression_days)


def _connect_page(console: Console) -> Callable[[], str]:
    def connecting() -> str:
        client = request.args.get("client", "sandbox")
        if client not in CLIENTS:
            abort(404)
        view = connect(client, console.base(), services_on(console.settings), console.samples, console.desk.rules,
                       demo=console.is_service, silent_days=_silent_days(console.settings))  # fmt: skip
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
