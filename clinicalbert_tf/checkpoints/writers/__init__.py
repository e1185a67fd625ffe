"""Checkpoints out, into every format that other tools read.

    conversion           source -> target folder, with conversion.json beside
    formats              the table of formats and their writers
    target               the folder: made under a temporary name, private, renamed when whole
    restored_model       CheckpointSource -> Keras model
    tf1_checkpoint       the model's variables as a TF1 checkpoint
    tf1_folder           the reference's names and files
    huggingface_folder   a folder for transformers
    keras_preset_folder  a folder for keras_nlp's own classes
    companions           configuration, vocabulary and labels beside the weights
    graph_tokenizer      BERT tokenization inside a TensorFlow graph
    graph_words          its first half: cleaning, lower case, punctuation
    graph_wordpieces     its second half: words -> ids
    text_model           raw strings -> outputs, the functions of a SavedModel
    task_functions       those of a fine-tuned model
    serve_check          a SavedModel in a new process that has TensorFlow alone
    saved_model          the SavedModel folder, for TensorFlow Serving
    onnx_graph           the encoder and the heads in ONNX operators
    onnx_folder          the ONNX folder

A writer takes a CheckpointSource whose casing is settled and an empty folder; a further format is
a further row in formats.
"""
