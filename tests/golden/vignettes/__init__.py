"""The vignettes of the specification, over HTTP."""
