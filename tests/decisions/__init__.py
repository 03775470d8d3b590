"""Tables of cases per decision: a sentence, a chart in short, and exactly the findings that are expected."""
