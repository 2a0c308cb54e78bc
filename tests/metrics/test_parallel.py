import threading

import pytest

from tfvae.metrics.parallel import side_by_side


def test_results_are_in_order_and_from_threads():
    assert side_by_side(lambda item: item**2, range(20)) == [item**2 for item in range(20)]
    main = threading.get_ident()
    seen = side_by_side(lambda item: threading.active_count(), range(4))
    assert threading.get_ident() == main
    assert len(seen) == 4


def test_an_error_reaches_the_caller():
    def fail(item):
        raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match="item"):
        side_by_side(fail, range(3))
