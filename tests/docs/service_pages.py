"""Pages on the service itself: settings, HTTP, metrics, command line."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import click
import yaml
from prometheus_client import Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

from cds_service.cli import main as command_line
from cds_service.config.profiles import builtin_profiles
from cds_service.config.reference import reference
from cds_service.config.table import CLIENT_SETTINGS, SETTINGS
from cds_service.hooks.discovery import discovery
from cds_service.hooks.openapi import openapi
from cds_service.hooks.services import SERVICES
from cds_service.monitoring.metrics import Metrics
from tests.docs.paths import ROOT
from tests.docs.tables import code, table

_SETTINGS = """\
# Settings

Settings stand in one TOML file, named by `--config`; an environment variable overrides each. `rls-cds check-config
rls-cds.toml` names every fault of a file at once. `deploy/rls-cds.example.toml` holds every setting with its default,
ready to copy.

A list in a variable is written with commas, a table as JSON. A secret (`database_url`, `pseudonym_key`,
`encryption_key`, `console_token`) is never printed; `<its variable>_FILE` may name a file that holds it.

## The service
"""
_CLIENTS = """
## A client

One table `[clients.<name>]` for each EHR. The variables are shown for a client named `general`. A default *by
profile* comes from the ready profile that the client names.
"""
_PROFILES = """
## Ready profiles

What `profile` sets, and what an entry of the client may replace.
"""
_HTTP = """\
# HTTP

