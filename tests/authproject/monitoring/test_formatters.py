"""Log formats: JSON lines and console columns."""

import io
import json
import logging
import math
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from authproject.monitoring.formatters import ConsoleFormatter, log_fields, supports_color, to_json
from tests.support.api import EMAIL, Api
from tests.support.logs import LogLines, capture_log_lines
from tests.support.processes import PROCESS_ENVIRONMENT, ROOT
from tests.support.terminal import Terminal


@pytest.mark.parametrize(
    "text",
    ["\u2028new line", "\x85new line", "ünï", "\n", "\x1b[31m"],
    ids=ascii,
)
def test_json_line_is_one_line_of_ascii(lines: LogLines, text: str) -> None:
    logging.getLogger("somebody").warning("%s", text)
    assert len(lines.text.splitlines()) == 1
    assert lines.text.isascii()
    assert lines.json("somebody")[0]["message"] == text


def test_lone_surrogate_is_escaped() -> None:
    assert to_json({"text": "\ud800"}) == '{"text": "\\ud800"}'


@pytest.mark.parametrize("text", ["ascii", "\ud800"], ids=ascii)
def test_time_is_iso_8601(text: str) -> None:
    time = datetime(2026, 11, 26, 8, 30, 0, 1, tzinfo=UTC)
    line = parse_strict_json(to_json({"time": time, "text": text}))
    assert line == {"time": time.isoformat(), "text": text}


def test_extra_fields_are_logged(lines: LogLines) -> None:
    logging.getLogger("somebody").warning("hello", extra={"number": 7, "odd": {1}})
    (line,) = lines.json("somebody")
    assert (line["number"], line["odd"]) == (7, "{1}")


def test_uuid_is_logged(lines: LogLines) -> None:
    logging.getLogger("somebody").warning("hello", extra={"id": UUID(int=7), "text": "ünï"})
    (line,) = lines.json("somebody")
    assert (line["id"], line["text"]) == (str(UUID(int=7)), "ünï")


@pytest.mark.parametrize("text", ["ascii", "ünï", "\ud800"], ids=ascii)
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_keep_json_valid(number: float, text: str) -> None:
    line = parse_strict_json(
        to_json({"text": text, "number": number, "deep": [number], "half": 0.5})
    )
    assert line["number"] in {None, str(number)}
    assert (line["text"], line["half"]) == (text, 0.5)


