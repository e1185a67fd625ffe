"""Fixtures for tests of several rooms."""

import pytest

from tests import support


@pytest.fixture(scope="session")
def golden():
    """The folder of what the reference code gave."""
    return support.GOLDEN


@pytest.fixture(scope="session")
def golden_records(tmp_path_factory):
    """cased_128 as the reference wrote it: one plain TFRecord file of 948 records."""
    return support.golden_records(tmp_path_factory.mktemp("records"))


@pytest.fixture(scope="session")
def small_config():
    """A model for the golden records that is traced in a second; without dropout."""
    return support.small_config()


# What takes longest, longest first. `make test` gives whole files to two processes in this order:
# a long file that came last would run alone.
LONGEST = (
    "documented_commands_test.py",
    "end_to_end_test.py",
    "clinicalbert_tf/training/step_test.py",
    "clinicalbert_tf/training/run_damage_test.py",
    "clinicalbert_tf/training/multi_worker_test.py",
    "clinicalbert_tf/tasks/toy_task_test.py",
    "clinicalbert_tf/checkpoints/writers/fine_tuned_test.py",
    "clinicalbert_tf/checkpoints/writers/saved_model_test.py",
    "clinicalbert_tf/tasks/classification/run_test.py",
    "clinicalbert_tf/tasks/tagging/task_test.py",
    "clinicalbert_tf/tasks/long_documents/task_test.py",
    "clinicalbert_tf/run_i2b2_test.py",
    "clinicalbert_tf/run_readmission_test.py",
    "clinicalbert_tf/tasks/question_answering/task_test.py",
    "clinicalbert_tf/tasks/distillation/task_test.py",
    "clinicalbert_tf/input_pipeline/pretraining_run_test.py",
    "clinicalbert_tf/tasks/classification/global_step_test.py",
    "clinicalbert_tf/pretrain_test.py",
    "tfrecords_builder/spark_test.py",
    "tfrecords_builder/beam_test.py",
    "notebooks_test.py",
    "clinicalbert_tf/training/run_test.py",
    "clinicalbert_tf/training/run_evaluation_test.py",
    "clinicalbert_tf/training/updates/update_rules_test.py",
    "clinicalbert_tf/keras_objects_test.py",
    "clinicalbert_tf/training/watching/json_lines_test.py",
    "clinicalbert_tf/extract_features_test.py",
    "experiments/two_phase_test.py",
    "clinicalbert_tf/training/cluster/tpu_test.py",
    "clinicalbert_tf/inference/predictor_test.py",
    "tfrecords_builder/text/spacy_sentences_test.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Puts the longest files first; the tests of a file stay together and in their order."""
    places = {support.TESTS / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(LONGEST)))
