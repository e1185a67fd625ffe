#!/usr/bin/env bash
# Two-phase pretraining: short records for nine tenths of the steps, long ones for the rest.
#   experiments/two_phase/run.sh WORK                                      made-up notes, tiny sizes, a few minutes
#   experiments/two_phase/run.sh WORK NOTES HELD_OUT VOCAB BERT_CONFIG     the recipe at its real size
# Started again after any interruption (exit code 75 or 76 included), it goes on where it stood.
set -euo pipefail
work=$1
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work"

if [ $# -eq 1 ]; then
  lengths=(32 128) predictions=(5 20) more=(--flagfile="$here/tiny.flags")
  notes=$work/train.csv.gz held_out=$work/held_out.csv.gz vocab=$work/vocab.txt config=$here/tiny_bert_config.json
  [ -e "$notes" ] || python -m tfrecords_builder.synthetic --notes=150 --seed=1 --output="$notes"
  [ -e "$held_out" ] || python -m tfrecords_builder.synthetic --notes=30 --seed=2 --output="$held_out"
  [ -e "$vocab" ] || python -m tfrecords_builder.vocabulary --input="$notes" --size=1500 --do_lower_case=False \
    --output="$vocab"
else
  lengths=(128 512) predictions=(20 77) more=()
  notes=$2 held_out=$3 vocab=$4 config=$5
fi

# The same notes twice: once cut into short records, once into long ones.
for phase in 0 1; do
  for part in train held_out; do
    input=$notes records=$work/${part}_${lengths[$phase]}
    [ $part = train ] || input=$held_out
    # Written last, so that what has one is whole; what has none is gone on with.
    [ -e "$records/manifest.json" ] || python -m tfrecords_builder --input="$input" --vocab_file="$vocab" \
      --output_dir="$records" \
      --max_seq_length="${lengths[$phase]}" --max_predictions_per_seq="${predictions[$phase]}"
  done
done

python -m clinicalbert_tf.pretrain --flagfile="$here/phase_1.flags" "${more[@]}" --bert_config_file="$config" \
  --input_file="$work/train_${lengths[0]}" --eval_file="$work/held_out_${lengths[0]}" --output_dir="$work/phase_1"
# Weights are taken over; the optimizer and the learning rate's schedule begin anew.
python -m clinicalbert_tf.pretrain --flagfile="$here/phase_2.flags" "${more[@]}" --init_checkpoint="$work/phase_1" \
  --input_file="$work/train_${lengths[1]}" --eval_file="$work/held_out_${lengths[1]}" --output_dir="$work/phase_2"
