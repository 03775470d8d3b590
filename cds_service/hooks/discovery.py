"""The response to GET /cds-services."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cds_service.hooks.services import CDS_HOOKS_VERSION, Service, template


def discovery(services: Iterable[Service]) -> dict[str, Any]:
    """Return the discovery document of these services; prefetch keys keep their order (protocol D-20)."""
    return {"services": [_described(service) for service in services]}


def _described(service: Service) -> dict[str, Any]:
    return {
        "hook": service.hook,
        "id": service.id,
        "title": service.title,
        "description": service.description,
        "usageRequirements": service.usage,
        "version": CDS_HOOKS_VERSION,
        "prefetch": {key: template(key) for key in service.keys},
    }
