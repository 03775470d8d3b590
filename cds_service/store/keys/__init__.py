"""The keys of a store: which it has, and a change of them."""
