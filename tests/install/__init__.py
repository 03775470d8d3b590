"""The lock files, and the two blocks of the README that install from them."""
