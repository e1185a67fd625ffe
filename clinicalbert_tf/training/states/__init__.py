"""What a run leaves on disk to resume from, and what it finds there.

- checkpoints: the training state in TF1 names, complete or absent.
- saving, disk: saves that may fail.
- best: the checkpoint of the lowest evaluation loss.
- resuming: what a run starts from.
- corruption, damaged_records: what --on_corrupt says of damage.
- positions: how many of them a checkpoint was trained on.
- run_record, run_description: `run.json`, and the refusal to resume with other settings.

    folder_lock      One process at a time trains into an output folder
    initial_weights  The weights that a run starts from: a checkpoint of any format
"""
