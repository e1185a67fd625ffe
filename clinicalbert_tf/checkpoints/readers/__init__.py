"""One module per checkpoint format: files -> CheckpointSource.

tf1                     TF1 checkpoints into the model
tf1_source              a TF1 checkpoint with bert_config.json and vocab.txt
tf2_object              a TF2 object-based checkpoint (tensorflow/models)
object_graph            the object graph inside such a checkpoint
huggingface             a Hugging Face folder
huggingface_task        head and labels of a fine-tuned one
huggingface_names       its tensor names <-> the reference's
huggingface_vocabulary  its vocabulary and casing
huggingface_added_tokens  tokens that were added to its vocabulary
keras_preset            a keras_nlp preset folder
torch_pickle            pytorch_model.bin without torch
pickle_opcodes          the pickle inside it, read and never executed
"""
