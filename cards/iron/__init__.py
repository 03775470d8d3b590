"""Iron: treatment as the chart shows it, the studies it is judged by, and the rules of an iron order."""
