"""A service whose clients are configured as at a site: in a settings file, by profile."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cds_service.config.load import load_settings
from tests.protocol.ehr import PUBLIC, Ehr, served

SERVICES = 'services = {rls-patient-view = "live", rls-order-sign = "live", rls-order-select = "live"}\n'


@contextmanager
def configured(folder: Path, *clients: str) -> Iterator[Ehr]:
    """Serve the service with these `[clients.<name>]` tables; the EHR is the first of them."""
    keys = [b64encode(bytes(range(start, start + 32))).decode() for start in (0, 32)]
    file = folder / "rls-cds.toml"
    head = f'public_base = "{PUBLIC}"\ntime_zone = "America/New_York"\ndata_folder = "{folder}"\n'
    head += f'pseudonym_key = "{keys[0]}"\nencryption_key = "{keys[1]}"\nfailures_per_minute = 10000\n'
    file.write_text(head + SERVICES + "\n".join(clients), encoding="utf-8")
    settings = load_settings(file, {})
    with served(settings) as ehr:
        ehr.client = settings.clients[0]
        yield ehr
