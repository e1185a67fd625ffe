"""What records hold: counted, drawn, and shown only when asked for.

- record_statistics: counts of records.
- inspection: what is asked of them.
- inspection_report: HTML and PNG.
"""
