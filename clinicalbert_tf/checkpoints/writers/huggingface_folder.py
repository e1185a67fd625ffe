"""CheckpointSource -> a folder that transformers loads with equal outputs."""

import os
import shutil
import tempfile
from typing import Any

from clinicalbert_tf.checkpoints.readers.huggingface import CONFIG_NAME, SAFETENSORS_NAME
from clinicalbert_tf.checkpoints.readers.huggingface_added_tokens import FILE_NAME
from clinicalbert_tf.checkpoints.readers.huggingface_names import to_huggingface
from clinicalbert_tf.checkpoints.readers.huggingface_task import (
    CLASS_OF_HEAD,
    PROBLEM_TYPE_NAMES,
)
from clinicalbert_tf.checkpoints.readers.huggingface_vocabulary import (
    TOKENIZER_CONFIG_NAME,
    TOKENIZER_NAME,
    VOCABULARY_NAME,
)
from clinicalbert_tf.checkpoints.source import CheckpointSource, check_tensors
from clinicalbert_tf.checkpoints.task_file import write_task
from clinicalbert_tf.checkpoints.text_files import json_bytes
from tfrecords_builder.files import write_private
from tfrecords_builder.tokenization import (
    CLS,
    CONTINUATION,
    MASK,
    MAX_WORD_CHARACTERS,
    PAD,
    SEP,
    SPECIAL_TOKENS,
    UNK,
    load_vocabulary,
    portable_vocabulary,
    rows_of_vocabulary,
)

_HIDDEN_ACT = {"gelu": "gelu_new", "gelu_erf": "gelu"}
_SPECIALS = {
    "unk_token": UNK,
    "sep_token": SEP,
    "pad_token": PAD,
    "cls_token": CLS,
    "mask_token": MASK,
}


