"""The JSON format."""

import json
import logging
import math
from typing import Any
from uuid import UUID

import pytest

from authproject.monitoring.formatters import to_json
from tests.support.logs import LogLines


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
    told = lines.json("somebody")[0]["message"]
    # Text that looks like a token only after JSON escaping is not masked.
    assert told == f"{before}y{secret} and {before}***"
