"""The secret keys of a store, and what is made with them: pseudonyms and encrypted text."""
