"""docs/examples/client.js in Node, which has as little of a browser as React Native."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.api import PASSWORD
from tests.support.http import NEW_PASSWORD
from tests.support.metrics import Counts
from tests.support.node import run_script
from tests.support.processes import Service
from tests.support.python_client import forge_expired


@pytest.fixture
def counts(service: Service) -> Counts:
    return Counts(service.metrics)


@pytest.fixture
def given(service: Service, email: str) -> dict[str, Any]:
    """What a script knows of the service: its address, a registered user, the user's tokens."""
    assert service.register(email).status == 201
    return {
        "api": f"http://127.0.0.1:{service.port}",
        "email": email,
        "password": PASSWORD,
        "newPassword": NEW_PASSWORD,
        "tokens": service.login(email).json(),
    }


@pytest.fixture
def expired(given: dict[str, Any], service: Service) -> dict[str, Any]:
    """The same, with an access token that has expired."""
    access_token = forge_expired(given["tokens"]["access_token"], service)
    return {**given, "tokens": {**given["tokens"], "access_token": access_token}}


@pytest.mark.parametrize("slash", ["", "/", "//"])
def test_request_after_login_carries_token(
    tmp_path: Path, given: dict[str, Any], slash: str
) -> None:
    script = """
    const client = new AuthClient(given.api);
    await client.login(given.email, given.password);
    report(await outcome(client.fetch(PROFILE)));
    """
    found = run_script(tmp_path, script, **{**given, "api": given["api"] + slash})
    assert (found["status"], found["email"]) == (200, given["email"])


def test_registered_user_can_log_in(tmp_path: Path, given: dict[str, Any]) -> None:
    script = """
    const client = new AuthClient(given.api);
    const registered = await client.register(given.email, given.password);
    await client.login(given.email, given.password);
    report([registered, await outcome(client.fetch(PROFILE))]);
    """
    email = f"new.{given['email']}"
    registered, profile = run_script(tmp_path, script, **{**given, "email": email})
    assert registered == {"message": "User registered", "email": email}
    assert profile["email"] == email


def test_register_error_has_fields_and_request_id(
    tmp_path: Path, service: Service, given: dict[str, Any]
) -> None:
    script = 'report(await outcome(new AuthClient(given.api).register(given.email, "short")));'
    found = run_script(tmp_path, script, **given)
    assert (found["error"], found["status"], found["code"]) == ("ApiError", 400, "invalid")
    codes = {name: [one["code"] for one in errors] for name, errors in found["errors"].items()}
    assert codes == {"email": ["duplicate_email"], "password": ["password_too_short"]}
    assert found["request_id"] in service.log


def test_concurrent_requests_with_expired_token_refresh_once(
    tmp_path: Path, counts: Counts, expired: dict[str, Any]
) -> None:
    script = """
    const storage = newStorage(given.tokens);
    const client = new AuthClient(given.api, { storage });
    await client.restore();
    const found = await Promise.all([1, 2, 3, 4].map(() => outcome(client.fetch(PROFILE))));
    report([found.map((one) => one.status), storage.tokens]);
    """
    statuses, tokens = run_script(tmp_path, script, **expired)
    assert statuses == [200] * 4
    assert counts.outcome("refresh", "success") == 1
    assert tokens["refresh_token"] != expired["tokens"]["refresh_token"]


def test_failed_refresh_fails_all_requests_and_keeps_session(
    tmp_path: Path, expired: dict[str, Any]
) -> None:
    script = """
    let offline = true;
    const fetch = (url, options) => {
      if (url.endsWith("/refresh") && offline) throw new TypeError("no network");
      return globalThis.fetch(url, options);
    };
    const client = new AuthClient(given.api, { fetch, storage: newStorage(given.tokens) });
    await client.restore();
    const both = await Promise.all([1, 2].map(() => outcome(client.fetch(PROFILE))));
    offline = false;
    report([...both, await outcome(client.fetch(PROFILE))]);
    """
    *both, third = run_script(tmp_path, script, **expired)
    assert [one["message"] for one in both] == ["no network"] * 2
    assert third["status"] == 200


def test_new_password_replaces_tokens(
    tmp_path: Path, service: Service, expired: dict[str, Any]
) -> None:
    script = """
    const storage = newStorage(given.tokens);
    const client = new AuthClient(given.api, { storage });
    await client.restore();
    await client.changePassword(given.password, given.newPassword);
    report([await outcome(client.fetch(PROFILE)), storage.tokens]);
    """
    found, tokens = run_script(tmp_path, script, **expired)
    assert found["status"] == 200
    assert service.profile(tokens["access_token"]).status == 200
    refreshed = service.post("auth/refresh", {"refresh_token": tokens["refresh_token"]})
    assert refreshed.status == 200


