"""The formats that a checkpoint can be written in: one explicit table."""

import dataclasses
import importlib
import importlib.util

from clinicalbert_tf.checkpoints.source import CheckpointSource


@dataclasses.dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        writer: "module:function" of write(source, folder, **options), imported when it is used.
        next_step: what to run next; "{target}" stands for the folder.
        extra: the extra, and the package of it, that the writer needs.
        holds_all: whether variables beyond pretraining (a classifier's) have a place in it.
        own_epsilon: whether it carries the source's LayerNorm epsilon.
        masked_lm_remark: what to know about the masked LM head in it.
        exact_gelu_remark: what to know of a model that computes gelu in its exact form.
        remark: what to know of the format in any case.
        crf_remark: what to know of a tagger with a CRF in it.
        head_remark: what to know of a fine-tuned model's head in it.
        finds_added_tokens: whether who reads the folder finds added tokens in texts.
        options: names of ConversionSettings that the writer takes.
    """

    writer: str
    next_step: str
    extra: str | None = None
    holds_all: bool = True
    own_epsilon: bool = False
    masked_lm_remark: str | None = None
    exact_gelu_remark: str | None = None
    remark: str | None = None
    crf_remark: str | None = None
    head_remark: str | None = None
    finds_added_tokens: bool = False
    options: tuple[str, ...] = ()

    def write(self, source: CheckpointSource, folder: str, **options) -> None:
        """Writes a source, whose casing is settled, into an empty folder."""
        module, function = self.writer.split(":")
        getattr(importlib.import_module(module), function)(source, folder, **options)

    def check_extra(self) -> None:
        """Checks that what the writer needs is installed.

        Raises:
            ImportError: it is not; names the extra.
        """
        if self.extra and importlib.util.find_spec(self.extra) is None:
            raise ImportError(
                f"Expected the package {self.extra}, which this format is written with, found "
                f"none. Install the extra: pip install 'clinicalbert_tf[{self.extra}]'."
            )


_DECODED_BY_THE_CALLER = (
    "The graph gives logits and the CRF's scores of labels that follow one another (crf_begin, "
    "crf_follow, crf_end) and decodes nothing: the best labels are the best path through both "
    "(Viterbi)."
)

FORMATS = {
    "tf1": Format(
        "clinicalbert_tf.checkpoints.writers.tf1_folder:write_tf1_folder",
        "python -m clinicalbert_tf.pretrain --init_checkpoint={target} --input_file=RECORDS",
        exact_gelu_remark="The source computes gelu in its exact form (hidden_act gelu_erf in "
        "bert_config.json), which this software reads and the reference's modeling.py does not "
        "know: it stops there. With hidden_act gelu instead it runs, on the tanh form, and its "
        "outputs differ a little.",
    ),
    "huggingface": Format(
        "clinicalbert_tf.checkpoints.writers.huggingface_folder:write_huggingface_folder",
        "python -c 'import transformers as t; "
        't.AutoTokenizer.from_pretrained("{target}"); t.AutoModel.from_pretrained("{target}")\'',
        own_epsilon=True,
        crf_remark="transformers has no CRF: it gives equal logits and takes each token's best "
        "label. The scores of labels that follow one another are kept in crf.begin, crf.follow and "
        "crf.end.",
        finds_added_tokens=True,
    ),
    "keras": Format(
        "clinicalbert_tf.checkpoints.writers.keras_preset_folder:write_keras_preset",
        "python -c 'import keras_nlp; "
        'keras_nlp.models.BertBackbone.from_preset("{target}").summary()\'',
        masked_lm_remark="keras_nlp's BertMaskedLM computes its head with the exact gelu and "
        "LayerNorm epsilon 1e-5, the reference with the tanh form and 1e-12: its logits differ a "
        "little, its weights do not.",
        head_remark="A preset is an encoder: the fine-tuned head lies beside it, under the "
        "reference's names in reference_variables.safetensors, which from_pretrained reads.",
    ),
    "saved_model": Format(
        "clinicalbert_tf.checkpoints.writers.saved_model:write_saved_model",
        "docker run --rm -p 8501:8501 -e MODEL_NAME=clinicalbert "
        "-v {target}:/models/clinicalbert/1 tensorflow/serving",
        holds_all=False,
        remark="Operators: TensorFlow's own only; no signature needs tensorflow_text.",
        crf_remark=_DECODED_BY_THE_CALLER,
        finds_added_tokens=True,
        options=("max_seq_length",),
    ),
    "onnx": Format(
        "clinicalbert_tf.checkpoints.writers.onnx_folder:write_onnx_folder",
        "python -c 'import onnxruntime; "
        "[print(i.name, i.shape) for i in "
        'onnxruntime.InferenceSession("{target}/model.onnx").get_inputs()]\'',
        extra="onnx",
        holds_all=False,
        own_epsilon=True,
        crf_remark=_DECODED_BY_THE_CALLER,
        options=("quantize",),
    ),
}
