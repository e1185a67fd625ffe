"""i2b2/VA 2010: problems, treatments and tests in clinical notes."""

from clinicalbert_tf.datasets.tfds_entities import EntityBuilder
from clinicalbert_tf.texts.reference_word_features import REFERENCE_LABELS


class Builder(EntityBuilder):
    """i2b2/VA 2010: problems, treatments and tests in clinical notes."""

    TASK_NAME = "i2b2_2010"
    TYPES = tuple(REFERENCE_LABELS["i2b2_2010"].split())
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Sign the data use agreement of n2c2 (https://portal.dbmi.hms.harvard.edu), download
    concept_assertion_relation_training_data.tar.gz,
    reference_standard_for_test_data.tar.gz and test_data.tar.gz
    and put the archives, or what they unpack to, into the manual folder.
    """
