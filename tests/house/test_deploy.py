"""The files in deploy/ refer only to things that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Histogram

from cds_service.config.settings import Settings
from cds_service.config.table import SETTINGS
from cds_service.monitoring.metrics import Metrics
from cds_service.server.gunicorn import DRAIN_SECONDS, options

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
_SELECTOR = re.compile(r"(rls_cds_[a-z_]+)(?:\{([^}]*)\})?")
_GROUPING = re.compile(r"\b(?:by|without) \(([^)]*)\)")
_MATCHER = re.compile(r"([a-z_]+)(?:=~|!~|!=|=)\"")


def metrics() -> dict[str, set[str]]:
    """Return every sample name of the service with its labels."""
    found: dict[str, set[str]] = {}
    for metric in vars(Metrics()).values():
        if not hasattr(metric, "_labelnames"):
            continue
        labels, name = set(metric._labelnames), metric._name
        if isinstance(metric, Histogram):
            found |= {f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels}
        else:
            found[f"{name}_total" if isinstance(metric, Counter) else name] = labels
    return found


KNOWN = metrics()


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((DEPLOY / "prometheus-rules.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    board = json.loads((DEPLOY / "grafana-dashboard.json").read_text(encoding="utf-8"))
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str]]:
    yield from ((rule["alert"], rule["expr"]) for rule in rules())
    yield from ((panel["title"], target["expr"]) for panel in panels() for target in panel["targets"])


EXPRESSIONS = list(expressions())


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS, ids=[where for where, _ in EXPRESSIONS])
def test_alerts_and_panels_name_metrics_and_labels_that_exist(where: str, expression: str) -> None:
    selectors = _SELECTOR.findall(expression)
    assert selectors or expression.startswith("up{")
    for name, matchers in selectors:
        assert name in KNOWN, name
        assert set(_MATCHER.findall(matchers)) <= KNOWN[name]
    labels = set().union(*(KNOWN[name] for name, _ in selectors)) if selectors else set()
    for grouping in _GROUPING.findall(expression):
        assert {label.strip() for label in grouping.split(",")} <= labels


def test_every_metric_is_on_the_dashboard_or_in_an_alert() -> None:
    shown = {name for _, expression in EXPRESSIONS for name, _ in _SELECTOR.findall(expression)}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in KNOWN}
    assert families <= {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}


def test_alerts_use_only_labels_that_their_expression_keeps() -> None:
    for rule in rules():
        used = set(re.findall(r"\$labels\.([a-z_]+)", json.dumps(rule["annotations"])))
        kept = {label.strip() for grouping in _GROUPING.findall(rule["expr"]) for label in grouping.split(",")}
        kept |= set().union(*(KNOWN[name] for name, _ in _SELECTOR.findall(rule["expr"]))) if not kept else set()
        assert used <= kept, rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket", "review")


def test_alert_names_are_unique_and_parentheses_close() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names)) >= 20
    for where, expression in EXPRESSIONS:
        assert [expression.count(sign) for sign in "({["] == [expression.count(sign) for sign in ")}]"], where


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken and at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells


def test_labels_never_name_a_patient_an_address_or_a_token() -> None:
    labels = set().union(*KNOWN.values())
    assert labels == {
        "route", "service", "client", "status", "reason", "card", "indicator", "mode", "decision", "outcome", "key",
        "source", "result", "analyte", "why", "system", "check", "work", "le", "function", "subject", "cause",
    }  # fmt: skip


def image() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.control("V13.2.2", "V13.4.1")
def test_the_image_runs_without_root_from_hashed_wheels_and_has_a_health_check() -> None:
    last = image().rpartition("\nFROM ")[2]
    assert "USER 65534:65534" in last and "HEALTHCHECK" in last and "/healthz" in last
    assert re.findall(r"pip install (.+?)(?: \\)?$", image(), re.MULTILINE) == [
        "--quiet --no-deps --require-hashes --only-binary :all: --requirement requirements.lock",
        "--quiet --no-index --no-deps --no-build-isolation .",
    ]
    assert "PYTHONDONTWRITEBYTECODE=1" in last
    assert "slim" in image().partition("\n\n")[0]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", image(), re.MULTILINE)
    assert all((ROOT / name).exists() for line in copied for name in line.split())
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"}
    assert sent == {name for line in copied for name in line.split()}


def test_the_server_opens_no_control_socket_and_has_more_threads_than_calls_in_flight() -> None:
    given = options(Settings(max_inflight=16, metrics_bind="127.0.0.1:9464"))
    assert given["control_socket_disable"] is True
    assert given["threads"] > 16
    assert given["bind"] == ["127.0.0.1:8080", "127.0.0.1:9464"]
    assert (given["limit_request_line"], given["limit_request_field_size"] >= 8190) == (2048, True)


@pytest.mark.control("V15.2.5")
def test_compose_gives_the_container_nothing_to_write_and_no_rights() -> None:
    service = yaml.safe_load((DEPLOY / "compose.yml").read_text(encoding="utf-8"))["services"]["rls-cds"]
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"] == "65534:65534" and service["mem_limit"] and service["pids_limit"]
    assert "ports" not in service  # only the proxy is reachable
    assert int(service["stop_grace_period"].removesuffix("s")) > DRAIN_SECONDS + options(Settings())["graceful_timeout"]


@pytest.mark.control("SSRF-9")
def test_kubernetes_drains_calls_and_limits_egress_to_three_addresses() -> None:
    objects = {
        each["kind"]: each for each in yaml.safe_load_all((DEPLOY / "kubernetes.yml").read_text(encoding="utf-8"))
    }
    deployment, policy = objects["Deployment"], objects["NetworkPolicy"]
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["terminationGracePeriodSeconds"] > DRAIN_SECONDS + options(Settings())["graceful_timeout"]
    assert container["securityContext"]["readOnlyRootFilesystem"] and pod["securityContext"]["runAsNonRoot"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    probe = container["readinessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] < DRAIN_SECONDS
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert len(policy["spec"]["egress"]) == 3
    assert all("to" in rule and "ports" in rule for rule in policy["spec"]["egress"])


def test_every_environment_variable_that_is_shipped_is_a_setting() -> None:
    known = {row.variable() for row in SETTINGS} | {f"{row.variable()}_FILE" for row in SETTINGS if row.secret}
    for name in ("compose.yml", "kubernetes.yml", "rls-cds.service"):
        used = set(re.findall(r"RLS_CDS_[A-Z_]+", (DEPLOY / name).read_text(encoding="utf-8")))
        assert used and used <= known, name
    assert set(re.findall(r"RLS_CDS_[A-Z_]+", image())) <= known


def test_nginx_buffers_whole_requests_and_sends_no_token_twice() -> None:
    conf = re.sub(r"\s*#.*", "", (DEPLOY / "nginx.example.conf").read_text(encoding="utf-8"))
    said = dict(re.findall(r"^\s*([a-z_]+)\s+(.+?);", conf, re.MULTILINE))
    assert said["proxy_request_buffering"] == "on"
    assert said["client_header_timeout"] == said["client_body_timeout"] == "5s"
    assert said["client_max_body_size"] == "10m"
    assert said["proxy_next_upstream"] == "error"  # a POST is then passed on only where no connection could be made
    assert conf.count("{") == conf.count("}")
    assert "$remote_addr" in conf.partition("log_format")[2].partition(";")[0]
    assert "$request_uri" not in conf and "$args" not in conf and "$http_authorization" not in conf
