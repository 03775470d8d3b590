"""The clinical core: facts in, findings out, cards out.

Pure functions over frozen values. Nothing in this package reads a clock, a network, the environment
or a random source, and nothing writes a log: the shell passes the time in and mints the uuids.

Read in this order: `chart` (what is known of a patient), `reading` (FHIR JSON to a chart),
`rules` (thresholds, switches and texts as data), `decisions` (one module per clinical question),
`decide` (all of them over one chart), `present` (findings to cards).
"""
