"""Content negotiation by DRF, worked out once for each kind of client."""

from collections.abc import Sequence
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, cast

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

# A client says the same in each of its requests. Longer headers are nobody's usual ones.
REMEMBERED = 256
MAX_LENGTH = 256


Selection = tuple[BaseRenderer, str]


class CachedContentNegotiation(DefaultContentNegotiation):
    """DRF's choice, remembered by the header and what there was to choose from."""

    def select_renderer(
        self,
        request: Request,
        renderers: Sequence[BaseRenderer],  # type: ignore[override]  # DRF asks for any iterable
        format_suffix: str | None = None,
    ) -> Selection:
        meta = request.META
        accept = meta.get("HTTP_ACCEPT", "*/*")
        if format_suffix or meta.get("QUERY_STRING") or len(accept) > MAX_LENGTH:
            return cast(Selection, super().select_renderer(request, renderers, format_suffix))
        index, media_type = _select_renderer(accept, tuple(map(type, renderers)))
        return renderers[index], media_type

    def select_parser(
        self,
        request: Request,
        parsers: Sequence[BaseParser],  # type: ignore[override]  # DRF asks for any iterable
    ) -> BaseParser | None:
        content_type = request.content_type
        if len(content_type) > MAX_LENGTH:
            return None
        index = _select_parser(content_type, tuple(map(type, parsers)))
        return None if index is None else parsers[index]


@lru_cache(REMEMBERED)
def _select_renderer(accept: str, classes: tuple[type[BaseRenderer], ...]) -> tuple[int, str]:
    renderers = [renderer() for renderer in classes]
    asked: Any = SimpleNamespace(headers={"accept": accept}, query_params={})
    chosen, media_type = DefaultContentNegotiation().select_renderer(asked, renderers)
    return renderers.index(chosen), media_type


@lru_cache(REMEMBERED)
def _select_parser(content_type: str, classes: tuple[type[BaseParser], ...]) -> int | None:
    parsers = [parser() for parser in classes]
    asked: Any = SimpleNamespace(content_type=content_type)
    chosen = DefaultContentNegotiation().select_parser(asked, parsers)
    return None if chosen is None else parsers.index(chosen)