What is called where. `GET /openapi.json` is the description for tools, from which this page is written; the rows of
CDS Hooks that each answer follows are [the protocol](protocol.md), what users may rely on is the
[contract](contract.md#p-3).

A failed call is an OperationOutcome that names every fault with its place, what was found, what is allowed and the
next step. Every answer of the service has an `X-Request-Id`, which the log line of the call has too.

What cannot be read as HTTP the server answers before the service sees it: an OperationOutcome without an
`X-Request-Id`, and a closed connection.

| Status | When |
|---|---|
| 400 | The request is no HTTP, or names its host or length twice. |
| 414 | The address is too long. |
| 417 | `Expect` asks for something else than `100-continue`. |
| 431 | The headers are too long or too many. |
| 501 | The transfer coding is another than `chunked`. |

"""
_OUTSIDE = """\
## Beside the services

| Call | | Where |
|---|---|---|
| `GET /openapi.json` | This page for tools | with the services |
| `GET /metrics` | [Metrics](metrics.md) for Prometheus | under `serve` at `metrics_bind`; on the demo's own port |
| `GET /console` | Pages to try, read, watch and connect | under `serve` at `console_bind`; on the demo's own port |
| `GET /console/docs` | These pages, where they were built | with the console |
| `GET /fhir/...` | A small read-only FHIR R4 server over synthetic patients | the demo only |

"""
_PREFETCH = """\
## Prefetch

What discovery asks each service's client to send. A key that is absent is read from the FHIR server.

"""
_METRICS = """\
# Metrics

What Prometheus finds at `/metrics`, on the address of the setting `metrics_bind` (on the demo's own port in the
demo). Labels are words of this project: ids of cards, decisions, services, names of clients, prefetch keys; a
`subject` may also be a code of our tables or of the site's map, or a unit as reported. Never a patient, an address, a
token or other text of a request.

"""
_ALERTS = """
## Alerts

`deploy/prometheus-rules.yml` holds these rules, `deploy/grafana-dashboard.json` a dashboard over the same numbers. A
`page` wants somebody now, a `ticket` this week.

"""
_COMMANDS = """\
# Command line

`rls-cds COMMAND --help` teaches each command. Exit codes: 0 fine, 1 the work failed, 2 wrong usage. `rules` and
`evaluate` need no secrets. Settings come from the file that `--config` names and from `RLS_CDS_*` variables; see
[Settings](settings.md).

"""


def settings_page() -> str:
    """Return every setting of the service and of a client, and the ready profiles."""
    client = reference(CLIENT_SETTINGS, client="general")
    return f"{_SETTINGS}\n{reference(SETTINGS)}{_CLIENTS}\n{client}{_PROFILES}\n{_profiles()}"


def _profiles() -> str:
    profiles = builtin_profiles()
    members = list(dict.fromkeys(member for profile in profiles.values() for member in profile))
    rows = [[code(member), *(_value(profile.get(member, "")) for profile in profiles.values())] for member in members]
    return table(["Setting", *(code(name) for name in profiles)], rows)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def http_page() -> str:
    """Return every call with its answers, and what each service asks to prefetch."""
    return _HTTP + "\n".join([*_calls(), _OUTSIDE, _PREFETCH + _templates()])


def _calls() -> Iterator[str]:
    """Yield the calls of the OpenAPI document, those of the services once for all of them."""
    seen = set()
    for path, operations in openapi(SERVICES, None)["paths"].items():
        for method, operation in operations.items():
            place = re.sub(r"(?<=/cds-services/)[a-z-]+", "{id}", path)
            if (method, place) in seen:
                continue
            seen.add((method, place))
            titled = "Answer a hook call" if place == "/cds-services/{id}" else operation["summary"]
            yield f"## `{method.upper()} {place}`\n\n{titled}.\n"
            if "requestBody" in operation:
                schema = "request-<hook>" if place.endswith("{id}") else "feedback"
                yield f"The body is JSON by `cds_service/schemas/{schema}.json`.\n"
            answers = operation["responses"]
            kinds = " or ".join(map(code, answers["200"]["content"]))
            failures = ((status, each["description"]) for status, each in answers.items() if status != "200")
            yield table(("Status", "When"), [("200", f"Answered, as {kinds}."), *failures])


def _templates() -> str:
    rows = [
        (code(service["id"]), code(service["hook"]), ", ".join(map(code, service["prefetch"])))
        for service in discovery(SERVICES)["services"]
    ]
    keys = {key: template for each in discovery(SERVICES)["services"] for key, template in each["prefetch"].items()}
    templates = "\n".join(f"* `{key}`: `{_shortened(template)}`" for key, template in keys.items())
    listed = "The template of `labs` lists the LOINC codes of the [value sets](value-sets.md), shortened here:"
    return f"{table(('Service', 'Hook', 'Keys'), rows)}\n{listed}\n\n{templates}\n"


def _shortened(template: str) -> str:
    """Return a template with the first code only where it lists many."""
    return re.sub(r"(code=[^,&]+),[^&]*", r"\1,...", template)


def metrics_page() -> str:
    """Return every metric with its labels, and the alerts."""
    return f"{_METRICS}{_metrics()}{_ALERTS}{_alerts()}"


def _metrics() -> str:
    found = (each for each in vars(Metrics()).values() if isinstance(each, MetricWrapperBase))
    rows = [
        (code(_exposed(each)), each._type, ", ".join(map(code, each._labelnames)), each._documentation)
        for each in found
    ]
    return table(("Metric", "Kind", "Labels", "Meaning"), rows)


def _exposed(metric: MetricWrapperBase) -> str:
    """Return the name as Prometheus sees it."""
    if isinstance(metric, Counter):
        return f"{metric._name}_total"
    return f"{metric._name}_bucket" if isinstance(metric, Histogram) else metric._name


def _alerts() -> str:
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus-rules.yml").read_text(encoding="utf-8"))
    rows = [
        (code(rule["alert"]), rule["labels"]["severity"], _named(rule["annotations"].get("summary", "")),
         _named(rule["annotations"].get("action", "")))
        for group in rules["groups"]
        for rule in group["rules"]
    ]  # fmt: skip
    return table(("Alert", "Severity", "Says", "Do"), rows)


def _named(text: str) -> str:
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", r"*\1*", text)


def command_line_page() -> str:
    """Return every command with its arguments and options."""
    return _COMMANDS + "\n".join(_command("rls-cds", command_line))


def _command(name: str, command: click.Command) -> Iterator[str]:
    if isinstance(command, click.Group):
        if name != "rls-cds":
            yield f"## `{name}`\n\n{_help(command)}"
        for each in sorted(command.commands):
            yield from _command(f"{name} {each}", command.commands[each])
        return
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    usage = " ".join([name, *(f"{_argument(each)}" for each in arguments)])
    yield f"{'##' if name.count(' ') == 1 else '###'} `{usage}`\n\n{_help(command)}"
    options = [each for each in command.params if isinstance(each, click.Option)]
    if options:
        yield table(("Option", "Does"), [(_option(each), _meaning(each)) for each in options])


def _argument(argument: click.Argument) -> str:
    shown = (argument.metavar or argument.name or "").upper()
    return f"{shown}..." if argument.nargs == -1 else shown


def _option(option: click.Option) -> str:
    shown = ", ".join(option.opts)
    choices = option.type.choices if isinstance(option.type, click.Choice) else ()
    value = option.metavar or ("NUMBER" if isinstance(option.type, click.IntRange) else option.type.name.upper())
    if not choices and not option.is_flag:
        shown += f" {value}"
    return code(shown)


def _meaning(option: click.Option) -> str:
    said = option.help or ""
    if isinstance(option.type, click.Choice):
        said = f"One of {', '.join(map(code, option.type.choices))}. {said}"
    return f"{said} Default: {code(option.default)}." if option.show_default is True else said


def _help(command: click.Command) -> str:
    """Return the help of a command; a paragraph that is kept as it is written becomes a block of text."""
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    shown = (
        "```text\n" + each.removeprefix("\b\n") + "\n```" if each.startswith("\b") else " ".join(each.split())
        for each in paragraphs
    )
    return "\n\n".join(shown) + "\n"
