"""Read the knowledge files as values: rules, definitions, value sets and code systems."""
