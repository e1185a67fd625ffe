"""Names of the files in a run's output folder."""

from tfrecords_builder import schema

CONFIG_NAME = "bert_config.json"
VOCABULARY_NAME = schema.VOCABULARY_NAME
RECORD_NAME = "run.json"
# An evaluation alone keeps its own, so that it leaves the record of the training run as it was.
EVALUATION_RECORD_NAME = "eval_run.json"
OUTCOME_NAME = "outcome.json"
RESULTS_NAME = "eval_results.txt"
REPORT_NAME = "report.html"
# The checkpoint of the best evaluation, and what it says of itself.
BEST_FOLDER = "best"
BEST_NAME = "best.json"
# TensorBoard events of evaluations.
EVALUATION_FOLDER = "eval"
# A saved state is model.ckpt-STEP.index, .data-... and .state.json.
CHECKPOINT_STEM = "model.ckpt"
STATE_ENDING = ".state.json"
