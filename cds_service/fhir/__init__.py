"""Reading a FHIR server inside a deadline, and never more of it than was allowed.

Read in this order: `access` (may this server be read, and with which token), `peers` and `wire` (what a connection may
do), `server` (one read), `pages` (one search), `crew` (several at a time).
"""
