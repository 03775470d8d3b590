"""Drugs: which product an order names, what it is for, and how much of it a day brings.

`ingredients` holds our table of ingredients, `products` the table of product codes, `words` reads names and strengths
out of text, `recognise` puts these together; `dose` reads daily doses. No word of a request or a FHIR resource leaves
this package: what comes out is made from our own tables.
"""
