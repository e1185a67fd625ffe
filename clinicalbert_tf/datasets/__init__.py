"""Data sets of the clinical tasks: tables and released folders in, labelled examples out."""
