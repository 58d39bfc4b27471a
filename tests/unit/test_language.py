"""What is loaded to tell languages apart."""

import threading
from concurrent.futures import ThreadPoolExecutor

from mediaindex.captioners import language

SENTENCE = "Two children build a castle of sand on a wide beach."


def test_first_answers_of_many_threads_load_the_languages_once() -> None:
    language._loaded.cache_clear()
    language._known.cache_clear()
    together = threading.Barrier(4)

    def judge(_: int) -> bool:
        together.wait()
        return language.is_in(SENTENCE, "en")

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(judge, range(4)))

    assert language._loaded.cache_info().misses == 1
