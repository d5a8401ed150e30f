"""deploy/alerts.yml: judged by promtool, and by what a real Prometheus has of a real service."""

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import pytest
import yaml

from authproject.monitoring.metrics import TOKEN_ERRORS
from authproject.server.routes import routes
from tests.support.deploy.prometheus import DEPLOY, Prometheus, prometheus
from tests.support.processes import ROOT, serving
from tests.support.system_programs import program
from tests.support.valkey import eventually

RULES: list[dict[str, Any]] = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"][0][
    "rules"
]
TESTS: list[dict[str, Any]] = yaml.safe_load((DEPLOY / "alerts_test.yml").read_text())["tests"]

KNOWN = {
    "route": {route.path for route in routes()},
    "status": {str(int(status)) for status in HTTPStatus},
}
"""What `route` and `status` can be; the service tells each only once it has happened."""

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])


def promtool(*arguments: str) -> None:
    done = subprocess.run(
        [program("promtool"), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def scraping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("alerts")
    with serving(folder) as service, prometheus(folder, service.port) as server:
        service.login()
        eventually(lambda: bool(server.query('auth_requests_total{outcome="invalid_credentials"}')))
        eventually(lambda: all(rule["health"] == "ok" for rule in rules_of(server)), 30)
        yield server


def evaluated(rule: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(rule["lastEvaluation"])


def alternatives(pattern: str) -> list[str]:
    """Return what a pattern of Prometheus' names, `a/(b|c)|d` for example, one by one."""
    parts = re.split(r"\|(?![^()]*\))", pattern)
    found = []
    for part in parts:
        before, _, rest = part.partition("(")
        inner, _, after = rest.partition(")")
        found += [f"{before}{one}{after}" for one in inner.split("|")]
    return found


def stands_for_something(pattern: str, known: set[str]) -> bool:
    return any(re.fullmatch(pattern, value) for value in known)


def rules_of(server: Prometheus) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = server.ask("rules")["groups"][0]["rules"]
    return rules


def test_the_rules_are_rules() -> None:
    promtool("check", "rules", "deploy/alerts.yml")


def test_the_example_of_a_configuration_is_one() -> None:
    promtool("check", "config", "deploy/prometheus.yml")


def test_each_alert_fires_and_keeps_silent_as_its_tests_say() -> None:
    promtool("test", "rules", "deploy/alerts_test.yml")


@each_rule
def test_each_alert_has_both_tests(rule: dict[str, Any]) -> None:
    name = rule["alert"]
    expected = {
        one["name"]: bool(one["alert_rule_test"][0]["exp_alerts"])
        for one in TESTS
        if one["alert_rule_test"][0]["alertname"] == name
    }
    assert expected == {f"{name} fires": True, f"{name} stays silent": False}


@each_rule
def test_each_alert_says_what_to_do_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"]
    assert len(rule["annotations"]["description"].split()) > 8
    file, _, anchor = rule["annotations"]["runbook"].partition("#")
    titles = re.findall(r"^#+ (.+)$", (ROOT / file).read_text(), re.MULTILINE)
    assert anchor in {title.lower().replace(" ", "-") for title in titles}


@each_rule
def test_each_alert_asks_for_what_the_service_tells(
    scraping: Prometheus, rule: dict[str, Any]
) -> None:
    told = set(scraping.ask("label/__name__/values"))
    assert set(re.findall(r"\b(?:auth|http|process)_\w+|\bup\b", rule["expr"])) <= told
    for label, value in re.findall(r'(operation|outcome|reason)="(\w+)"', rule["expr"]):
        assert value in scraping.ask(f"label/{label}/values")
    for label, pattern in re.findall(r'(route|status)=~"(.+?)"', rule["expr"]):
        assert all(stands_for_something(part, KNOWN[label]) for part in alternatives(pattern))


def test_a_path_that_does_not_exist_would_be_noticed() -> None:
    assert alternatives("/a/.*|/b/(c|d)") == ["/a/.*", "/b/c", "/b/d"]
    assert stands_for_something("/api/v1/auth/refresh", KNOWN["route"])
    assert not stands_for_something("/api/v1/auth/renew", KNOWN["route"])
    assert not stands_for_something("6..", KNOWN["status"])


def test_every_reason_is_told_before_it_happens(scraping: Prometheus) -> None:
    reasons = {error.reason for error in TOKEN_ERRORS}
    assert set(scraping.ask("label/reason/values")) == reasons


def test_a_healthy_service_alerts_nobody(scraping: Prometheus) -> None:
    now = datetime.now(UTC)
    eventually(lambda: all(evaluated(rule) > now for rule in rules_of(scraping)))
    # Within seconds no more than `pending` can be seen of what has to last.
    assert [rule["name"] for rule in rules_of(scraping) if rule["state"] != "inactive"] == []
