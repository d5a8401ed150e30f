from authproject import __version__
from tests.support.api import Api, MovableClock
from tests.support.http import Start, UnreachableStore


def test_health_returns_version_and_store(api: Api) -> None:
    response = api.client.get("/health")
    assert response.status_code == 200
    assert response.json() == {"status": "ok", "version": __version__, "store": "memory"}


def test_health_reads_no_store(api: Api, start: Start, clock: MovableClock) -> None:
    start().accounts.store = UnreachableStore(clock)
    assert api.client.get("/health").status_code == 200


def test_ready_with_a_store_that_responds_is_ok(api: Api) -> None:
    assert api.client.get("/health/ready").status_code == 200
