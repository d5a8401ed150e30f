from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from accounts.services import Services, get_services


def test_the_first_requests_share_one_runtime() -> None:
    barrier = Barrier(32)

    def first_request(_: int) -> Services:
        barrier.wait()
        return get_services()

    with ThreadPoolExecutor(32) as threads:
        assert len(set(map(id, threads.map(first_request, range(32))))) == 1
