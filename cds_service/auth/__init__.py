"""Authenticate the calling client: bearer tokens, public keys, replay and rate limits."""
