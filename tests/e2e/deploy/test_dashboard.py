"""deploy/grafana-dashboard.json, checked with the data that a real Prometheus has of a service."""

import json
import math
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from tests.support.deploy.prometheus import DEPLOY, JOB, Prometheus, run_prometheus
from tests.support.processes import Service, run_service
from tests.support.system_programs import find_program
from tests.support.valkey import wait_until

DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
GRAPHS = [panel for panel in PANELS if panel["type"] != "row"]
TARGETS: dict[str, dict[str, Any]] = {
    f"{panel['title']} {target['refId']}": target for panel in GRAPHS for target in panel["targets"]
}
VARIABLES = {"$__rate_interval": "1m", "$job": JOB, "$instance": ".*"}
MATCHED_LABEL = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')
GROUPING_LABELS = re.compile(r"by \(([^)]*)\)")


def get_expression(target: dict[str, Any]) -> str:
    text: str = target["expr"]
    for name, value in VARIABLES.items():
        text = text.replace(name, value)
    return text


def get_labels_in_expression(target: dict[str, Any]) -> set[str]:
    text = get_expression(target)
    grouping = {name for names in GROUPING_LABELS.findall(text) for name in names.split(", ")}
    return {*MATCHED_LABEL.findall(text), *grouping}


def send_requests(service: Service, email: str) -> None:
    """Send some of everything that the dashboard shows."""
    service.register(email)
    tokens = service.login(email).json()
    service.login("nobody@example.com")
    service.profile(tokens["access_token"])
    service.profile("no token")
    service.post("auth/refresh", {"refresh_token": tokens["refresh_token"]})
    service.request("GET", "/nowhere")
    service.post("auth/logout", {"refresh_token": tokens["refresh_token"]})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has scraped a service before and after requests."""
    find_program("prometheus")
    folder = tmp_path_factory.mktemp("dashboard")
    with run_service(folder) as service, run_prometheus(folder, service.port) as server:
        scrapes = f'count_over_time(up{{job="{JOB}"}}[1m]) > '
        send_requests(service, "one@example.com")
        wait_until(lambda: bool(server.query(f"{scrapes} 1")))
        send_requests(service, "two@example.com")
        before = server.query(f"{scrapes} 0")[0][1]
        wait_until(lambda: bool(server.query(f"{scrapes} {before + 2}")))
        yield server


def test_every_graph_has_data(server: Prometheus) -> None:
    results = {name: server.query(get_expression(target)) for name, target in TARGETS.items()}
    empty = [
        name for name, series in results.items() if all(math.isnan(value) for _, value in series)
    ]
    assert empty == []


def test_every_legend_has_its_labels(server: Prometheus) -> None:
    for name, target in TARGETS.items():
        wanted = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        for labels, _ in server.query(get_expression(target)):
            assert wanted <= labels.keys(), name


def test_every_label_exists(server: Prometheus) -> None:
    existing = set(server.get("labels"))
    unknown = {
        name: get_labels_in_expression(target) - existing for name, target in TARGETS.items()
    }
    assert {name: labels for name, labels in unknown.items() if labels} == {}


def test_variables_select_the_service(server: Prometheus) -> None:
    variables = [one for one in DASHBOARD["templating"]["list"] if one["type"] == "query"]
    assert variables
    for variable in variables:
        text = variable["definition"].replace("$job", JOB)
        match = re.fullmatch(r"label_values\((.+), (\w+)\)", text)
        assert match is not None
        assert all(labels[match[2]] for labels, _ in server.query(match[1]))
        assert server.query(match[1])


def test_panel_ids_are_unique() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_panels_do_not_overlap() -> None:
    for one, other in combinations([panel["gridPos"] for panel in PANELS], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)


def test_panels_fit_into_grid() -> None:
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in PANELS)


def test_every_panel_has_unit_and_description() -> None:
    for panel in GRAPHS:
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert len(panel["description"].split()) > 8, panel["title"]


def test_every_panel_uses_the_chosen_data_source() -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    for panel in GRAPHS:
        assert panel["datasource"] == chosen, panel["title"]
        assert all(target["datasource"] == chosen for target in panel["targets"]), panel["title"]