def write_huggingface_folder(
    source: CheckpointSource,
    folder: str | os.PathLike,
    do_lower_case: bool | None = None,
    architecture: str | None = None,
) -> str:
    """Writes config.json, model.safetensors, vocab.txt and the tokenizer's files.

    The class is the one whose heads the source has: BertForSequenceClassification,
    BertForTokenClassification or BertForQuestionAnswering with id2label, BertForPreTraining,
    BertForMaskedLM, or BertModel without heads. Every weight keeps its bits.

    Args:
        source: what to write; its arrays are read one at a time, then written together (memory:
            the size of the model).
        folder: where to; it must not exist or be empty, and appears when all is written.
        do_lower_case: the casing where the source does not say.
        architecture: another class of transformers, for example BertForTokenClassification with
            "output_weights" and "output_bias" among the tensors.

    Returns:
        The folder.

    Raises:
        FileExistsError: the folder holds files already.
        ValueError: no vocabulary, no casing, or tensors that do not fit the configuration.
    """
    folder = os.path.abspath(os.path.expanduser(os.fspath(folder)))
    report = check_tensors(source)
    casing = source.do_lower_case if do_lower_case is None else do_lower_case
    if source.vocab_file is None or casing is None:
        lacking = "vocabulary" if source.vocab_file is None else "casing (do_lower_case)"
        raise ValueError(
            f"{source.path}: expected a source with its {lacking}, received none. Give it: the "
            "folder's tokenizer files need it."
        )
    if os.path.isdir(folder) and os.listdir(folder):
        raise FileExistsError(
            f"Expected a new or empty folder at {folder}, found files in it. Give another folder "
            "or remove that one."
        )
    architecture = architecture or _architecture(source, report.present)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    temporary = tempfile.mkdtemp(prefix=".writing-", dir=os.path.dirname(folder))
    try:
        _write_model(temporary, source, architecture)
        _write_tokenizer(temporary, source, casing)
        if source.task is not None:
            write_task(temporary, source.task)
        if os.path.isdir(folder):
            os.rmdir(folder)
        os.rename(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def huggingface_config(source: CheckpointSource, architecture: str) -> dict[str, Any]:
    """The contents of config.json, with the form of gelu that the source computes."""
    values: dict[str, Any] = {
        "architectures": [architecture],
        "model_type": "bert",
        **source.config.to_dict(),
        "hidden_act": _HIDDEN_ACT.get(source.config.hidden_act, source.config.hidden_act),
        "layer_norm_eps": source.layer_norm_epsilon,
        "pad_token_id": 0,
        "position_embedding_type": "absolute",
        "torch_dtype": "float32",
    }
    if source.labels:
        values["id2label"] = {str(row): name for row, name in enumerate(source.labels)}
        values["label2id"] = {name: row for row, name in enumerate(source.labels)}
    if source.task and source.task.problem_type:
        values["problem_type"] = PROBLEM_TYPE_NAMES[source.task.problem_type]
    return values


def _architecture(source: CheckpointSource, present: tuple[str, ...]) -> str:
    if source.head is not None:
        return CLASS_OF_HEAD[source.head]
    if "masked LM head" not in present:
        return "BertModel"
    return "BertForPreTraining" if "next sentence head" in present else "BertForMaskedLM"


def _write_model(folder: str, source: CheckpointSource, architecture: str) -> None:
    from safetensors.numpy import save_file

    tensors = to_huggingface(source.tensors, with_prefix=architecture != "BertModel")
    path = os.path.join(folder, SAFETENSORS_NAME)
    # transformers refuses a file that does not say which library's layout it has.
    save_file(tensors, path, metadata={"format": "pt"})
    os.chmod(path, 0o600)
    values = huggingface_config(source, architecture)
    write_private(os.path.join(folder, CONFIG_NAME), json_bytes(values))


def _write_tokenizer(folder: str, source: CheckpointSource, do_lower_case: bool) -> None:
    vocab = load_vocabulary(source.vocab_file)
    alone = {token.content: token.id for token in source.added_tokens if not token.in_vocabulary}
    text = portable_vocabulary(source.vocab_file)
    if alone:
        # Added rows stand behind the others; transformers has them in a file of their own.
        vocab = {piece: row for piece, row in vocab.items() if piece not in alone}
        rows = rows_of_vocabulary(vocab)
        text = "".join(f"{row}\n" for row in rows).encode()
        write_private(os.path.join(folder, FILE_NAME), json_bytes(alone))
    write_private(os.path.join(folder, VOCABULARY_NAME), text)
    values = {
        # BertTokenizer would take only the vocabulary of tokenizer.json, and 100 characters as
        # the longest word; this class takes all of it. It must be told of the segments.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        "do_lower_case": do_lower_case,
        "do_basic_tokenize": True,
        "strip_accents": None,
        "tokenize_chinese_chars": True,
        "model_max_length": source.config.max_position_embeddings,
        **_SPECIALS,
    }
    write_private(os.path.join(folder, TOKENIZER_CONFIG_NAME), json_bytes(values))
    write_private(os.path.join(folder, "special_tokens_map.json"), json_bytes(_SPECIALS))
    tokenizer = fast_tokenizer(vocab, do_lower_case, source.added_tokens)
    text = tokenizer.to_str(pretty=False)
    write_private(os.path.join(folder, TOKENIZER_NAME), text.encode())


def fast_tokenizer(vocab: dict[str, int], do_lower_case: bool, added_tokens=()):
    """The tokenizers.Tokenizer that tokenizer.json describes: BERT's rules and special tokens.

    Args:
        vocab: {wordpiece: id}, without rows that are added tokens alone.
        do_lower_case: whether to lower-case and strip accents.
        added_tokens: tokens that are found in a text before it is split, in id order.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from tokenizers.processors import TemplateProcessing

    tokenizer = Tokenizer(
        models.WordPiece(vocab, unk_token=UNK, max_input_chars_per_word=MAX_WORD_CHARACTERS)
    )
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=do_lower_case
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single=f"{CLS}:0 $A:0 {SEP}:0",
        pair=f"{CLS}:0 $A:0 {SEP}:0 $B:1 {SEP}:1",
        special_tokens=[(CLS, vocab[CLS]), (SEP, vocab[SEP])],
    )
    tokenizer.decoder = decoders.WordPiece(prefix=CONTINUATION)
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS]
    )
    for token in added_tokens:
        settings = {"normalized": token.normalized, "single_word": token.single_word}
        # Special ones are those that are found in the text as it stands.
        add = tokenizer.add_tokens if token.normalized else tokenizer.add_special_tokens
        add([AddedToken(token.content, **settings)])
    return tokenizer
