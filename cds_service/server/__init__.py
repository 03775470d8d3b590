"""Assemble the application and serve it: with gunicorn in production, with threads in the demo."""