def test_wrong_current_password_keeps_session(tmp_path: Path, given: dict[str, Any]) -> None:
    script = """
    const client = new AuthClient(given.api, { storage: newStorage(given.tokens) });
    await client.restore();
    const refused = await outcome(client.changePassword("wrong horse", given.newPassword));
    report([refused, await outcome(client.fetch(PROFILE))]);
    """
    refused, profile = run_script(tmp_path, script, **given)
    assert refused["errors"]["current_password"][0]["code"] == "invalid_credentials"
    assert profile["status"] == 200


def test_request_during_new_password_waits_for_new_tokens(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    script = """
    let late;
    const fetch = async (url, options) => {
      const response = await globalThis.fetch(url, options);
      if (url.endsWith("/password")) {
        // The client does not know the new tokens yet.
        late = outcome(client.fetch(PROFILE));
        await new Promise((resolve) => (late.refused = resolve));
      }
      if (url.endsWith("/profile") && response.status === 401) setImmediate(late.refused);
      return response;
    };
    const client = new AuthClient(given.api, { fetch, storage: newStorage(given.tokens) });
    await client.restore();
    await client.changePassword(given.password, given.newPassword);
    report(await late);
    """
    assert run_script(tmp_path, script, **given)["status"] == 200


def test_asynchronous_storage_continues_session(
    tmp_path: Path, service: Service, given: dict[str, Any]
) -> None:
    script = """
    const items = new Map();
    const wait = () => new Promise(setImmediate);
    const storage = {
      load: async () => { await wait(); return JSON.parse(items.get("tokens") ?? null); },
      save: async (tokens) => { await wait(); items.set("tokens", JSON.stringify(tokens)); },
    };
    await new AuthClient(given.api, { storage }).login(given.email, given.password);
    const restarted = new AuthClient(given.api, { storage });
    const first = [await restarted.restore(), await outcome(restarted.fetch(PROFILE))];
    const { access_token } = await storage.load();
    await restarted.logout();
    report([...first, access_token, await storage.load(), await restarted.restore()]);
    """
    restored, profile, access_token, kept, again = run_script(tmp_path, script, **given)
    assert (restored, profile["status"]) == (True, 200)
    assert service.profile(access_token).json()["code"] == "token_revoked"
    assert (kept, again) == (None, False)


def test_without_storage_nothing_is_restored(tmp_path: Path, given: dict[str, Any]) -> None:
    script = """
    const client = new AuthClient(given.api);
    report([await client.restore(), await outcome(client.fetch(PROFILE))]);
    """
    restored, found = run_script(tmp_path, script, **given)
    assert not restored
    assert (found["error"], found["code"]) == ("SessionEnded", "not_authenticated")


def test_users_of_one_process_do_not_share_tokens(
    tmp_path: Path, service: Service, given: dict[str, Any]
) -> None:
    script = """
    const render = async (email) => {
      const client = new AuthClient(given.api);
      await client.login(email, given.password);
      const first = await outcome(client.fetch(PROFILE));
      const second = await outcome(client.fetch(PROFILE));
      return [first.email, second.email];
    };
    report(await Promise.all(given.emails.map(render)));
    """
    emails = [given["email"], f"other.{given['email']}"]
    service.register(emails[1])
    assert run_script(tmp_path, script, emails=emails, **given) == [[one, one] for one in emails]


def test_reused_refresh_token_raises_session_ended(
    tmp_path: Path, service: Service, expired: dict[str, Any]
) -> None:
    script = """
    const storage = newStorage(given.tokens);
    const client = new AuthClient(given.api, { storage });
    await client.restore();
    const both = await Promise.all([1, 2].map(() => outcome(client.fetch(PROFILE))));
    report([...both, await outcome(client.fetch(PROFILE)), storage.tokens]);
    """
    stolen = {"refresh_token": expired["tokens"]["refresh_token"]}
    assert service.post("auth/refresh", stolen).status == 200
    *outcomes, tokens = run_script(tmp_path, script, **expired)
    assert [one["error"] for one in outcomes] == ["SessionEnded"] * 3
    codes = ["token_reused", "token_reused", "not_authenticated"]
    assert [one["code"] for one in outcomes] == codes
    assert tokens is None


def test_late_refresh_is_not_stored_after_logout(tmp_path: Path, expired: dict[str, Any]) -> None:
    script = """
    const storage = newStorage(given.tokens);
    const fetch = async (url, options) => {
      const response = await globalThis.fetch(url, options);
      if (url.endsWith("/refresh")) await client.logout();
      return response;
    };
    const client = new AuthClient(given.api, { fetch, storage });
    await client.restore();
    report([await outcome(client.fetch(PROFILE)), storage.tokens]);
    """
    found, tokens = run_script(tmp_path, script, **expired)
    assert (found["error"], found["code"]) == ("SessionEnded", "token_revoked")
    assert tokens is None


@pytest.mark.parametrize("url", ["", "/api", "//host", "127.0.0.1:8000", "http:///host"])
def test_base_url_that_is_not_absolute_is_refused(tmp_path: Path, url: str) -> None:
    script = "report(await outcome((async () => new AuthClient(given.url))()));"
    assert run_script(tmp_path, script, url=url)["error"] == "TypeError"
