"""i2b2 2006: private data in discharge summaries."""

from clinicalbert_tf.datasets.tfds_entities import EntityBuilder
from clinicalbert_tf.texts.reference_word_features import REFERENCE_LABELS


class Builder(EntityBuilder):
    """i2b2 2006: private data in discharge summaries."""

    TASK_NAME = "i2b2_2006"
    TYPES = tuple(REFERENCE_LABELS["i2b2_2006"].split())
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Sign the data use agreement of n2c2 (https://portal.dbmi.hms.harvard.edu), download
    deid_surrogate_train_all_version2.zip and
    deid_surrogate_test_all_groundtruth_version2.zip
    and put the archives, or what they unpack to, into the manual folder.
    """
