"""The databases of a store: where they are, transactions that end in time, statements, and the store's exceptions."""