def parse_strict_json(line: str) -> Any:
    """Parse strict JSON (RFC 8259), without NaN."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    return json.loads(line, parse_constant=refuse)


def test_traceback_is_logged(lines: LogLines) -> None:
    try:
        int("no number")
    except ValueError:
        logging.getLogger("somebody").exception("hello")
    assert lines.json("somebody")[0]["exception"].endswith("'no number'")


@pytest.mark.parametrize(
    "before", ["\u010e", "\x0e", "\\u010", "\\", "\\\\", '"', "\n", "\u0101"], ids=ascii
)
def test_masking_keeps_json_valid(lines: LogLines, before: str) -> None:
    secret = "J" + "A" * 20
    logging.getLogger("somebody").warning("%sy%s and %sey%s", before, secret, before, secret)
    outcome = lines.json("somebody")[0]["message"]
    # Text that looks like a token only after JSON escaping is not masked.
    assert outcome == f"{before}y{secret} and {before}***"


TIME = r"\d\d:\d\d:\d\d\.\d\d\d"
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
COMMAND = (
    "import logging, django; django.setup(); logging.getLogger('somebody').warning('in color')"
)


@pytest.fixture
def console() -> Iterator[LogLines]:
    yield from capture_log_lines(ConsoleFormatter(color=False))


@pytest.fixture
def painted() -> Iterator[LogLines]:
    yield from capture_log_lines(ConsoleFormatter(color=True))


def test_access_line_has_columns(api: Api, console: LogLines) -> None:
    api.client.get("/health", headers={"X-Request-ID": "0123456789"})
    columns = rf"{TIME} INFO     200 GET     /health {{19}} +\d+\.\d ms 127\.0\.0\.1 01234567\n"
    assert re.fullmatch(columns, console.text)


def test_access_lines_are_aligned(api: Api, console: LogLines) -> None:
    api.client.get("/")
    api.client.delete("/api/v1/protected/profile")
    assert len({line.index(" ms ") for line in console.text.splitlines()}) == 1


def test_error_line_has_code_and_reason(api: Api, console: LogLines) -> None:
    api.profile("no token")
    assert console.text.rstrip().endswith(" token_invalid (malformed)")
    api.profile(None)
    assert console.text.rstrip().endswith(" not_authenticated")


def test_control_characters_in_code_are_escaped(console: LogLines) -> None:
    fields = {"status": 400, "method": "GET", "path": "/", "duration_ms": 1.0, "client": None}
    extra = {"fields": {**fields, "code": "\n\x1b[31m"}}
    logging.getLogger("own").warning("GET / 400", extra=extra)
    assert console.text.endswith(" \\n\\x1b[31m\n")


def test_security_line_has_event(api: Api, console: LogLines) -> None:
    api.login()
    event, _ = console.text.splitlines()
    assert re.fullmatch(rf"{TIME} WARNING  authn_login_fail +{EMAIL} [0-9a-f]{{8}}", event)


def test_other_lines_have_logger(console: LogLines) -> None:
    logging.getLogger("somebody").warning("%d things", 3)
    assert re.fullmatch(rf"{TIME} WARNING  somebody: 3 things\n", console.text)


def test_traceback_is_indented(console: LogLines) -> None:
    bug = RuntimeError("one\n12:00:00.000 INFO     forged\x1b[31m")
    logging.getLogger("somebody").error("a bug", exc_info=bug)
    first, *rest = console.text.splitlines()
    assert first.endswith("ERROR    somebody: a bug")
    assert all(line.startswith("    ") for line in rest)
    assert rest[0] == "    RuntimeError: one"
    assert rest[-1] == "    12:00:00.000 INFO     forged\\x1b[31m"


def test_token_is_masked(api: Api, console: LogLines) -> None:
    token = api.register_and_log_in()["access_token"]
    bug = RuntimeError(f"could not read {token}!")
    logging.getLogger("somebody").error("of %s", token, exc_info=bug)
    api.client.get(f"/{token}")
    *_, message, exception, access = console.text.splitlines()
    assert message.endswith("somebody: of ***")
    assert exception == "    RuntimeError: could not read ***!"
    assert " 404 GET     /*** " in access


@pytest.mark.parametrize("path", ["/a%0AERROR%20forged", "/a%0D%0A", "/%1b[31m", "/\u2028x"])
def test_line_break_in_path_is_escaped(api: Api, console: LogLines, path: str) -> None:
    api.client.get(path)
    assert len(console.text.splitlines()) == 1
    assert console.text.rstrip("\n").isprintable()


def test_control_characters_in_message_are_escaped(console: LogLines) -> None:
    logging.getLogger("somebody").warning("one\ntwo\x1b[31m")
    assert console.text.endswith(" one\\ntwo\\x1b[31m\n")


@pytest.mark.parametrize(
    ("path", "color"),
    [("/health", "32"), ("/nowhere", "33"), ("/static/nothing.css", "33")],
)
def test_status_has_color_of_its_class(api: Api, painted: LogLines, path: str, color: str) -> None:
    status = api.client.get(path).status_code
    assert f"\x1b[{color}m{status}\x1b[0m" in painted.text


def test_colored_line_has_same_text(api: Api, console: LogLines, painted: LogLines) -> None:
    api.login()
    assert [line.rstrip() for line in ESCAPE.sub("", painted.text).splitlines()] == (
        console.text.splitlines()
    )


@pytest.mark.parametrize(
    ("environment", "on_a_terminal", "elsewhere"),
    [
        ({}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
    ],
    ids=str,
)
def test_color_follows_terminal_and_environment(
    environment: Mapping[str, str], on_a_terminal: bool, elsewhere: bool
) -> None:
    assert supports_color(Terminal(), environment) is on_a_terminal
    assert supports_color(io.StringIO(), environment) is elsewhere


@pytest.mark.skipif(sys.platform == "win32", reason="has no pseudo-terminals")
@pytest.mark.parametrize(("no_color", "colored"), [("", True), ("1", False)])
def test_real_terminal_gets_color_unless_disabled(no_color: str, colored: bool) -> None:
    ours, theirs = pty.openpty()
    environment = {"LOG_FORMAT": "console", "TERM": "xterm", "NO_COLOR": no_color}
    subprocess.run(
        [sys.executable, "-c", COMMAND],
        cwd=ROOT,
        env={**os.environ, **PROCESS_ENVIRONMENT, "FORCE_COLOR": "", **environment},
        stderr=theirs,
        timeout=60,
        check=True,
    )
    os.close(theirs)
    text = os.read(ours, 4096).decode()
    os.close(ours)
    assert "in color" in text
    assert ("\x1b[33mWARNING" in text) is colored


def test_fields_record_is_as_one_of_logging(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("somebody")
    with caplog.at_level(logging.INFO):
        logger.warning("hello")
        log_fields(logger, logging.WARNING, "hello", {"number": 7})
    usual, own = caplog.records
    assert vars(own).keys() - vars(usual).keys() == {"fields"}
    same = ("name", "levelno", "levelname", "msg", "args", "exc_info", "stack_info")
    assert [vars(own)[name] for name in same] == [vars(usual)[name] for name in same]
    assert own.getMessage() == "hello"
    assert usual.created <= own.created <= time.time()
    assert 0 <= own.msecs < 1000
