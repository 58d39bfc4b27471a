from mediaindex.pipeline.eta import WINDOW_S, Estimator, Pace


def pace(estimator: Estimator, done: int, at_s: float, total: int = 100) -> Pace:
    return estimator.paces({"embed": done}, {"embed": total}, at_s)[0]


def test_nothing_is_claimed_before_anything_was_done() -> None:
    assert pace(Estimator(), 10, at_s=0) == Pace("embed", 10, 100, None, None)


def test_rate_and_rest_follow_from_what_was_done_in_this_run() -> None:
    estimator = Estimator()
    pace(estimator, 40, at_s=100)

    assert pace(estimator, 60, at_s=110) == Pace("embed", 60, 100, 2.0, 20.0)


def test_slow_start_is_forgotten_after_the_window() -> None:
    estimator = Estimator()
    for at_s in range(0, 60, 10):
        pace(estimator, 0, at_s)
    for step in range(2 * int(WINDOW_S)):
        found = pace(estimator, step, 60 + step, total=500)

    assert found.rate == 1.0


def test_stage_that_is_through_has_no_rest() -> None:
    estimator = Estimator()
    pace(estimator, 100, at_s=0)

    assert pace(estimator, 100, at_s=10).eta_s == 0.0
