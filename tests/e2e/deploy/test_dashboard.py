"""deploy/grafana-dashboard.json, held against what a real Prometheus has of a real service."""

import json
import math
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from tests.support.deploy.prometheus import DEPLOY, JOB, Prometheus, prometheus
from tests.support.processes import Service, serving
from tests.support.valkey import eventually

DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
GRAPHS = [panel for panel in PANELS if panel["type"] != "row"]
TARGETS = [
    pytest.param(target, id=f"{panel['title']} {target['refId']}")
    for panel in GRAPHS
    for target in panel["targets"]
]
VARIABLES = {"$__rate_interval": "1m", "$job": JOB, "$instance": ".*"}
MATCHED = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')
GROUPED = re.compile(r"by \(([^)]*)\)")

each_panel = pytest.mark.parametrize("panel", GRAPHS, ids=lambda panel: panel["title"])
each_target = pytest.mark.parametrize("target", TARGETS)


def expression(target: dict[str, Any]) -> str:
    text: str = target["expr"]
    for name, value in VARIABLES.items():
        text = text.replace(name, value)
    return text


def journey(service: Service, email: str) -> None:
    """A bit of everything that the dashboard shows."""
    service.register(email)
    tokens = service.login(email).json()
    service.login("nobody@example.com")
    service.profile(tokens["access_token"])
    service.profile("no token")
    service.post("auth/refresh", {"refresh_token": tokens["refresh_token"]})
    service.request("GET", "/nowhere")
    service.post("auth/logout", {"refresh_token": tokens["refresh_token"]})


@pytest.fixture(scope="module")
def scraping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("dashboard")
    with serving(folder) as service, prometheus(folder, service.port) as server:
        scraped = f'count_over_time(up{{job="{JOB}"}}[1m]) > '
        journey(service, "one@example.com")
        eventually(lambda: bool(server.query(f"{scraped} 1")), 30)
        journey(service, "two@example.com")
        before = server.query(f"{scraped} 0")[0][1]
        eventually(lambda: bool(server.query(f"{scraped} {before + 2}")), 30)
        yield server


@each_target
def test_each_graph_has_data_after_a_journey(scraping: Prometheus, target: dict[str, Any]) -> None:
    found = scraping.query(expression(target))
    assert any(not math.isnan(value) for _, value in found)


@each_target
def test_each_legend_has_its_labels(scraping: Prometheus, target: dict[str, Any]) -> None:
    wanted = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
    assert all(wanted <= labels.keys() for labels, _ in scraping.query(expression(target)))


@each_target
def test_each_label_is_one_that_the_service_has(
    scraping: Prometheus, target: dict[str, Any]
) -> None:
    text = expression(target)
    grouped = {name for names in GROUPED.findall(text) for name in names.split(", ")}
    assert {*MATCHED.findall(text), *grouped} <= set(scraping.ask("labels"))


def test_the_variables_find_the_service(scraping: Prometheus) -> None:
    variables = [one for one in DASHBOARD["templating"]["list"] if one["type"] == "query"]
    for variable in variables:
        text = variable["definition"].replace("$job", JOB)
        match = re.fullmatch(r"label_values\((.+), (\w+)\)", text)
        assert match is not None
        assert all(labels[match[2]] for labels, _ in scraping.query(match[1]))
        assert scraping.query(match[1])


def test_ids_are_unique() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_no_panel_covers_another() -> None:
    for one, other in combinations([panel["gridPos"] for panel in PANELS], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)


def test_panels_stay_within_the_grid() -> None:
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in PANELS)


@each_panel
def test_a_panel_has_a_unit_and_says_what_to_do(panel: dict[str, Any]) -> None:
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert len(panel["description"].split()) > 8


@each_panel
def test_a_panel_asks_the_data_source_that_is_chosen(panel: dict[str, Any]) -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert panel["datasource"] == chosen
    assert all(target["datasource"] == chosen for target in panel["targets"])
