"""Read FHIR servers within a deadline, and only what the call may read.

From the ground up: `access` (which server may be read, and with which token), `transport` (what a connection may do),
`connection` (one read), `reader` (the reads of one call), `links` and `paging` (one search), `parallel` (several reads
at once), `search` (everything that a call reads).
"""
