"""Mutation testing of the clinical core: `python -m tests.mutation`."""
