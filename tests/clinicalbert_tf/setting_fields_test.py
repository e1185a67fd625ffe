"""Values of settings: bounds and choices, and what is no number."""

import dataclasses

import pytest

from clinicalbert_tf.setting_fields import check_values, setting


@dataclasses.dataclass(frozen=True)
class Settings:
    smoothing: float = setting(0.0, "A share.", at_least=0)
    rate: float = setting(1e-3, "A rate.", above=0)
    free: float | None = setting(None, "Any number.")
    kind: str = setting("a", "A kind.", choices=("a", "b"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"smoothing": -0.1}, "--smoothing to be at least 0, received -0.1"),
        ({"rate": 0.0}, "--rate to be above 0, received 0.0"),
        ({"smoothing": float("nan")}, "--smoothing to be a finite number, received nan"),
        ({"rate": float("inf")}, "--rate to be a finite number, received inf"),
        ({"free": float("-inf")}, "--free to be a finite number, received -inf"),
        ({"kind": "c"}, "--kind to be one of a, b, received 'c'"),
    ],
)
def test_values_out_of_bounds_are_refused_by_name(given, message):
    with pytest.raises(ValueError, match=message):
        check_values(Settings(**given))


def test_bounds_themselves_count_as_documented():
    check_values(Settings())
    check_values(Settings(smoothing=0, rate=1e-9, free=-2.0, kind="b"))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
