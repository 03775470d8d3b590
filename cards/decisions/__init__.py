"""One module per clinical question, with a file of limits and words beside it.

A module offers `answer(chart, rules) -> tuple[Finding, ...]`; it is found by its file name, nothing is registered.
"""
