"""The same population in SQL on FHIR: views of seven resource types, queries over them, and why they differ from us.

    views      ViewDefinitions with the codes of the value sets, for any runner of SQL on FHIR 2
    queries    SQL over the views: one row for every patient, and the counts
    reconcile  each patient of whom the SQL and the screening say different things, and why

The SQL is a rough count for a warehouse. It reads codes and plain values; it knows no words, no other units, no two
results of one day, no doses. It decides nothing.
"""
