"""Renders responses as JSON."""

from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework import renderers


class JSONRenderer(renderers.JSONRenderer):
    """DRF's renderer with a faster encoder, orjson, for plain JSON without indent."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> Any:
        indent = renderer_context and renderer_context.get("indent")
        if data and not indent and accepted_media_type == self.media_type:
            try:
                return orjson.dumps(data, option=orjson.OPT_PASSTHROUGH_DATETIME)
            except TypeError:
                pass  # dates, decimals, lazy strings: DRF's encoder knows them
        return super().render(data, accepted_media_type, renderer_context)
