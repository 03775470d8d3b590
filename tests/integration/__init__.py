"""Tests with sockets, processes, databases and commands."""
