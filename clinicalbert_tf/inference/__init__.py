"""Using a restored model without training it.

    settings         what extract_features is asked for, checked
    loading          a checkpoint, with its configuration and vocabulary possibly elsewhere
    predictor        any model over sequences: bucketed, equal ones once, compiled kernels
    ahead            makes the next items while the last one is at work
    layers           backbone -> submodel over the layers asked for
    vectors          rows -> one vector per row
    token_features   rows -> the reference's JSON lines, a vector per wordpiece
    parts            the unfinished output: finished parts that a restart does not repeat
    writers          parts -> Parquet, NPZ, TFRecord or JSON lines
    projector        parts -> files for TensorBoard's embedding projector
    extraction       the run over all of these
    masked_words     fills [MASK]
    perplexity       pseudo-perplexity of notes
    perplexity_table the same as a tab-separated file
    search           an index of notes by meaning, and queries of it

Nothing here prints, logs or raises a piece of the text that it reads.

    fine_tuned          A fine-tuned model from the folder of its run, or from any folder that ...
    pipelines           pipeline(): a fine-tuned model as a function of texts
    question_answering  Answers to questions about texts of any length, from a model that ...
    classification      A fine-tuned classifier on new texts: in memory, and over files of any size
    entities            Entities of raw notes of any length, by a trained tagger
    privacy             What a model gives away of the notes that it was trained on
    seeing              What a model looks at in a text: its attention, and what a ...
"""
