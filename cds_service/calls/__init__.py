"""Handle one call from its body to its cards, and define the routes of the service."""
