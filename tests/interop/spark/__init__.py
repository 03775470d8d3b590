"""Spark in local mode: its packages lie in a folder of their own, which `.ci/run` fills, and in none of our locks."""
