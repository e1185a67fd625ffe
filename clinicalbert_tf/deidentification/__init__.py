"""Private data out of notes: found by rules and a model, replaced, checked again.

    found           spans of private data, their union, their types
    rules           what the rules find: contacts, numbers, dates, ages, addresses, names by context
    dates           dates in many forms, shifted in the same form
    repeats         everything removed once is removed everywhere in the note
    surrogates      invented values of the same form, one per value, patient and key
    note            one note: find, replace, scan again
    operating_point how sure the model must be, by type, for a wanted recall
    detector        a model of this software as a function text -> spans
    rows            notes in JSON lines and CSV, in and out
    outputs         files that grow together and survive a kill
    settings        what a run does
    run             the whole file, in several processes
    key_file        the removed text, on request, and the way back

Nothing here needs TensorFlow unless a model is given.

    name_rules    Rules for names: behind a title, in a field, before a degree
    number_rules  Rules for contacts, numbers of persons and records, addresses and high ages
    pattern       One rule: a type, a pattern whose group "found" is removed, and a check of ...
"""
