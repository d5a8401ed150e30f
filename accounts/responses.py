"""DRF's response, in UTF-8 without asking."""

from rest_framework import response

from accounts.core.errors import TokenError


class Response(response.Response):
    # Django works a response's charset out of settings and headers, several times for each.
    charset = "utf-8"

    token_error: TokenError | None = None
    """Why a token was refused, for the log and the metrics."""
