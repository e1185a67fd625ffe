"""Settings that cannot be built from are refused by name."""

import pytest

from clinicalbert_tf.datasets.readmission.settings import ReadmissionSettings

NAN = float("nan")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        # No return would ever lie within it.
        ({"window_days": NAN}, "window_days to be a finite number, received nan"),
        ({"transfer_hours": NAN}, "transfer_hours to be a finite number"),
        ({"min_age": NAN, "patients": "PATIENTS.csv"}, "min_age to be a finite number"),
        ({"dev_fraction": NAN}, "dev_fraction to be a finite number"),
        ({"window_days": 0}, "window_days above 0, received 0"),
        ({"test_fraction": 0.95}, "together below 1, received 0.1 and 0.95"),
        ({"notes": ()}, "Give --notes"),
    ],
)
def test_values_out_of_range_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        ReadmissionSettings(
            **{"admissions": "A.csv", "notes": ("N.csv",), "output_dir": "out", **given}
        )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
