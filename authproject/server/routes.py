"""Lists the paths of the service with the facts that their views declare."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from django.urls import URLResolver, get_resolver
from django.urls.resolvers import RoutePattern


class Route(NamedTuple):
    """A path and its view."""

    path: str
    name: str
    """The name that Django's `reverse` takes, with namespaces; empty if the route has no name."""
    view: Callable[..., Any]

    def get_fact(self, name: str, default: Any = None) -> Any:
        """Return the argument of `as_view`, or else the attribute of the view class."""
        options: dict[str, Any] = getattr(self.view, "initkwargs", {})
        return options.get(name, getattr(getattr(self.view, "cls", None), name, default))


def iter_routes(
    patterns: Iterable[Any] | None = None,
    prefix: str = "/",
    namespace: str = "",
    *,
    with_variables: bool = False,
) -> Iterator[Route]:
    """Yield every route of `patterns` in their order; by default, the service's own.

    Regular expressions are left out, and by default paths with a variable part, as `<str:id>`.
    """
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if not isinstance(pattern.pattern, RoutePattern):
            continue
        if "<" in str(pattern.pattern) and not with_variables:
            continue
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from iter_routes(pattern.url_patterns, path, inner, with_variables=with_variables)
        else:
            yield Route(path, f"{namespace}{pattern.name or ''}", pattern.callback)
