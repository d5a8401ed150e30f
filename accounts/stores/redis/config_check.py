"""What in a Valkey or Redis server's configuration makes it forget users or logouts."""

from collections.abc import Iterator, Mapping

INSPECTED = ("maxmemory-policy", "appendonly", "save")


def durability_warnings(config: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning for each way in which the server may lose what it was told."""
    policy = config["maxmemory-policy"]
    if policy.startswith("volatile-"):
        yield (
            f"short of memory it drops what has an expiry (maxmemory-policy {policy}): logouts, so "
            "that revoked tokens work again; set it to noeviction"
        )
    elif policy != "noeviction":
        yield (f"short of memory it drops users (maxmemory-policy {policy}); set it to noeviction")
    if config["appendonly"] == "no" and not config["save"]:
        yield "it keeps nothing on disk, and a restart of it loses every user; set appendonly yes"
