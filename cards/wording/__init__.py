"""The words of cards: facts, persons and reasons in print, each kind in one way."""
