"""Makes a real server refuse changes, and accept them again."""

from tests.support.ports import free_port
from tests.support.valkey import Server, ask, wait_until


def configure(server: Server, *words: str) -> None:
    assert ask(server.port, "CONFIG", "SET", *words) == b"+OK\r\n"


def demote(server: Server) -> None:
    """Make it the replica of a server that does not exist."""
    assert ask(server.port, "REPLICAOF", "127.0.0.1", str(free_port())) == b"+OK\r\n"


def promote(server: Server) -> None:
    assert ask(server.port, "REPLICAOF", "NO", "ONE") == b"+OK\r\n"


def fill_memory(server: Server) -> None:
    configure(server, "maxmemory-policy", "noeviction")
    configure(server, "maxmemory", "1")


def require_replicas(server: Server) -> None:
    configure(server, "min-replicas-to-write", "1")


def break_snapshots(server: Server) -> None:
    """Make the next snapshot fail, after which the server refuses changes."""
    configure(server, "save", "3600 1")
    wait_until(lambda: b"rdb_bgsave_in_progress:0" in ask(server.port, "INFO", "persistence"))
    (server.folder / "dump.rdb").unlink(missing_ok=True)
    (server.folder / "dump.rdb").mkdir()  # which a snapshot cannot replace
    ask(server.port, "BGSAVE")
    wait_until(lambda: b"rdb_last_bgsave_status:err" in ask(server.port, "INFO", "persistence"))
