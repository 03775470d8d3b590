"""The documentation: pages that are written from the code, links and citations that lead somewhere, the README."""
