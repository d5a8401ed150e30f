"""The paths of the service: what each does, and may have to wait for. Read off its URLs."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from django.urls import URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

from accounts.domain.interfaces import StoreAccess


class Route(NamedTuple):
    """A path without a variable part, and whose it is."""

    path: str
    name: str
    """As Django's `reverse` takes it, with its namespaces; empty where it has none."""
    view: Callable[..., Any]

    @property
    def store_access(self) -> StoreAccess | None:
        access: StoreAccess | None = self._option("store_access", None)
        return access

    @property
    def hashes_password(self) -> bool:
        return bool(self._option("hashes_password", default=False))

    @property
    def authenticates(self) -> bool:
        return bool(self._option("authentication_classes", ()))

    @property
    def renders_pages(self) -> bool:
        renderers = self._option("renderer_classes", ())
        return any(one.media_type == "text/html" for one in renderers)

    def _option(self, name: str, default: Any) -> Any:
        """Return what `as_view` was given, or else its class says."""
        options: dict[str, Any] = getattr(self.view, "initkwargs", {})
        return options.get(name, getattr(getattr(self.view, "cls", None), name, default))


def routes(patterns: Iterable[Any] | None = None) -> Iterator[Route]:
    """Yield every route of `patterns`, by default the service's own, in their order."""
    yield from _walk("/", "", get_resolver().url_patterns if patterns is None else patterns)


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
