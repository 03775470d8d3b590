"""Shared parts of the decisions on iron: studies, treatment, orders, overload, dose, duplicates, interactions."""
