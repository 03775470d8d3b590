"""Shared parts of decisions on several topics: levels, orders, kidney function, doses, notes on a card."""
