"""Responses as JSON."""

from collections.abc import Mapping
from typing import Any

from rest_framework import renderers
from rest_framework.compat import SHORT_SEPARATORS


class JSONRenderer(renderers.JSONRenderer):
    """DRF's own, with an encoder that is made once, not for each response."""

    _encoder = renderers.JSONRenderer.encoder_class(
        ensure_ascii=renderers.JSONRenderer.ensure_ascii,
        allow_nan=not renderers.JSONRenderer.strict,
        separators=SHORT_SEPARATORS,
    )

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> Any:
        indented = renderer_context and renderer_context.get("indent")
        if data is None or indented or accepted_media_type != self.media_type:
            return super().render(data, accepted_media_type, renderer_context)
        text = self._encoder.encode(data)
        return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()
