#!/bin/sh
# run.sh DATA_DIR TASK MODEL: a relation task (gad, euadr, chemprot, bluebert_chemprot, ddi, bluebert_i2b2_2010,
# i2b2_2010_relations) with BLUE's settings, beside the published figures. MORE="..." adds flags.
set -e
here=$(dirname "$0")
out=${OUT:-runs/$2}
python -m clinicalbert_tf.run_classifier --task_name="$2" --data_dir="$1" --init_checkpoint="$3" \
    --flagfile="$here/run.flags" --output_dir="$out" $MORE
python "$here/../published_figures.py" "$2" "$out"
