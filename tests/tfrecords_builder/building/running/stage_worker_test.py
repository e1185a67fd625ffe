"""What a worker process holds."""

import pytest

from tests.support import GOLDEN
from tfrecords_builder.building import documents
from tfrecords_builder.building.running.stage_worker import StageWorker
from tfrecords_builder.building.settings import BuilderSettings
from tfrecords_builder.building.storage import spill
from tfrecords_builder.building.storage.build_folder import BuildFolder
from tfrecords_builder.text import sentences
from tfrecords_builder.tokenization import BertTokenizer


def test_words_and_pipelines_are_freed_before_the_first_shard_is_built(tmp_path):
    settings = BuilderSettings(str(tmp_path), num_shards=2, dupe_factor=1)
    tokenizer = BertTokenizer(str(GOLDEN / "vocab" / "cased.txt"), False)
    folder = BuildFolder(str(tmp_path))
    with folder.locked():
        folder.empty_spill()
    worker = StageWorker(settings, tokenizer)
    index = spill.SpillIndex(folder.spill_folder, settings.num_shards)
    texts = ("The patient was seen. No pain.", "He went home. All was well.", "She slept well.")
    notes = [documents.TextDocument(f"0#{i}", str(i), text) for i, text in enumerate(texts)]
    rows, counts = worker.spill(documents.NoteBatch(notes))
    index.add(rows)
    documents_of = index.close()
    assert sum(documents_of) == counts.written == 3
    table = tokenizer._ids_of.__self__
    assert "patient" in table
    assert sentences.splitter.cache_info().currsize == 1
    built = [worker.build(work) for work in enumerate(documents_of)]
    assert not table
    assert sentences.splitter.cache_info().currsize == 0
    assert sum(shard["instances"] for shard in built) >= 3
    # A worker can go on encoding.
    _, again = worker.spill(documents.NoteBatch(notes))
    assert again == counts


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
