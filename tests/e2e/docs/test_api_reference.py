"""docs/reference/api.md lists the codes, settings and metrics that the code has."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import DisallowedHost, SuspiciousOperation
from django.http import HttpRequest
from prometheus_client.parser import text_string_to_metric_families
from rest_framework import exceptions as drf

from accounts.browsable.authentication import ExpiredForm
from accounts.domain import errors
from accounts.rest import exceptions as rest
from authproject.environment.generate_docs import build_settings_table
from authproject.monitoring.metrics import render_metrics

ROOT = Path(__file__).resolve().parents[3]
ARGUMENTS: dict[type, tuple[Any, ...]] = {
    errors.UnknownKeyID: ("0123456789abcdef",),
    errors.TokenExpired: (1.0,),
}
PAGE = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")

# Only a project's own view raises these; the page says so in one sentence.
OTHER_DRF_ERRORS = {drf.APIException, drf.AuthenticationFailed, drf.Throttled}


def get_rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without the table's own head."""
    section = PAGE.split(f"\n{heading}\n")[1]
    lines = re.findall(r"^\|.*\|$", re.split(r"\n#", section)[0], re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def get_documented_codes(heading: str) -> dict[str, int]:
    return {code.strip("`"): int(status) for code, status, *_ in get_rows(heading)}


def get_subclasses(cls: type[Any]) -> Iterator[type[Any]]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from get_subclasses(subclass)


def build_responses() -> Iterator[Any]:
    """Yield an error response of each kind that the code can send."""
    request = HttpRequest()
    for cls in get_subclasses(errors.AccountError):
        if hasattr(cls, "code") and cls.__module__ == errors.__name__:
            error = cls(*ARGUMENTS.get(cls, ()))
            yield rest.exception_handler(error, {})
    for cls in get_subclasses(drf.APIException):
        if cls.__module__ == drf.__name__ and cls not in OTHER_DRF_ERRORS:
            arguments = {drf.MethodNotAllowed: ["GET"], drf.UnsupportedMediaType: ["text/plain"]}
            yield rest.exception_handler(cls(*arguments.get(cls, [])), {})
    for code in rest.UNPROCESSABLE_CODES:
        detail = {"email": [drf.ErrorDetail("text", code)]}
        yield rest.exception_handler(drf.ValidationError(detail), {})
    yield rest.exception_handler(ExpiredForm(), {})
    yield rest.error_response(rest.PayloadTooLarge())
    yield rest.bad_request(request, DisallowedHost())
    yield rest.bad_request(request, SuspiciousOperation())
    yield rest.server_error(request)


def test_codes_match_the_responses() -> None:
    sent = {response.error.body["code"]: response.status_code for response in build_responses()}
    assert get_documented_codes("### Codes") == sent


def test_field_codes_match_the_responses() -> None:
    sent = {
        item["code"]: response.status_code
        for response in build_responses()
        for items in response.error.body.get("errors", {}).values()
        for item in items
    }
    # DRF's ValidationError without a code; a field of this service always has one.
    del sent[drf.ValidationError.default_code]
    assert get_documented_codes("### Codes of fields") == sent


def test_settings_match_the_declared_variables() -> None:
    declared = re.findall(r"^\| (`\w+`) \| ([^|]*) \|", build_settings_table(), re.MULTILINE)
    assert [(name, default) for name, default, _ in get_rows("## Settings")] == declared


def test_metrics_match_the_scrape() -> None:
    # prometheus_client's own are about the process and Python.
    families = [
        family
        for family in text_string_to_metric_families(render_metrics().decode())
        if not family.name.startswith(("process_", "python_"))
    ]
    scraped = {
        f"{family.name}_total" if family.type == "counter" else family.name: family.type
        for family in families
    }
    assert {name.strip("`"): kind for name, kind, _ in get_rows("## Metrics")} == scraped


@pytest.mark.parametrize("name", ["### Codes", "### Codes of fields", "## Settings", "## Metrics"])
def test_table_is_found(name: str) -> None:
    assert len(get_rows(name)) > 5
