"""Sets several response headers at once, and reads them all.

Django checks each header when it is set. These are checked once; a profile request sets six of
them. With `Mapping.items`, which Django uses to read them, that is 6 µs a request.
"""

from collections.abc import Mapping

from django.http.response import HttpResponseBase, ResponseHeaders
from django.utils.cache import patch_vary_headers

PreparedHeaders = dict[str, tuple[str, str]]
"""Headers that were checked, by their name in lower case."""


def prepare_headers(headers: Mapping[str, str]) -> PreparedHeaders:
    """Check headers as Django does when they are set. Raises `BadHeaderError`."""
    return dict(ResponseHeaders(headers)._store)  # noqa: SLF001  # see PRIVATE_USES


def set_headers(response: HttpResponseBase, prepared: PreparedHeaders) -> None:
    """Set headers, as `response[name] = value` for each one. `Vary` is added to."""
    store = response.headers._store  # noqa: SLF001  # see PRIVATE_USES
    vary = store.get("vary")
    store.update(prepared)
    if vary and "vary" in prepared:
        store["vary"] = vary
        patch_vary_headers(response, [prepared["vary"][1]])


def get_headers(response: HttpResponseBase) -> list[tuple[str, str]]:
    """Return what `response.items()` yields."""
    return list(response.headers._store.values())  # noqa: SLF001  # see PRIVATE_USES
