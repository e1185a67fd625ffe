"""Checkpoints in and out.

    names             the one table: TF1 name <-> Keras variable, shape and layout
    source            CheckpointSource: the form that every format is brought to
    detect            open_checkpoint, the one door: any path -> CheckpointSource
    model_files       configuration and vocabulary of a folder, by whatever names
    task_file         labels.json: head and labels of a fine-tuned model
    fingerprint       what identifies a source's weights
    checkpoint_files  directory, prefix or .index -> prefix
    vocabulary_check  whether vocabulary and casing fit a source
    assign            named arrays -> the model, every difference listed; shared by all sources
    into_model        restore_into: CheckpointSource -> a model of any head
    restore_report    what was restored, initialised and skipped
    pretrained        from_pretrained: configuration, tokenizer and model in one call
    describe          what a source is, in lines for a person
    text_files        small JSON and text files
    readers           one module per format that is read
    downloads         archives, folders of several models, the released models
    writers           one module per format that is written

A further source is a further module in readers: it brings a name table and a reader, `assign` does
the rest.

    student  A model with some of another one's encoder layers, as a source like any other
"""
