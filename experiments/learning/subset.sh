#!/bin/sh
# subset.sh DATA OUT: the subsets of the tables in README.md. DATA holds gad, phee and mtsamples_labelled as their publishers have them.
set -e
mkdir -p "$2/gad" "$2/phee" "$2/mtsamples"
zcat -f "$1"/gad/train.tsv* | head -1001 >"$2/gad/train.tsv"
cp "$1/gad/dev.tsv" "$1/gad/test.tsv" "$2/gad/"
for split in train dev test; do zcat -f "$1"/phee/$split.json* >"$2/phee/$split.json"; done
zcat -f "$1"/mtsamples_labelled/notes.jsonl* | python -c '
import json, sys
kept = 0
for line in sys.stdin:
    note = json.loads(line)
    if note["split"] == "train":
        if note["specialty"] is None or kept == 500:
            continue
        kept += 1
    sys.stdout.write(line)
' >"$2/mtsamples/notes.jsonl"
