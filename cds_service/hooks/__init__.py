"""The CDS Hooks protocol: services, discovery, requests, prefetch, feedback."""
