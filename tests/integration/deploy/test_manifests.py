"""The manifests of deploy/, checked by the published schemas of the programs that read them, and what they agree on."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from cds_service.config.load import load_settings
from tests.builders.components import missing
from tests.builders.serving import ROOT
from tests.integration.deploy.nginx import EXAMPLE

DEPLOY = ROOT / "deploy"
#: The oldest and the newest Kubernetes that the manifest is checked for.
VERSIONS = ("1.29", "1.37")


@lru_cache
def kubernetes() -> Mapping[str, Any]:
    """Return the objects of the manifest by kind."""
    return {each["kind"]: each for each in yaml.safe_load_all((DEPLOY / "kubernetes.yml").read_text(encoding="utf-8"))}


@lru_cache
def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yml").read_text(encoding="utf-8"))


def checked(schema: str, file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", kubernetes())
def test_every_object_is_what_kubernetes_takes(kind: str, version: str) -> None:
    kubernetes_validate.validate(kubernetes()[kind], version, strict=True)


def test_a_misspelt_member_is_noticed() -> None:
    wrong = json.loads(json.dumps(kubernetes()["Deployment"]))
    wrong["spec"]["template"]["spec"]["topologySpreadConstraint"] = []
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("vendor.compose-spec", DEPLOY / "compose.yml"),
        *(("vendor.github-workflows", file) for file in sorted((ROOT / ".github" / "workflows").glob("*.yml"))),
        ("vendor.dependabot", ROOT / ".github" / "dependabot.yml"),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_a_file_is_what_its_published_schema_says(schema: str, file: Path) -> None:
    done = checked(schema, file)
    assert done.returncode == 0, done.stdout


def test_a_compose_file_that_is_none_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "compose.yml"
    file.write_text((DEPLOY / "compose.yml").read_text(encoding="utf-8").replace("cap_drop:", "cap_dropped:"))
    assert checked("vendor.compose-spec", file).returncode == 1


def pods() -> Mapping[str, Any]:
    return {kind: kubernetes()[kind]["spec"]["template"] for kind in ("Deployment", "Job")}


def test_selectors_find_their_pods() -> None:
    labels = {kind: pod["metadata"]["labels"].items() for kind, pod in pods().items()}
    for kind in ("Service", "PodDisruptionBudget", "Deployment"):
        selector = kubernetes()[kind]["spec"]["selector"]
        wanted = selector.get("matchLabels", selector).items()
        assert wanted <= labels["Deployment"] and not wanted <= labels["Job"], kind
    for everybody in [kubernetes()["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"].items()]:
        assert all(everybody <= each for each in labels.values()), "the Job needs the way to PostgreSQL too"
    (spread,) = pods()["Deployment"]["spec"]["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"].items() <= labels["Deployment"]


def test_names_and_ports_lead_somewhere() -> None:
    for pod in pods().values():
        (container,) = pod["spec"]["containers"]
        assert {each["name"] for each in container["volumeMounts"]} == {each["name"] for each in pod["spec"]["volumes"]}
    ports = {each["name"]: each["containerPort"] for each in pods()["Deployment"]["spec"]["containers"][0]["ports"]}
    (port,) = kubernetes()["Service"]["spec"]["ports"]
    assert port["targetPort"] in ports
    (rule,) = kubernetes()["Ingress"]["spec"]["rules"]
    for path in rule["http"]["paths"]:
        assert path["backend"]["service"] == {
            "name": kubernetes()["Service"]["metadata"]["name"],
            "port": {"name": "http"},
        }
    assert pods()["Deployment"]["metadata"]["annotations"]["prometheus.io/port"] == str(ports["metrics"])
    images = {pod["spec"]["containers"][0]["image"] for pod in pods().values()}
    assert len(images) == 1, "the Job runs the version that follows it"


def test_the_settings_of_the_manifest_are_settings(tmp_path: Path) -> None:
    file = tmp_path / "rls-cds.toml"
    file.write_text(kubernetes()["ConfigMap"]["data"]["rls-cds.toml"], encoding="utf-8")
    keys = {
        f"RLS_CDS_{name}_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" for name in ("PSEUDONYM", "ENCRYPTION")
    }
    settings = load_settings(file, keys)
    (rule,) = kubernetes()["Ingress"]["spec"]["rules"]
    assert settings.public_base == f"https://{rule['host']}"


def test_the_ingress_says_what_the_proxy_of_the_example_says() -> None:
    said = dict(re.findall(r"^\s*(?:client_max_)?(\w+)\s+(\S+?)s?;", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE))
    prefix = "nginx.ingress.kubernetes.io/"
    annotations = kubernetes()["Ingress"]["metadata"]["annotations"]
    for ours, theirs in (("body_size", "proxy-body-size"), ("proxy_next_upstream", "proxy-next-upstream"),
                         ("proxy_read_timeout", "proxy-read-timeout"),
                         ("proxy_connect_timeout", "proxy-connect-timeout")):  # fmt: skip
        assert annotations[prefix + theirs] == said[ours], theirs


def test_every_log_of_the_compose_file_is_bounded_and_every_secret_is_named() -> None:
    used: set[str] = set()
    for name, service in compose()["services"].items():
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name
        assert all("size=" in each for each in service.get("tmpfs", ())), name
        used |= set(service.get("secrets", ()))
        for variable, value in service.get("environment", {}).items():
            if variable.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"], (name, variable)
    assert used == set(compose()["secrets"])
    mounted = {each.split(":")[0] for service in compose()["services"].values() for each in service.get("volumes", ())}
    assert {"./prometheus.yml", "./prometheus-rules.yml"} <= mounted


def test_prometheus_scrapes_the_service_of_the_compose_file() -> None:
    settings = yaml.safe_load((DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = settings["scrape_configs"]
    (target,) = job["static_configs"][0]["targets"]
    assert target.partition(":")[0] in compose()["services"] and target.endswith(":9464")
    rules = (DEPLOY / "prometheus-rules.yml").read_text(encoding="utf-8")
    assert f'up{{job="{job["job_name"]}"}}' in rules and settings["rule_files"] == ["prometheus-rules.yml"]


@pytest.mark.parametrize("unit", sorted(DEPLOY.glob("*.service")), ids=lambda unit: unit.name)
def test_systemd_takes_the_unit(unit: Path, tmp_path: Path) -> None:
    """Its program is not installed here, so another one stands in its place."""
    program = shutil.which("systemd-analyze")
    if program is None:
        missing("there is no systemd-analyze on this machine")
    text = unit.read_text(encoding="utf-8").replace("/opt/rls-cds/bin/rls-cds", sys.executable)
    (tmp_path / unit.name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [program, "verify", "--man=no", str(tmp_path / unit.name)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    told = [line for line in done.stderr.splitlines() if unit.name in line]
    assert done.returncode == 0 and not told, done.stderr
