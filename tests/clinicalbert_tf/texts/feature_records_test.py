"""Records as protobuf itself reads and writes them."""

import numpy as np
import pytest
import tensorflow as tf

from clinicalbert_tf.texts.feature_records import write_feature_records
from clinicalbert_tf.texts.pair_features import TextFeatures
from tfrecords_builder.tfrecord_files import read_records


@pytest.mark.parametrize("label", [0, 300, -1, [1, 0, 1], 2.5])
def test_records_are_what_protobuf_writes(tmp_path, label):
    ids = np.array([101, 28995, 7, 102], np.int32)
    features = TextFeatures(ids, np.array([0, 0, 1, 1], np.int32), truncated=0)
    path = str(tmp_path / "train.tf_record")
    assert write_feature_records(path, [(features, label)] * 2, 6) == 2
    expected = tf.train.Example()
    for name, values in {
        "input_ids": [101, 28995, 7, 102, 0, 0],
        "input_mask": [1, 1, 1, 1, 0, 0],
        "segment_ids": [0, 0, 1, 1, 0, 0],
        "is_real_example": [1],
    }.items():
        expected.features.feature[name].int64_list.value.extend(values)
    kind = "float_list" if isinstance(label, float) else "int64_list"
    values = label if isinstance(label, list) else [label]
    getattr(expected.features.feature["label_ids"], kind).value.extend(values)
    for record in read_records(path):
        assert tf.train.Example.FromString(record) == expected
        assert len(record) == len(expected.SerializeToString())


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
