#!/bin/sh
# run.sh plain|private: pretrains a tiny BERT 50 times over invented notes with planted secrets, and audits it.
set -e
out=${OUT:-runs/privacy}
if [ ! -d "$out/records" ]; then
    mkdir -p "$out"
    python -m tfrecords_builder.synthetic --notes=120 --seed=3 --output="$out/notes.csv.gz"
    python -m tfrecords_builder.vocabulary --input="$out/notes.csv.gz" --size=800 --output="$out/vocab.txt"
    python -m tfrecords_builder --input="$out/notes.csv.gz" --vocab_file="$out/vocab.txt" --do_lower_case=False --output_dir="$out/records" \
        --canaries=8 --canary_repeats=12 --max_seq_length=64 --max_predictions_per_seq=10 --masking=dynamic --num_shards=1 --random_seed=1
fi
[ "$1" = private ] && noise="--dp_noise_multiplier=1.0 --dp_clip_norm=1.0 --dp_examples_at_once=32"
python -m clinicalbert_tf.pretrain --input_file="$out/records" --bert_config_file="$(dirname "$0")/bert_config.json" \
    --train_batch_size=32 --learning_rate=3e-3 --num_train_steps=2900 --num_warmup_steps=100 --seed=11 --noreport --nodo_eval \
    --max_predictions_per_seq=10 --save_checkpoints_steps=2900 --output_dir="$out/$1" $noise
python -m clinicalbert_tf.privacy_audit --model="$out/$1" --canaries="$out/records/invented/canaries.json" \
    --max_seq_length=64 --output_dir="$out/audit_$1"
