"""How an operation is described: drf-spectacular's decorators, with every failure by example."""

from collections.abc import Callable, Iterable
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema

from authproject.openapi import errors as fail

Decorator = Callable[[Any], Any]


def answer(
    shape: Any, description: str, *examples: Any, status: int = 200, media_type: str = fail.JSON
) -> dict[fail.Key, OpenApiResponse]:
    """Return a success. The first example is the usual one."""
    named = [
        OpenApiExample(name, example)
        for name, example in zip(("usual", "rotating"), examples, strict=False)
    ]
    return {(status, media_type): OpenApiResponse(shape, description, named)}


NOTHING = answer(None, "Done; there is nothing to say.", status=204)


def operation(
    name: str | None,
    summary: str,
    description: str,
    success: dict[fail.Key, OpenApiResponse],
    *errors: Exception,
    tag: str = "auth",
    body: Any = None,
    example: Any = None,
    common: Iterable[Exception] = fail.NEGOTIATED,
) -> Decorator:
    """Return the decorator that describes one operation; `body` is its serializer."""
    shapes = fail.misshapen(body) if body else ()
    sent = [OpenApiExample("usual", example, request_only=True)] if body else []
    decorator: Decorator = extend_schema(
        operation_id=name,
        summary=summary,
        description=description,
        tags=[tag],
        request=body,
        examples=sent,
        auth=None if set(fail.BEARER) & set(errors) else [],
        responses={**success, **fail.responses([*errors, *shapes, *common])},
    )
    return decorator
