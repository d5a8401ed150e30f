"""Hooks of schemathesis (schemathesis.toml): a new user for each request that needs a token.

A change of password and logout-all end every session, so a token is good for one request.
"""

import json
import urllib.request
from itertools import count
from typing import Any

import schemathesis
from hypothesis import strategies as st

# No Django here, so nothing of tests.support.api.
JSON = "application/json"
PASSWORD = "correct horse battery"

numbers = count()

# Usual addresses, so that stateful tests register and log in, beside Hypothesis's odd ones.
USUAL_EMAILS = st.integers(1, 10**9).map("user{}@example.com".format)
schemathesis.openapi.format("idn-email", USUAL_EMAILS | st.emails())
schemathesis.openapi.format(
    "password", st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=8)
)


def needs_token(context: Any) -> bool:
    """Return whether the document says that an operation needs a token."""
    return bool(context.operation.definition.raw.get("security"))


@schemathesis.auth(refresh_interval=None).apply_to(needs_token)
class FreshAccount:
    def get(self, case: Any, context: Any) -> str:
        address = f"{context.operation.base_url.rstrip('/')}/api/v1/auth"
        body = {"email": f"conformance{next(numbers)}@example.com", "password": PASSWORD}
        _post(f"{address}/register", body)
        token: str = _post(f"{address}/login", body)["access_token"]
        return token

    def set(self, case: Any, data: str, context: Any) -> None:
        # A link has set the token of an earlier response.
        if not str(case.headers.get("Authorization")).startswith("Bearer eyJ"):
            case.headers["Authorization"] = f"Bearer {data}"


def _post(url: str, body: dict[str, str]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": JSON})
    with urllib.request.urlopen(request, timeout=60) as response:
        answer: dict[str, Any] = json.load(response)
        return answer
