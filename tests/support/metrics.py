"""Reads /metrics."""

import re
from collections.abc import Callable

from tests.support.api import Api

SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")


def read(text: str) -> dict[tuple[str, frozenset[str]], float]:
    """Return the samples by name and labels."""
    found = (SAMPLE.fullmatch(line) for line in text.splitlines() if not line.startswith("#"))
    return {
        (match[1], frozenset((match[2] or "").split(",")) - {""}): float(match[3])
        for match in found
        if match is not None
    }


class Counts:
    """Reports how much a sample has grown since this object was created."""

    def __init__(self, scrape: Callable[[], str]) -> None:
        self._scrape = scrape
        self._before = read(scrape())

    def __call__(self, name: str, **labels: str) -> float:
        key = (name, frozenset(f'{label}="{value}"' for label, value in labels.items()))
        return read(self._scrape()).get(key, 0) - self._before.get(key, 0)

    def get_by_label(self, name: str, label: str) -> dict[str, float]:
        """Return each value of the label of a one-label metric that has grown."""
        key_start = f'{label}="'
        return {
            next(iter(labels)).removeprefix(key_start).removesuffix('"'): value - before
            for (sample, labels), value in read(self._scrape()).items()
            if sample == name and value != (before := self._before.get((sample, labels), 0))
        }

    def outcome(self, operation: str, outcome: str) -> float:
        return self("auth_requests_total", operation=operation, outcome=outcome)


def scrape(api: Api) -> str:
    text: str = api.client.get("/metrics").content.decode()
    return text
