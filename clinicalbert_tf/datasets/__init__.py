"""Data sets of the clinical tasks: tables and released folders in, labelled examples out.

Importing this package makes the data sets in TFDS_DATASETS known to tensorflow_datasets:

    import clinicalbert_tf.datasets
    tfds.load("mednli", data_dir="...")

Neither TensorFlow nor a builder is imported before one of them is asked for.

    alignment             Offsets checked against an annotation's own text, and corrected if it ...
    brat                  brat's standoff: a text (.txt) and its annotations (.ann), in and out
    conll                 Files of columns: a word in the first, its label in the last, an empty ...
    documents             Annotated documents, and an account of the annotations that could not ...
    entity_sets           A data set of entities by its name: sentences of words with BIO ...
    folds                 Cross-validation as the reference meant it: the test part is one of ...
    i2b2_xml              The XML of i2b2 2012 and 2014: a text and tags with offsets into it, ...
    json_spans            Annotated documents as JSON lines
    labelled_words        Documents as sentences of words with BIO labels, and the files of ...
    named_weights         Weights of labels as a flag names them: a=1,b=3
    pubtator              PubTator's text format, in which the NCBI disease corpus is released
    release_files         The files of a release: a folder or archives, as downloaded or as unpacked
    released_folders      Finds the files of a data set in the folder or archive that it was ...
    safe_xml              XML from elsewhere, read without what makes XML dangerous
    splits                Train and dev parts that share no patient and no document
    table                 Tables of text without losing a row: CSV, TSV, JSON lines and Parquet
    table_files           Opens a table's file as text: unpacks .gz and .zip, recognises or ...
    table_format          How a table is written, what a row of it is, and the count of what was ...
    table_parsers         The parsers behind table.read_rows: CSV and TSV, JSON lines, Parquet
    tfds_entities         What the tensorflow_datasets builders of entity sets share: run_i2b2's ...
    tfds_examples         What the tensorflow_datasets builders share: the commands' examples, ...
    tfds_provider         The data sets that tensorflow_datasets finds here, by name
    bc5cdr                The data set bc5cdr for tensorflow_datasets
    chemprot              The data set chemprot for tensorflow_datasets
    classification        Classification data sets: released layouts and own tables as labelled ...
    conll_entities        The data set conll_entities for tensorflow_datasets
    covid_question_pairs  The data set covid_question_pairs for tensorflow_datasets
    diagnosis             Diagnosis codes of an admission, predicted from its discharge summary
    gad                   The data set gad for tensorflow_datasets
    gad_blurb             The data set gad_blurb for tensorflow_datasets
    i2b2                  The i2b2 and n2c2 releases as the portal hands them out: archives, or ...
    i2b2_2006             The data set i2b2_2006 for tensorflow_datasets
    i2b2_2010             The data set i2b2_2010 for tensorflow_datasets
    i2b2_2010_relations   The data set i2b2_2010_relations for tensorflow_datasets
    i2b2_2012             The data set i2b2_2012 for tensorflow_datasets
    i2b2_2014             The data set i2b2_2014 for tensorflow_datasets
    ncbi_disease          The data set ncbi_disease for tensorflow_datasets
    phee                  The data set phee for tensorflow_datasets
    pubmedqa              The data set pubmedqa for tensorflow_datasets
    questions             Readers of question answering data sets: SQuAD 1.1 and 2.0, BioASQ B, ...
    readmission           Readmission from clinical notes: MIMIC's tables to labelled, split and ...
"""

from tensorflow_datasets.core import registered

from clinicalbert_tf.datasets.tfds_provider import TFDS_DATASETS, ClinicalDatasets

__all__ = ["TFDS_DATASETS"]

# First in the row: tensorflow_datasets' own provider imports all its builders to say that it has
# none of these names.
registered.add_dataset_builder_provider(ClinicalDatasets(), index=0)
