"""i2b2/VA 2010: relations between problems, tests and treatments."""

from clinicalbert_tf.datasets.tfds_examples import ClassificationBuilder


class Builder(ClassificationBuilder):
    """i2b2/VA 2010: relations between problems, tests and treatments."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Sign the data use agreement of n2c2 (https://portal.dbmi.hms.harvard.edu), download the three
    archives of the 2010 release and unpack them into the manual folder:
    concept_assertion_relation_training_data, reference_standard_for_test_data and test_data.
    """
