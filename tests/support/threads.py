"""Work in several threads, whose failures are the test's."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier


def run_in_threads(work, count=8):
    """What work(k) returns in each of the threads, which start together; raises what one raises."""
    start = Barrier(count)

    def body(k):
        start.wait()
        return work(k)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(body, range(count)))
