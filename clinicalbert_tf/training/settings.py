"""The settings of any run on the engine: where to, how long, on what, how precisely."""

import dataclasses

from clinicalbert_tf.setting_fields import REQUIRED, check_values, setting

STRATEGIES = ("one_device", "mirrored", "multi_worker", "tpu")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
OPTIMIZERS = ("adamw", "lamb")
# What to do about a damaged file: stop; start from the checkpoint before; also leave a damaged
# input file out.
ON_CORRUPT = ("stop", "previous", "skip")
LOG_FORMATS = ("text", "json")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What every training command was asked to do; its flags by their names.

    A task adds its own in a subclass; `check` there is called after the checks here.

    Raises:
        ValueError: a value is out of range or contradicts another one.
    """

    output_dir: str = setting(
        REQUIRED,
        """Folder of checkpoints, eval_results.txt, run.json and TensorBoard events; a run found
        in it is resumed. Default: a fresh runs/COMMAND-DATE-TIME.""",
        path=True,
    )
    bert_config_file: str | None = setting(
        None,
        """The model's bert_config.json. Default: the one beside --init_checkpoint or the
        inputs.""",
        path=True,
    )
    vocab_file: str | None = setting(
        None,
        """The model's vocabulary. Default: the one beside --init_checkpoint, the configuration or
        the inputs.""",
        path=True,
    )
    init_checkpoint: str | None = setting(
        None,
        """Model to start from: a TF1 checkpoint (directory, prefix or .index file), a Hugging
        Face folder, a Keras preset, an archive of one of them, or the folder of another run.
        Default: fresh weights.""",
        path=True,
    )
    do_lower_case: bool | None = setting(
        None, "Whether the vocabulary is lower-cased. Default: as the inputs or the model say."
    )
    do_train: bool = setting(
        True, "Whether to train. Default: true, unless --do_eval alone is given.", found_out=True
    )
    do_eval: bool = setting(
        False,
        "Whether to evaluate. Default: whether there is something held out.",
        found_out=True,
    )
    train_batch_size: int = setting(
        32, "Examples per training step, over all replicas.", at_least=1, decisive=True
    )
    eval_batch_size: int = setting(
        8, "Examples per evaluation batch, over all replicas.", at_least=1
    )
    learning_rate: float = setting(
        5e-5, "Learning rate at the top of the linear decay.", above=0, decisive=True
    )
    num_train_steps: int = setting(100_000, "Training steps in all.", at_least=1, decisive=True)
    num_warmup_steps: int = setting(10_000, "Steps of linear warm-up.", at_least=0, decisive=True)
    save_checkpoints_steps: int = setting(1000, "Steps between saved checkpoints.", at_least=1)
    steps_per_loop: int = setting(
        1000, "Most steps per call; fewer if that many would take long.", at_least=1
    )
    eval_steps: int | None = setting(
        None,
        """Training steps between evaluations on held-out examples; the best checkpoint is kept
        apart, in OUTPUT_DIR/best. Default: only at the end.""",
        at_least=1,
    )
    early_stopping_patience: int = setting(
        0,
        """Evaluations in a row without a better one after which training ends; 0 never ends it
        early.""",
        at_least=0,
    )
    max_eval_steps: int | None = setting(None, "Most batches evaluated. Default: all.", at_least=1)
    keep_checkpoint_max: int = setting(
        5, "Checkpoints kept, the newest ones; 0 keeps all.", at_least=0
    )
    shuffle_buffer: int = setting(
        10_000,
        "Examples shuffled among each other; 0 reads in file order.",
        at_least=0,
        decisive=True,
    )
    seed: int = setting(
        12345,
        "Seed of fresh weights, the order of examples and dropout.",
        at_least=0,
        decisive=True,
    )
    strategy: str = setting(
        "one_device",
        """one_device, mirrored, multi_worker or tpu. Default: tpu with --use_tpu, otherwise
        one_device.""",
        choices=STRATEGIES,
        found_out=True,
    )
    num_replicas: int | None = setting(
        None, "Replicas. Default: every GPU, or one on the CPU.", at_least=1
    )
    precision: str = setting(
        "float32",
        """float32, mixed_bfloat16 or mixed_float16 (with dynamic loss scaling); weights and
        checkpoints stay float32.""",
        choices=PRECISIONS,
        decisive=True,
    )
    gradient_accumulation_steps: int = setting(
        1,
        """Parts that a global batch is computed in, one after another, to save memory; the same
        update.""",
        at_least=1,
    )
    recompute: bool = setting(
        False,
        """Compute activations again in the backward pass instead of keeping them: less memory,
        about a third more time.""",
    )
    optimizer: str = setting(
        "adamw",
        "adamw (the reference's) or lamb (large batches).",
        choices=OPTIMIZERS,
        decisive=True,
    )
    length_buckets: int = setting(
        0,
        """Batch examples of like lengths and pad each batch to a multiple of so many tokens only;
        needs --shuffle_buffer. 0 pads all to max_seq_length.""",
        at_least=0,
        decisive=True,
    )
    length_pool: int = setting(
        0,
        """With --length_buckets: how many batches, at most, and at most a quarter of those shuffled
        together, examples of like lengths are looked for among. Fewer make batches more random and
        more padded. 0: all that are shuffled together.""",
        at_least=0,
        decisive=True,
    )
    on_corrupt: str = setting(
        "stop",
        """What to do about a damaged file: stop; previous, to start from the checkpoint before;
        or skip, to leave out damaged input files as well.""",
        choices=ON_CORRUPT,
    )
    jit_compile: bool = setting(False, "Compile the forward and backward pass with XLA.")
    deterministic: bool = setting(
        True, "Repeatable to the bit, resumed runs included; may be slower on GPUs."
    )
    worker_timeout: int = setting(
        30,
        """Seconds without a sign of life after which a worker of --strategy=multi_worker counts
        as lost.""",
        at_least=1,
    )
    profile_steps: tuple[int, int] | None = setting(
        None,
        """FIRST,LAST: steps to profile for TensorBoard's tab Profile (pip install
        tensorboard-plugin-profile). Default: none.""",
    )
    histogram_steps: int | None = setting(
        None, "Steps between TensorBoard histograms of the weights. Default: none.", at_least=1
    )
    dp_noise_multiplier: float | None = setting(
        None,
        """Differential privacy: standard deviation of the noise added to the clipped gradients, as
        a multiple of --dp_clip_norm; 0 clips only. Default: no privacy.""",
        at_least=0,
        decisive=True,
    )
    dp_clip_norm: float | None = setting(
        None,
        "Differential privacy: greatest norm of one example's gradient.",
        above=0,
        decisive=True,
    )
    dp_examples_at_once: int | None = setting(
        None,
        """Differential privacy: examples whose gradients are computed together, at most; each needs
        memory for a gradient of every trained variable. 1 needs least and takes longest. Default:
        8, or 1 with --crf.""",
        at_least=1,
    )
    dp_delta: float | None = setting(
        None,
        """Probability at which the privacy guarantee may fail. Default: a tenth of one over the
        training examples, at most 1e-5.""",
        above=0,
    )
    log_format: str = setting(
        "text",
        """text, or json for one JSON object per line on stderr; the results stay on stdout, as
        text.""",
        choices=LOG_FORMATS,
    )
    report: bool = setting(True, "Write OUTPUT_DIR/report.html at the end.")
    peak_tflops: float | None = setting(
        None,
        """The matrix product rate of one device, 10^12 operations/s, for the share of it that
        training reaches. Default: known GPUs, otherwise measured.""",
        above=0,
    )
    tpu_name: str | None = setting(
        None, "The TPU's name or grpc:// address. Default: the local one."
    )
    tpu_zone: str | None = setting(None, "The TPU's zone. Default: this machine's.")
    gcp_project: str | None = setting(None, "The TPU's project. Default: this machine's.")

    def __post_init__(self):
        self.check()

    @property
    def update_rule(self) -> str:
        """The name of the optimizer's rule in updates.update_rules."""
        return {"adamw": "reference"}.get(self.optimizer, self.optimizer)

    @property
    def examples_at_once(self) -> int:
        """How many examples' gradients are computed together with differential privacy."""
        return self.dp_examples_at_once or 8

    def rate_factor(self, tf1_name: str, num_hidden_layers: int) -> float:
        """What the learning rate of a variable is multiplied by; 0 leaves it as it is."""
        return 1.0

    def check(self) -> None:
        """Raises ValueError if a setting is out of range or contradicts another."""
        if not self.do_train and not self.do_eval:
            raise ValueError(
                "Expected at least one of --do_train and --do_eval to be true, received neither."
            )
        if self.early_stopping_patience and self.eval_steps is None:
            raise ValueError(
                "Expected --eval_steps with --early_stopping_patience, received "
                f"--early_stopping_patience={self.early_stopping_patience} alone. Say how often "
                "to evaluate."
            )
        check_values(self)
        self._check_privacy()
        if self.length_buckets and self.strategy == "tpu":
            raise ValueError(
                "Expected --length_buckets=0 with --strategy=tpu, received "
                f"{self.length_buckets}: a TPU needs batches of one shape. Drop the flag."
            )
        if self.length_buckets and not self.shuffle_buffer:
            raise ValueError(
                f"Expected --shuffle_buffer above 0 with --length_buckets={self.length_buckets}, "
                "received 0: examples of like lengths are looked for among those that are "
                "shuffled together. Give a buffer of many batches, or drop --length_buckets."
            )
        # A task may count its examples first, and say the steps then.
        known_steps = self.num_train_steps is not None
        if self.profile_steps and known_steps and self.profile_steps[0] > self.num_train_steps:
            first, last = self.profile_steps
            raise ValueError(
                f"Expected --profile_steps within --num_train_steps={self.num_train_steps}, "
                f"received {first},{last}. Choose steps that will be made."
            )

    def _check_privacy(self) -> None:
        if (self.dp_noise_multiplier is None) != (self.dp_clip_norm is None):
            raise ValueError(
                "Expected both --dp_noise_multiplier and --dp_clip_norm, received one of them. "
                "Noise without a clip, or a clip without noise (0), says nothing."
            )
        if self.dp_clip_norm is None:
            return
        if self.precision == "mixed_float16" or self.gradient_accumulation_steps > 1:
            raise ValueError(
                "Expected --precision other than mixed_float16 and no "
                "--gradient_accumulation_steps with --dp_clip_norm, received "
                f"{self.precision} and {self.gradient_accumulation_steps}. Every example is "
                "computed on its own: drop the other flags."
            )

    def doubts(self) -> list[str]:
        """What is allowed and seldom meant, a sentence each."""
        if not self.do_train or None in (self.num_warmup_steps, self.num_train_steps):
            return []
        if self.num_warmup_steps < self.num_train_steps:
            return []
        share = self.num_train_steps / self.num_warmup_steps
        return [
            f"All {self.num_train_steps} training steps are warm-up: --num_warmup_steps is "
            f"{self.num_warmup_steps}, so the learning rate ends at {share:.0%} of "
            "--learning_rate. A tenth of --num_train_steps is usual."
        ]
