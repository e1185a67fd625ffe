"""NCBI disease: diseases in PubMed abstracts."""

from clinicalbert_tf.datasets.tfds_entities import EntityBuilder


class Builder(EntityBuilder):
    """NCBI disease: diseases in PubMed abstracts."""

    TASK_NAME = "ncbi_disease"
    TYPES = ("Disease",)
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Put train.tsv, devel.tsv and test.tsv of columns (the files of BioBERT or of Crichton et al.
    2017), or NCBItrainset_corpus.txt, NCBIdevelopset_corpus.txt and NCBItestset_corpus.txt as
    released, into the manual folder.
    """
