"""HTTP building blocks without clinical content: bodies, errors, middleware, limits, deadlines, logging."""
