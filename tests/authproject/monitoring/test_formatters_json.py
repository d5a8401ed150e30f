"""What a line in JSON is made of, whatever is told."""

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
def test_a_json_line_is_one_line_of_ascii(lines: LogLines, text: str) -> None:
    logging.getLogger("somebody").warning("%s", text)
    assert len(lines.text.splitlines()) == 1
    assert lines.text.isascii()
    assert lines.json("somebody")[0]["message"] == text


def test_half_of_a_surrogate_pair_is_escaped() -> None:
    assert to_json({"text": "\ud800"}) == '{"text": "\\ud800"}'


def test_what_is_given_as_extra_is_on_the_line(lines: LogLines) -> None:
    logging.getLogger("somebody").warning("hello", extra={"number": 7, "odd": {1}})
    (line,) = lines.json("somebody")
    assert (line["number"], line["odd"]) == (7, "{1}")


def test_what_only_one_encoder_knows_is_on_the_line_all_the_same(lines: LogLines) -> None:
    logging.getLogger("somebody").warning("hello", extra={"id": UUID(int=7), "text": "ünï"})
    (line,) = lines.json("somebody")
    assert (line["id"], line["text"]) == (str(UUID(int=7)), "ünï")


@pytest.mark.parametrize("text", ["ascii", "ünï", "\ud800"], ids=ascii)
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_does_not_know_breaks_no_line(number: float, text: str) -> None:
    line = strictly(to_json({"text": text, "number": number, "deep": [number], "half": 0.5}))
    assert line["number"] in {None, str(number)}
    assert (line["text"], line["half"]) == (text, 0.5)


def strictly(line: str) -> Any:
    """Read JSON as RFC 8259 has it: Python alone takes NaN for a number."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    return json.loads(line, parse_constant=refuse)


def test_a_traceback_is_on_the_line(lines: LogLines) -> None:
    try:
        int("no number")
    except ValueError:
        logging.getLogger("somebody").exception("hello")
    assert lines.json("somebody")[0]["exception"].endswith("'no number'")


@pytest.mark.parametrize(
    "before", ["\u010e", "\x0e", "\\u010", "\\", "\\\\", '"', "\n", "\u0101"], ids=ascii
)
def test_a_mask_leaves_json_whole(lines: LogLines, before: str) -> None:
    secret = "J" + "A" * 20
    logging.getLogger("somebody").warning("%sy%s and %sey%s", before, secret, before, secret)
    told = lines.json("somebody")[0]["message"]
    # What looked like a token only by its escape is none.
    assert told == f"{before}y{secret} and {before}***"
