"""What each path of the service does, and may have to wait for: read off its URL configuration."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.urls import URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

from accounts.core.ports import Waits

View = Callable[..., Any]


def what_paths_wait_for() -> Iterator[tuple[str, Waits]]:
    """Yield each path of the service that has no variable part, and what its view waits for."""
    for path, view in _walk("/", get_resolver().url_patterns):
        yield path, _waits_of(view)


def what_paths_do() -> Iterator[tuple[tuple[str, str], str]]:
    """Yield method and path of what is counted as an operation, and the operation's name."""
    for path, view in _walk("/", get_resolver().url_patterns):
        for method, name in _operations_of(view).items():
            yield (method.upper(), path), name


def _walk(prefix: str, patterns: Iterable[Any]) -> Iterator[tuple[str, View]]:
    for pattern in patterns:
        if not isinstance(pattern.pattern, RoutePattern) or "<" in str(pattern.pattern):
            continue
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(path, pattern.url_patterns)
        else:
            yield path, pattern.callback


def _waits_of(view: View) -> Waits:
    cls = getattr(view, "cls", None)
    options = getattr(view, "initkwargs", {})
    waits: Waits = options.get("waits", getattr(cls, "waits", Waits.ANYTHING))
    authenticators = options.get(
        "authentication_classes", getattr(cls, "authentication_classes", ())
    )
    # Whoever is authenticated asks the store.
    return max(waits, Waits.IDENTITY) if authenticators else waits


def _operations_of(view: View) -> dict[str, str]:
    cls = getattr(view, "cls", None)
    if getattr(cls, "counts_actions", False):
        actions: dict[str, str] = getattr(view, "actions", {})  # by method, from DRF's router
        return actions
    name: str | None = getattr(cls, "operation", None)
    return {"post": name} if name else {}
