"""DRF's response, and the error that it may report."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rest_framework import response

from accounts.domain.service import TokenPair

LOG_CODE_RE = re.compile(r"[A-Za-z0-9_.-]{1,64}")

NO_SESSION = "no_session"
"""The `log_code` of a logout that ended no session."""


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """An error response in the one JSON shape, before it is rendered."""

    status: int
    code: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Members of the body beside `detail` and `code`."""

    nested_errors: Any = None
    """`detail` of DRF's `ValidationError` as it was raised, for the browsable API's form."""

    token_reason: str | None = None
    """Why a token was refused, for metrics. The exception would keep the request in memory."""

    log_reason: str | None = None
    """More about the cause, for the log only."""

    @property
    def body(self) -> dict[str, Any]:
        return {"detail": self.detail, "code": self.code, **self.extra}

    @property
    def log_code(self) -> str | None:
        """The code for logs and metrics; `None` unless it is a plain identifier."""
        return self.code if LOG_CODE_RE.fullmatch(self.code) else None


class Response(response.Response):
    """DRF's response. All responses of this service are UTF-8."""

    # Saves 5 µs a response: Django would derive it from settings and headers several times.
    charset = "utf-8"

    error: ErrorResponse | None = None
    """Set by `exception_handler`, for logs, metrics and the browsable API.

    `None` for a view's own error body: a client may have chosen the `code` in it.
    """

    log_code: str | None = None
    """The code of a response without error, for logs and metrics; `None` is a success."""

    tokens: TokenPair | None = None
    """The new tokens, for those who keep them in a cookie; the body may lack some."""

    def close(self) -> None:
        """Close the response. Nothing reads its view and request after that.

        They and the response refer to each other, so only the garbage collector would free them,
        which costs 7 µs a request.
        """
        super().close()
        if context := vars(self).pop("renderer_context", None):
            context["request"].parser_context.clear()
            vars(context["view"]).clear()
