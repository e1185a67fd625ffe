#!/bin/sh
# run.sh DATA_DIR MODEL: the reference's grid on MedNLI, chosen on dev, tested once, beside the published accuracies.
# MORE="--max_seq_length=64 ..." adds flags.
set -e
here=$(dirname "$0")
out=${OUT:-runs/mednli}
python -m clinicalbert_tf.run_classifier --task_name=mednli --data_dir="$1" --init_checkpoint="$2" \
    --max_seq_length=150 --optimizer=reference --features=reference --sweep="$here/sweep.flags" \
    --output_dir="$out" $MORE
python "$here/../published_figures.py" mednli "$out"
