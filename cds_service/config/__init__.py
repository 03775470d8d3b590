"""Settings of the service and profiles of its clients: loaded once, validated and immutable."""
