from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from accounts.services import Runtime, get_runtime


def test_the_first_requests_share_one_runtime() -> None:
    barrier = Barrier(32)

    def first_request(_: int) -> Runtime:
        barrier.wait()
        return get_runtime()

    with ThreadPoolExecutor(32) as threads:
        assert len(set(map(id, threads.map(first_request, range(32))))) == 1
