"""Classification data sets: released layouts and own tables as labelled examples, checked."""
