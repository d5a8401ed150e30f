"""What each path of the service may have to wait for, read off its URL configuration once."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.urls import URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

from accounts.core.ports import Waits


def what_paths_wait_for() -> Iterator[tuple[str, Waits]]:
    """Yield each path of the service that has no variable part, and what its view waits for."""
    yield from _walk("/", get_resolver().url_patterns)


def _walk(prefix: str, patterns: Iterable[Any]) -> Iterator[tuple[str, Waits]]:
    for pattern in patterns:
        if not isinstance(pattern.pattern, RoutePattern) or "<" in str(pattern.pattern):
            continue
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(path, pattern.url_patterns)
        else:
            yield path, _waits_of(pattern.callback)


def _waits_of(view: Callable[..., Any]) -> Waits:
    cls = getattr(view, "cls", None)
    options = getattr(view, "initkwargs", {})
    waits: Waits = options.get("waits", getattr(cls, "waits", Waits.ANYTHING))
    authenticators = options.get(
        "authentication_classes", getattr(cls, "authentication_classes", ())
    )
    # Whoever is authenticated asks the store.
    return max(waits, Waits.IDENTITY) if authenticators else waits
