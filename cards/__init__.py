"""The clinical core: facts in, findings out, cards out.

Pure functions over frozen values. Nothing in this package reads a clock, a network, the environment
or a random source, and nothing writes a log: the shell passes the time in and mints the uuids.

Read in this order: `facts.chart` (what is known of a patient), `reading` (FHIR JSON to a chart),
`knowledge.rules` (thresholds, switches and texts as data), `decisions` (one module per clinical question,
and `decide`, which asks them all over one chart), `presenting.present` (findings to cards).
"""
