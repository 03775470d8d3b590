"""Properties that hold for every chart, over generated ones: a few hundred by default, 10,000 with `-m full`."""
