"""A seeded hospital that calls the real application over simulated years."""
