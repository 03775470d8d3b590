"""The service as a WSGI application, for a server that finds it as `tests.benchmarks.assembled:app`."""

from __future__ import annotations

import os

from cds_service.config.load import load_settings
from cds_service.server.assembly import assemble

app = assemble(load_settings(os.environ["RLS_CDS_BENCHMARK_SETTINGS"], {}))
