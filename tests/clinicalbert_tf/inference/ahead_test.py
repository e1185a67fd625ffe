import threading

import pytest

from clinicalbert_tf.inference.ahead import ahead


def test_items_come_in_order_and_are_made_ahead():
    made, waiting = [], threading.Event()

    def numbers():
        for number in range(5):
            made.append(number)
            if number == 1:
                waiting.set()
            yield number

    items = ahead(numbers())
    assert next(items) == 0
    # The next one is made though nobody asked for it.
    assert waiting.wait(10)
    assert list(items) == [1, 2, 3, 4] == made[1:]


def test_an_error_comes_at_its_items_turn():
    def numbers():
        yield 1
        raise ValueError("second")

    items = ahead(numbers())
    assert next(items) == 1
    with pytest.raises(ValueError, match="second"):
        next(items)


def test_a_reader_that_stops_ends_the_thread():
    before = threading.active_count()
    items = ahead(iter(range(1_000_000)))
    next(items)
    items.close()
    assert threading.active_count() == before


def test_nothing_is_nothing():
    assert list(ahead([])) == []


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
