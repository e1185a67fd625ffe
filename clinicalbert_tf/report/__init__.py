"""One HTML file about a pretraining run, made from what lies in its folder; needs no network.

- events: scalars out of TensorBoard's event files.
- run_folder: everything that a run's folder tells, read.
- curves: a million steps in a hundred points.
- chart: a curve as SVG.
- page: the HTML file.
- style: its looks.

`python -m clinicalbert_tf.report OUTPUT_DIR` makes it of any run; `clinicalbert_tf.pretrain` does
so at its end.

    attention_files   What a model looks at in a text as files: pages, a picture, and ...
    attention_page    The attention of a model on a text as one HTML file, and one head of it as ...
    attribution_page  A note coloured by what speaks for a label and against it
    classification    A classification's results for the report, from metrics.json and the ...
    privacy_page      What a privacy audit found as one HTML file, in plain words
    tables            The tables of a report
    unit_chart        A curve of one fraction over another as inline SVG: ROC, precision and ...
"""
