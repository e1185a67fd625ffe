"""i2b2 2012: clinical events in discharge summaries."""

from clinicalbert_tf.datasets.tfds_entities import EntityBuilder
from clinicalbert_tf.texts.reference_word_features import REFERENCE_LABELS


class Builder(EntityBuilder):
    """i2b2 2012: clinical events in discharge summaries."""

    TASK_NAME = "i2b2_2012"
    TYPES = tuple(REFERENCE_LABELS["i2b2_2012"].split())
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Sign the data use agreement of n2c2 (https://portal.dbmi.hms.harvard.edu), download
    2012-07-15.original-annotation.release.tar.gz and
    2012-08-08.test-data.event-timex-groundtruth.tar.gz
    and put the archives, or what they unpack to, into the manual folder.
    """
