"""Sets several response headers at once, and reads them all.

Django checks each header when it is set. These are checked once; a profile request sets six of
them. With `Mapping.items`, which Django uses to read them, that is 6 µs a request.
"""

from collections.abc import Mapping

from django.http.response import HttpResponseBase, ResponseHeaders

PreparedHeaders = dict[str, tuple[str, str]]
"""Headers that were checked, by their name in lower case."""


def prepare_headers(headers: Mapping[str, str]) -> PreparedHeaders:
    """Check headers as Django does when they are set. Raises `BadHeaderError`."""
    return dict(ResponseHeaders(headers)._store)  # noqa: SLF001  # see PRIVATE_USES


def set_headers(response: HttpResponseBase, prepared: PreparedHeaders) -> None:
    """Set headers, as `response[name] = value` for each one."""
    response.headers._store.update(prepared)  # noqa: SLF001  # see PRIVATE_USES


def get_headers(response: HttpResponseBase) -> list[tuple[str, str]]:
    """Return what `response.items()` yields."""
    return list(response.headers._store.values())  # noqa: SLF001  # see PRIVATE_USES
