"""Searches outputs for secrets."""

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

MIN_LENGTH = 7
"""Shorter texts would be found by chance."""


class Secrets:
    """A set of secrets, and a search for them, for their parts and for their usual encodings."""

    def __init__(self, *texts: str) -> None:
        self._texts: set[str] = set()
        self.add(*texts)

    def add(self, *texts: str) -> None:
        for text in texts:
            assert len(text) >= MIN_LENGTH, "this secret is too short to search for"
            self._texts.add(text)
            if text.startswith("eyJ"):
                # Not the token's header: it has the algorithm and the key ID, which are public.
                self._texts.update(part for part in text.split(".")[1:] if len(part) >= MIN_LENGTH)

    def find_in(self, output: str) -> list[str]:
        """Return the secrets that an output contains, in any case and common encoding."""
        assert self._texts
        lower = output.lower()
        return sorted(
            text
            for text in self._texts
            if any(encoded.lower() in lower for encoded in _iter_encodings(text))
        )


def _iter_encodings(text: str) -> Iterator[str]:
    data = text.encode()
    yield text
    yield repr(text)[1:-1]
    yield json.dumps(text)[1:-1]
    yield quote(text)
    yield quote_plus(text)
    yield quote(quote(text))  # quoted by the client, and again by the logger
    yield data.hex()
    # Only whole groups of three bytes: the encoding of the rest depends on what follows.
    yield base64.b64encode(data[: len(data) // 3 * 3]).decode()
    yield base64.urlsafe_b64encode(data[: len(data) // 3 * 3]).decode()
