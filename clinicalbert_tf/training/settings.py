"""The settings of a pretraining run."""

import dataclasses

STRATEGIES = ("one_device", "mirrored", "multi_worker", "tpu")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
OPTIMIZERS = ("adamw", "lamb")
OBJECTIVES = ("mlm_nsp", "mlm")
MASKINGS = ("static", "dynamic")
# What to do about a damaged file: stop; start from the checkpoint before; also leave a damaged
# file of records out.
ON_CORRUPT = ("stop", "previous", "skip")
LOG_FORMATS = ("text", "json")
_CHOICES = {
    "strategy": STRATEGIES,
    "precision": PRECISIONS,
    "optimizer": OPTIMIZERS,
    "objective": OBJECTIVES,
    "masking": MASKINGS,
    "on_corrupt": ON_CORRUPT,
    "log_format": LOG_FORMATS,
}
# Values below these make no sense.
_AT_LEAST = {
    "max_seq_length": 1,
    "max_predictions_per_seq": 1,
    "train_batch_size": 1,
    "eval_batch_size": 1,
    "num_train_steps": 1,
    "num_warmup_steps": 0,
    "save_checkpoints_steps": 1,
    "steps_per_loop": 1,
    "gradient_accumulation_steps": 1,
    "length_buckets": 0,
    "eval_steps": 1,
    "early_stopping_patience": 0,
    "histogram_steps": 1,
    "worker_timeout": 1,
    "max_eval_steps": 1,
    "num_replicas": 1,
    "keep_checkpoint_max": 0,
    "shuffle_buffer": 0,
    "seed": 0,
}
# What may differ between workers that hold the same files.
PATHS = (
    "input_file",
    "eval_file",
    "output_dir",
    "bert_config_file",
    "vocab_file",
    "init_checkpoint",
)
# A run may only be resumed with these unchanged; they name values of run.json.
DECISIVE = (
    *(
        f"settings.{name}"
        for name in (
            "train_batch_size",
            "learning_rate",
            "num_train_steps",
            "num_warmup_steps",
            "seed",
            "shuffle_buffer",
            "precision",
            "optimizer",
            "objective",
            "masked_lm_prob",
            "do_whole_word_mask",
            "length_buckets",
        )
    ),
    "inputs.records.max_seq_length",
    "inputs.records.max_predictions_per_seq",
    "inputs.records.num_records",
    "inputs.records.fingerprint",
    "inputs.init_checkpoint.fingerprint",
    "bert_config",
)


