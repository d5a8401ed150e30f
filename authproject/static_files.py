"""What the pages' own files are served with. Told to WhiteNoise, by `settings.py`."""

from collections.abc import MutableMapping


def guard(headers: MutableMapping[str, str], path: str, url: str) -> None:
    """Let a file that is a page do nothing: Swagger UI brings one for OAuth, which nothing uses."""
    if path.endswith(".html"):
        headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
        headers["X-Frame-Options"] = "DENY"
