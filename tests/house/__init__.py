"""The rules of the house: structure, names, deployment files, and how the tests themselves report."""
