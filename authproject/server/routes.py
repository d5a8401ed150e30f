"""The paths of the service: what each does, and may have to wait for. Read off its URLs."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from django.urls import URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

from accounts.domain.interfaces import Waits


class Route(NamedTuple):
    """A path without a variable part, and whose it is."""

    path: str
    name: str
    """As Django's `reverse` takes it, with its namespaces; empty where it has none."""
    view: Callable[..., Any]

    @property
    def waits(self) -> Waits:
        waits: Waits = self._option("waits", Waits.ANYTHING)
        authenticators = self._option("authentication_classes", ())
        # Whoever is authenticated asks the store.
        return max(waits, Waits.IDENTITY) if authenticators else waits

    @property
    def waits_with_cookie(self) -> Waits:
        """What it waits for while the browsable API is on: a page's bar asks whose a cookie is."""
        renderers = self._option("renderer_classes", ())
        pages = any(one.media_type == "text/html" for one in renderers)
        return max(self.waits, Waits.IDENTITY) if pages else self.waits

    @property
    def is_probe(self) -> bool:
        """Whether it is asked by who watches the service, and must hear when clients are not."""
        return bool(getattr(getattr(self.view, "cls", None), "is_probe", False))

    @property
    def operations(self) -> dict[tuple[str, str], str]:
        """What is counted here, by method and path."""
        cls = getattr(self.view, "cls", None)
        if getattr(cls, "counts_actions", False):
            actions: dict[str, str] = getattr(self.view, "actions", {})  # from DRF's router
            return {(method.upper(), self.path): name for method, name in actions.items()}
        name: str | None = getattr(cls, "operation", None)
        return {("POST", self.path): name} if name else {}

    def _option(self, name: str, default: Any) -> Any:
        """Return what `as_view` was given, or else its class says."""
        options: dict[str, Any] = getattr(self.view, "initkwargs", {})
        return options.get(name, getattr(getattr(self.view, "cls", None), name, default))


def routes(patterns: Iterable[Any] | None = None) -> Iterator[Route]:
    """Yield every route of `patterns`, by default the service's own, in their order."""
    yield from _walk("/", "", get_resolver().url_patterns if patterns is None else patterns)


def operations() -> dict[tuple[str, str], str]:
    """Return the name of each operation that is counted, by method and path."""
    return {request: name for route in routes() for request, name in route.operations.items()}


def _walk(prefix: str, namespace: str, patterns: Iterable[Any]) -> Iterator[Route]:
    for pattern in patterns:
        if not isinstance(pattern.pattern, RoutePattern) or "<" in str(pattern.pattern):
            continue
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _walk(path, inner, pattern.url_patterns)
        else:
            yield Route(path, f"{namespace}{pattern.name or ''}", pattern.callback)
