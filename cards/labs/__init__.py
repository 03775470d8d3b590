"""Laboratory values: analytes, units, transferrin saturation, the latest result, sums of parts."""
