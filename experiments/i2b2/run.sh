#!/usr/bin/env bash
# The entity columns of W19-1909's table 2, from the raw releases.
#
#   experiments/i2b2/run.sh DATA_DIR --init_checkpoint=BERT [FLAG...]
#
# DATA_DIR holds i2b2_2006, i2b2_2010, i2b2_2012 and i2b2_2014, each a release as downloaded; one that
# is missing is left out. Started again, it repeats no finished run. GRID names another grid, RUNS
# another folder for the runs.
set -euo pipefail
if [ $# -lt 2 ]; then
    echo "Usage: $0 DATA_DIR --init_checkpoint=BERT [FLAG...]" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
data=$1
shift
grid=${GRID:-$here/grid}
runs=${RUNS:-runs/i2b2}
for task in i2b2_2006 i2b2_2010 i2b2_2012 i2b2_2014; do
    [ -d "$data/$task" ] || continue
    # The reference's words, labels, split, loss and optimizer.
    python -m clinicalbert_tf.datasets.i2b2 --task_name="$task" --data_dir="$data/$task" \
        --output_dir="$runs/data/$task" --rules=reference
    python -m clinicalbert_tf.run_i2b2 --task_name="$task" --data_dir="$runs/data/$task" \
        --output_dir="$runs/$task" --sweep="$grid" --rules=reference --truncate --loss=reference \
        --optimizer=reference --max_seq_length=150 "$@"
done
python "$here/print_table.py" "$runs"
