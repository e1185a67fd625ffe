#!/usr/bin/env bash
# The whole chain on real transcribed reports: notes -> vocabulary -> records -> checkpoint -> evaluation.
#   experiments/transcriptions/run.sh notes.jsonl.gz WORK_DIR
# notes.jsonl.gz: one JSON object a line with note_id and text (the MTSamples collection, CC0, 606 reports).
set -euo pipefail
notes=$1 work=$2
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work"

# Every tenth report is held out, so that nothing that is evaluated was trained on.
gzip -dc "$notes" | awk -v work="$work" '{print > (work "/" (NR % 10 ? "train" : "held_out") ".jsonl")}'

python -m tfrecords_builder.vocabulary --input="$work/train.jsonl" --do_lower_case=False --size=4000 \
  --output="$work/vocab.txt"
for part in train held_out; do
  python -m tfrecords_builder --input="$work/$part.jsonl" --vocab_file="$work/vocab.txt" --num_shards=4 \
    --max_seq_length=64 --max_predictions_per_seq=10 \
    --output_dir="$work/records_$part"
done
python -m clinicalbert_tf.pretrain --flagfile="$here/pretrain.flags" --bert_config_file="$here/bert_config.json" \
  --input_file="$work/records_train" --eval_file="$work/records_held_out" --output_dir="$work/run"
python "$here/../plot_losses.py" "$work/run" "$here/loss.png"