@dataclasses.dataclass(frozen=True)
class PretrainingSettings:
    """What `python -m clinicalbert_tf.pretrain` was asked to do; its flags by their names.

    Attributes:
        input_file: records to train on, or to evaluate where nothing is trained.
        eval_file: records to evaluate after training.
        output_dir: where everything goes.
        bert_config_file, vocab_file: None to take those beside the checkpoint or the records.
        init_checkpoint: TF1 checkpoint to start from, or None for fresh weights.
        do_lower_case: the casing that the records must have, or None.
        do_train, do_eval: what to do.
        max_seq_length, max_predictions_per_seq: what the records must have, or None.
        train_batch_size, eval_batch_size: records a step, over all replicas.
        learning_rate: at the top of the decay line.
        num_train_steps, num_warmup_steps: steps in all, and of warm-up.
        save_checkpoints_steps: steps between saved states.
        steps_per_loop: most steps a call.
        max_eval_steps: most batches evaluated.
        keep_checkpoint_max: states kept; 0 keeps all.
        shuffle_buffer: records shuffled among each other; 0 reads in file order.
        seed: of fresh weights, the records' order and dropout.
        strategy, num_replicas, tpu_name, tpu_zone, gcp_project: see training.cluster.strategy.
        jit_compile: compile the forward and backward pass with XLA.
        deterministic: make TensorFlow's operations repeatable to the bit.
        precision: dtype policy of the model's arithmetic; weights stay float32.
        gradient_accumulation_steps: parts that a global batch is computed in, one after another.
        recompute: compute activations again in the backward pass instead of keeping them.
        optimizer: adamw (the reference's) or lamb.
        objective: mlm_nsp, or mlm for masked words alone.
        masking: the kind that the records must have, or None to take theirs.
        masked_lm_prob, do_whole_word_mask: of dynamic masking; None to take the records' own.
        length_buckets: batches hold records of like lengths and are padded to a multiple of so
            many tokens; 0 pads all to max_seq_length.
        eval_steps: training steps between evaluations on eval_file; None for the end alone.
        early_stopping_patience: evaluations without a better one after which training ends; 0
            never.
        on_corrupt: one of ON_CORRUPT.
        profile_steps: first and last step of a profile for TensorBoard, or None.
        histogram_steps: steps between histograms of weights, or None.
        log_format: text or json.
        report: whether to write report.html.
        worker_timeout: seconds without a sign of life after which a worker counts as lost.
        peak_tflops: the device's matrix product rate, 10^12 operations/s, or None to measure it.
    """

    input_file: str
    output_dir: str
    eval_file: str | None = None
    bert_config_file: str | None = None
    vocab_file: str | None = None
    init_checkpoint: str | None = None
    do_lower_case: bool | None = None
    do_train: bool = True
    do_eval: bool = False
    max_seq_length: int | None = None
    max_predictions_per_seq: int | None = None
    train_batch_size: int = 32
    eval_batch_size: int = 8
    learning_rate: float = 5e-5
    num_train_steps: int = 100_000
    num_warmup_steps: int = 10_000
    save_checkpoints_steps: int = 1000
    steps_per_loop: int = 1000
    max_eval_steps: int = 100
    keep_checkpoint_max: int = 5
    shuffle_buffer: int = 10_000
    seed: int = 12345
    strategy: str = "one_device"
    num_replicas: int | None = None
    tpu_name: str | None = None
    tpu_zone: str | None = None
    gcp_project: str | None = None
    jit_compile: bool = False
    deterministic: bool = True
    precision: str = "float32"
    gradient_accumulation_steps: int = 1
    recompute: bool = False
    optimizer: str = "adamw"
    objective: str = "mlm_nsp"
    masking: str | None = None
    masked_lm_prob: float | None = None
    do_whole_word_mask: bool | None = None
    length_buckets: int = 0
    eval_steps: int | None = None
    early_stopping_patience: int = 0
    on_corrupt: str = "stop"
    profile_steps: tuple[int, int] | None = None
    histogram_steps: int | None = None
    log_format: str = "text"
    report: bool = True
    worker_timeout: int = 30
    peak_tflops: float | None = None

    def __post_init__(self):
        if not self.do_train and not self.do_eval:
            raise ValueError(
                "Expected at least one of --do_train and --do_eval to be true, received neither."
            )
        if not self.input_file:
            raise ValueError(
                "Expected --input_file to name records, received none. Build some with "
                "`python -m tfrecords_builder`, or give no data flags at all for the embedded "
                "default."
            )
        if self.do_train and self.do_eval and not self.eval_file:
            raise ValueError(
                "Expected --eval_file with --do_train and --do_eval, received none. Name records "
                "that are not trained on; to evaluate on the training records, give them twice: "
                f"--eval_file={self.input_file}"
            )
        if self.do_train and self.eval_steps is not None and not self.do_eval:
            raise ValueError(
                f"Expected --eval_file with --eval_steps, received --eval_steps={self.eval_steps} "
                "alone. Name records to evaluate on that are not trained on."
            )
        if self.early_stopping_patience and self.eval_steps is None:
            raise ValueError(
                "Expected --eval_steps with --early_stopping_patience, received "
                f"--early_stopping_patience={self.early_stopping_patience} alone. Say how often "
                "to evaluate."
            )
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value is not None and value not in choices:
                raise ValueError(
                    f"Expected --{name} to be one of {', '.join(choices)}, received {value!r}."
                )
        for name, least in _AT_LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"Expected --{name} to be at least {least}, received {value}.")
        if self.length_buckets and self.strategy == "tpu":
            raise ValueError(
                "Expected --length_buckets=0 with --strategy=tpu, received "
                f"{self.length_buckets}: a TPU needs batches of one shape. Drop the flag."
            )
        if self.length_buckets and not self.shuffle_buffer:
            raise ValueError(
                f"Expected --shuffle_buffer above 0 with --length_buckets={self.length_buckets}, "
                "received 0: records of like lengths are looked for among those that are shuffled "
                "together. Give a buffer of many batches, or drop --length_buckets."
            )
        for name in ("learning_rate", "peak_tflops"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"Expected --{name} to be above 0, received {value}.")
        if self.profile_steps is not None and self.profile_steps[0] > self.num_train_steps:
            first, last = self.profile_steps
            raise ValueError(
                f"Expected --profile_steps within --num_train_steps={self.num_train_steps}, "
                f"received {first},{last}. Choose steps that will be made."
            )

    def doubts(self) -> list[str]:
        """What is allowed and seldom meant, a sentence each."""
        if not self.do_train or self.num_warmup_steps < self.num_train_steps:
            return []
        share = self.num_train_steps / self.num_warmup_steps
        return [
            f"All {self.num_train_steps} training steps are warm-up: --num_warmup_steps is "
            f"{self.num_warmup_steps}, so the learning rate ends at {share:.0%} of "
            "--learning_rate. A tenth of --num_train_steps is usual."
        ]
