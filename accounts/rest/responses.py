"""DRF's response, in UTF-8 without asking."""

from collections.abc import Mapping
from typing import Any

from rest_framework import response

from accounts.domain.errors import TokenError


class Response(response.Response):
    # Django works a response's charset out of settings and headers, several times for each.
    charset = "utf-8"

    error_code: str | None = None
    """What was wrong, for the log and the metrics; set by who makes the one error shape, since a
    body of a project's own view may have a `code` that a client chose."""

    token_error: TokenError | None = None
    """Why a token was refused, for the log and the metrics."""

    errors: Mapping[str, Any] | None = None
    """By field, what an answer in the one error shape has; `None` for a view's own answer."""
