"""Synthetic exports of whole populations: `python -m tests.population.generate --help`.

    catalogue.toml   what may stand in an export: results, diagnoses, drugs, sites, and how often each
    catalogue        the same as values
    people           one patient, record by record, from a seed and a number
    generate         the command: files by type in parts, with a manifest
    measure          another: screening beside grep over such files, as one table

All of it is made up. The shares are assumptions for a trial of speed and of data quality, not findings about a clinic.
"""
