"""How findings become cards: words, budget, suggestions, and what no card may be."""
