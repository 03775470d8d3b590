"""One module per clinical question, with a TOML file of its limits and texts beside it.

A module offers `answer(chart, rules) -> tuple[Finding, ...]`; it is found by its file name, nothing is registered.
`decide` asks them all over one chart.
"""
