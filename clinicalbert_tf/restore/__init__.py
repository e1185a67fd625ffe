"""Checkpoints in and out.

    variable_names    the one table: TF1 name <-> Keras variable, shape and layout
    checkpoint_files  directory, prefix or .index -> prefix
    assign            named arrays -> the model, every difference listed; shared by all sources
    report            what was restored, initialised and skipped
    tf1               TF1 checkpoints in
    export            TF1 checkpoints out
    pretrained        from_pretrained: configuration, tokenizer and model in one call

A further source is a further module: it brings a name table and a reader, `assign` does the rest.
"""
