"""Plan an export of the few patients who matter: diagnoses first, then the records of those whom they name.

vendors.toml  what each vendor's Bulk Data server can do, how fast it is, and where that is written
plan          the requests of both steps, what they should come to, and the commands that fetch them
"""
