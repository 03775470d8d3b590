"""Drug names in the languages of records: how each spells a name, and the names of drugs that are none of ours.

`folding` makes the spellings of one international name equal, `translations` holds the names that no rule yields,
`other_drugs` tells another drug from a name that is not covered.
"""
