"""The keys of a store, the present and the former ones, and what is made with them."""
