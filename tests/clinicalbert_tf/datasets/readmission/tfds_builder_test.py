"""The data set through tensorflow_datasets: the files' rows, in their order."""

import json
import os

import pytest
import tensorflow_datasets as tfds

import clinicalbert_tf.datasets
from clinicalbert_tf.datasets.readmission.building import build
from clinicalbert_tf.datasets.readmission.settings import ReadmissionSettings
from tfrecords_builder import synthetic

assert "readmission" in clinicalbert_tf.datasets.TFDS_DATASETS


@pytest.mark.large
def test_rows_are_those_of_the_files(tmp_path):
    tables = synthetic.write_admissions(str(tmp_path / "NOTEEVENTS.csv"), 150, seed=2)
    manual = tmp_path / "downloads" / "manual"
    os.makedirs(manual)
    build(
        ReadmissionSettings(
            tables["ADMISSIONS"], (tables["NOTEEVENTS"],), str(manual), chunks="words318"
        ),
        None,
    )
    builder = tfds.builder("readmission/early_3", data_dir=str(tmp_path))
    builder.download_and_prepare()
    for name, side in (("train", "train"), ("validation", "dev"), ("test", "test")):
        with open(manual / "early_3" / f"{side}.jsonl", encoding="utf-8") as file:
            expected = list(map(json.loads, file))
        found = [
            {key: v.decode() if isinstance(v, bytes) else int(v) for key, v in row.items()}
            for row in tfds.as_numpy(builder.as_dataset(split=name))
        ]
        assert found == expected


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
