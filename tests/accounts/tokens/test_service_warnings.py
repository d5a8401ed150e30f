"""What the log says when tokens show that something is wrong with keys or clocks."""

import logging
import re

import pytest

from accounts.tokens.service import MAX_WARNED_KEY_IDS
from tests.support.api import Api, MovableClock
from tests.support.http import decode_claims, decode_header, forge, sign

LOGGER = "accounts.tokens"


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING, LOGGER)
    return caplog


def told(warnings: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in warnings.records if record.name == LOGGER]


def test_a_token_of_an_unknown_key_is_told_with_both_names(
    api: Api, warnings: pytest.LogCaptureFixture
) -> None:
    token = api.enter()["access_token"]
    api.profile(forge(token, {"kid": "0123456789abcdef"}))
    assert told(warnings) == [
        (
            "a token was refused: it was signed with key 0123456789abcdef, "
            f"and we have {decode_header(token)['kid']}; "
            "does JWT_SECRET_KEY_FALLBACKS lack a secret?"
        )
    ]


@pytest.mark.parametrize("kid", ["", "x", "0123456789ABCDEF", "0" * 17, "0123456789abcde\n"])
def test_what_no_key_is_called_is_not_repeated(
    api: Api, warnings: pytest.LogCaptureFixture, kid: str
) -> None:
    api.profile(forge(api.enter()["access_token"], {"kid": kid}))
    assert told(warnings) == []


def test_a_forged_signature_is_no_forgotten_key(
    api: Api, warnings: pytest.LogCaptureFixture
) -> None:
    token = api.enter()["access_token"]
    api.profile(sign(decode_header(token), decode_claims(token), key="x" * 32))
    assert told(warnings) == []


def test_a_token_from_the_future_is_told_and_serves(
    api: Api, clock: MovableClock, warnings: pytest.LogCaptureFixture
) -> None:
    token = api.enter()["access_token"]
    clock.advance(-1200)
    assert api.profile(token).status_code == 200
    assert told(warnings) == [
        (
            "a token of ours was issued 1200 s in the future: "
            "this machine's clock is behind, or another's is ahead"
        )
    ]


def test_clocks_may_differ_by_a_little(
    api: Api, clock: MovableClock, warnings: pytest.LogCaptureFixture
) -> None:
    token = api.enter()["access_token"]
    clock.advance(-4)
    api.profile(token)
    assert told(warnings) == []


def test_no_stranger_fills_the_log(
    api: Api, clock: MovableClock, warnings: pytest.LogCaptureFixture
) -> None:
    token = api.enter()["access_token"]
    for number in range(100):
        api.profile(forge(token, {"kid": f"{number:016}"}))
    assert len(told(warnings)) == 1
    clock.advance(60)
    api.profile(forge(token, {"kid": "0" * 16}))
    assert len(told(warnings)) == 2


def test_no_stranger_hides_the_key_that_is_missing(
    api: Api, clock: MovableClock, warnings: pytest.LogCaptureFixture
) -> None:
    token = api.enter()["access_token"]
    for name in ("a" * 16, "b" * 16, "b" * 16, "c" * 16):
        api.profile(forge(token, {"kid": name}))
    clock.advance(60)
    api.profile(forge(token, {"kid": "a" * 16}))
    assert told(warnings)[1].startswith(
        f"a token was refused: it was signed with key {'a' * 16} "
        f"(before it others, with {'b' * 16}, {'c' * 16}), and we have "
    )


def test_the_names_in_a_line_are_bounded(
    api: Api, clock: MovableClock, warnings: pytest.LogCaptureFixture
) -> None:
    token = api.enter()["access_token"]
    for number in range(100):
        api.profile(forge(token, {"kid": f"{number:016}"}))
    clock.advance(60)
    api.profile(forge(token, {"kid": "f" * 16}))
    theirs = told(warnings)[1].partition(", and we have ")[0]
    assert len(re.findall("[0-9a-f]{16}", theirs)) == MAX_WARNED_KEY_IDS + 1


def test_a_name_that_was_told_is_not_told_again_with_others(
    api: Api, clock: MovableClock, warnings: pytest.LogCaptureFixture
) -> None:
    token = api.enter()["access_token"]
    for name in ("a" * 16, "b" * 16):
        api.profile(forge(token, {"kid": name}))
        clock.advance(60)
    assert "a" * 16 not in told(warnings)[1]


def test_a_clock_that_was_set_back_silences_nothing(
    api: Api, clock: MovableClock, warnings: pytest.LogCaptureFixture
) -> None:
    token = forge(api.enter()["access_token"], {"kid": "0" * 16})
    api.profile(token)
    clock.advance(-3600)
    api.profile(token)
    assert len(told(warnings)) == 2
