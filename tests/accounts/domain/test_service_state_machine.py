"""Compares `AccountService` over each store with the model of `tests.support.session_model`."""

import pytest

pytest.importorskip("hypothesis", reason="needs requirements-dev.txt")

from hypothesis.stateful import run_state_machine_as_test

from tests.support.api import MovableClock
from tests.support.service_driver import ServiceDriver
from tests.support.session_model import MAX_SESSIONS, Policy
from tests.support.state_machine import SessionMachine, build_settings
from tests.support.store_states import OpenControl


@pytest.mark.parametrize(("store", "examples"), [("memory", 80), ("file", 15), ("valkey", 15)])
def test_service_behaves_as_the_model(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, store: str, examples: int
) -> None:
    monkeypatch.setattr("accounts.domain.sessions.MAX_LISTED_SESSIONS", MAX_SESSIONS)
    open_store: OpenControl = request.getfixturevalue(f"open_{store}")

    class ServiceMachine(SessionMachine):
        @staticmethod
        def build_driver(policy: Policy, clock: MovableClock) -> ServiceDriver:
            return ServiceDriver(policy, clock, open_store(clock))

    run_state_machine_as_test(ServiceMachine, settings=build_settings(examples))
