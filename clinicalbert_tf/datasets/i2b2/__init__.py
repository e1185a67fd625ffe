"""The i2b2 and n2c2 releases as the portal hands them out: archives, or the folders they hold.

releases         a release by its task's name: documents in, files of words and labels out
deid_2006        de-identification, records in one XML file
concepts_2010    concepts and assertions, .txt, .con and .ast files
xml_2012_2014    events, de-identification: one XML file per note
reference        the reference's own conversion of each, faults included

    assertions_2010  The assertions of i2b2/VA 2010 (.ast) as a table for classification
    reference_text   The reference's conversion of i2b2 2006 and 2010, faults included ...
    reference_xml    The reference's conversion of i2b2 2012 and 2014, faults included ...
"""
