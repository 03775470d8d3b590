"""The databases of a store: where they are, transactions that end in time, and the exceptions of the store."""
