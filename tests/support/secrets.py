"""What must be in no output, and whether it is."""

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

SHORTEST = 7
"""What is shorter would be found by chance."""


class Secrets:
    """Remembers secrets; searches for them, for their parts, and as they are usually encoded."""

    def __init__(self, *texts: str) -> None:
        self._known: set[str] = set()
        self.keep(*texts)

    def keep(self, *texts: str) -> None:
        for text in texts:
            assert len(text) >= SHORTEST, "too short a secret to be searched for"
            self._known.add(text)
            if text.startswith("eyJ"):
                # A token's header says its algorithm and its key's name: no secret.
                self._known.update(part for part in text.split(".")[1:] if len(part) >= SHORTEST)

    def found_in(self, output: str) -> list[str]:
        """Return the secrets that are in an output, in whatever case and common encoding."""
        assert self._known
        lower = output.lower()
        return sorted(
            text for text in self._known if any(form.lower() in lower for form in _forms(text))
        )


def _forms(text: str) -> Iterator[str]:
    data = text.encode()
    yield text
    yield repr(text)[1:-1]
    yield json.dumps(text)[1:-1]
    yield quote(text)
    yield quote_plus(text)
    yield quote(quote(text))  # quoted by the client, and once more by whoever logs it
    yield data.hex()
    # Without its end, where what follows would count in.
    yield base64.b64encode(data[: len(data) // 3 * 3]).decode()
    yield base64.urlsafe_b64encode(data[: len(data) // 3 * 3]).decode()
