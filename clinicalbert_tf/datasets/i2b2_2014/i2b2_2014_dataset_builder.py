"""i2b2/UTHealth 2014: private data in longitudinal notes."""

from clinicalbert_tf.datasets.i2b2_xml import PHI_CATEGORIES
from clinicalbert_tf.datasets.tfds_entities import EntityBuilder
from clinicalbert_tf.texts.reference_word_features import REFERENCE_LABELS


class Builder(EntityBuilder):
    """i2b2/UTHealth 2014: private data in longitudinal notes."""

    TASK_NAME = "i2b2_2014"
    TYPES = tuple(dict.fromkeys((*REFERENCE_LABELS["i2b2_2014"].split(), *PHI_CATEGORIES)))
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Sign the data use agreement of n2c2 (https://portal.dbmi.hms.harvard.edu), download
    training-PHI-Gold-Set1.tar.gz,
    training-PHI-Gold-Set2.tar.gz and testing-PHI-Gold-fixed.tar.gz
    and put the archives, or what they unpack to, into the manual folder.
    """
