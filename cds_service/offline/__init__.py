"""Work of the command line that needs no server: evaluate files, check a configuration, export audit events."""
