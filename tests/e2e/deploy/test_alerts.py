"""deploy/alerts.yml, checked by promtool and with the data that a real Prometheus has."""

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import pytest
import yaml

from authproject.monitoring.metrics import TOKEN_ERRORS
from authproject.server.routes import iter_routes
from tests.support.deploy.prometheus import DEPLOY, Prometheus, run_prometheus
from tests.support.processes import ROOT, run_service
from tests.support.system_programs import find_program
from tests.support.valkey import wait_until

RULES: list[dict[str, Any]] = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"][0][
    "rules"
]
UNIT_TESTS: list[dict[str, Any]] = yaml.safe_load((DEPLOY / "alerts_test.yml").read_text())["tests"]

POSSIBLE_VALUES = {
    "route": {route.path for route in iter_routes()},
    "status": {str(int(status)) for status in HTTPStatus},
}
"""Values of labels whose series begin with their first request."""


def promtool(*arguments: str) -> None:
    run = subprocess.run(
        [find_program("promtool"), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has scraped a service and evaluated every rule."""
    find_program("prometheus")
    folder = tmp_path_factory.mktemp("alerts")
    with run_service(folder) as service, run_prometheus(folder, service.port) as server:
        service.login()
        wait_until(lambda: bool(server.query('auth_requests_total{outcome="invalid_credentials"}')))
        wait_until(lambda: all(rule["health"] == "ok" for rule in get_rules(server)))
        yield server


def get_rules(server: Prometheus) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = server.get("rules")["groups"][0]["rules"]
    return rules


def get_evaluation_time(rule: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(rule["lastEvaluation"])


def split_alternatives(pattern: str) -> list[str]:
    """Return each alternative of a pattern such as `a/(b|c)|d`: `a/b`, `a/c`, `d`."""
    alternatives = []
    for part in re.split(r"\|(?![^()]*\))", pattern):
        before, _, rest = part.partition("(")
        inner, _, after = rest.partition(")")
        alternatives += [f"{before}{one}{after}" for one in inner.split("|")]
    return alternatives


def matches_any(pattern: str, values: set[str]) -> bool:
    return any(re.fullmatch(pattern, value) for value in values)


def test_alert_rules_are_valid() -> None:
    promtool("check", "rules", "deploy/alerts.yml")


def test_prometheus_configuration_is_valid() -> None:
    promtool("check", "config", "deploy/prometheus.yml")


def test_alert_rules_pass_their_unit_tests() -> None:
    promtool("test", "rules", "deploy/alerts_test.yml")


def test_every_alert_has_both_unit_tests() -> None:
    for name in (rule["alert"] for rule in RULES):
        expected = {
            one["name"]: bool(one["alert_rule_test"][0]["exp_alerts"])
            for one in UNIT_TESTS
            if one["alert_rule_test"][0]["alertname"] == name
        }
        assert expected == {f"{name} fires": True, f"{name} stays silent": False}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alert_has_description_and_runbook_section(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"]
    assert len(rule["annotations"]["description"].split()) > 8
    file, _, anchor = rule["annotations"]["runbook"].partition("#")
    titles = re.findall(r"^#+ (.+)$", (ROOT / file).read_text(), re.MULTILINE)
    assert anchor in {title.lower().replace(" ", "-") for title in titles}


def test_every_alert_uses_existing_series(server: Prometheus) -> None:
    existing = set(server.get("label/__name__/values"))
    for rule in RULES:
        names = set(re.findall(r"\b(?:auth|http|process)_\w+|\bup\b", rule["expr"]))
        assert names <= existing, rule["alert"]
        for label, value in re.findall(r'(operation|outcome|reason)="(\w+)"', rule["expr"]):
            assert value in server.get(f"label/{label}/values"), rule["alert"]


def test_every_alert_pattern_matches_possible_values() -> None:
    for rule in RULES:
        for label, pattern in re.findall(r'(route|status)=~"(.+?)"', rule["expr"]):
            for part in split_alternatives(pattern):
                assert matches_any(part, POSSIBLE_VALUES[label]), (rule["alert"], part)


def test_pattern_for_unknown_path_is_found() -> None:
    assert split_alternatives("/a/.*|/b/(c|d)") == ["/a/.*", "/b/c", "/b/d"]
    assert matches_any("/api/v1/auth/refresh", POSSIBLE_VALUES["route"])
    assert not matches_any("/api/v1/auth/renew", POSSIBLE_VALUES["route"])
    assert not matches_any("6..", POSSIBLE_VALUES["status"])


def test_every_reason_has_a_series_at_start(server: Prometheus) -> None:
    reasons = {error.reason for error in TOKEN_ERRORS}
    assert set(server.get("label/reason/values")) == reasons


def test_healthy_service_raises_no_alert(server: Prometheus) -> None:
    now = datetime.now(UTC)
    wait_until(lambda: all(get_evaluation_time(rule) > now for rule in get_rules(server)))
    # An alert that has to last longer than this test would be `pending`.
    assert [rule["name"] for rule in get_rules(server) if rule["state"] != "inactive"] == []
