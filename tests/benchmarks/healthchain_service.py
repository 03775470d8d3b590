"""One ferritin rule on HealthChain, run in a virtual environment of its own by uvicorn: `healthchain_service:app`."""

from __future__ import annotations

from typing import Any

from healthchain.gateway import HealthChainAPI
from healthchain.gateway.cds import CDSHooksService
from healthchain.models.requests.cdsrequest import CDSRequest
from healthchain.models.responses.cdsresponse import CDSResponse

app = HealthChainAPI(title="One rule")
cds = CDSHooksService()


def cards(request: CDSRequest) -> CDSResponse:
    """Answer with a card where the newest ferritin is 75 ng/mL or less."""
    found = [each["resource"] for each in (request.prefetch or {})["labs"]["entry"]]
    ferritin = [each for each in found if _is_ferritin(each)]
    newest = max(ferritin, key=lambda each: str(each["effectiveDateTime"]), default=None)
    if newest is None or newest["valueQuantity"]["value"] > 75:
        return CDSResponse(cards=[])
    value = newest["valueQuantity"]
    card = {
        "summary": f"Ferritin {value['value']} {value['unit']}: consider oral iron",
        "indicator": "warning",
        "detail": "Ferritin at or below 75 ng/mL with restless legs syndrome.",
        "source": {"label": "One rule"},
    }
    return CDSResponse(cards=[card])


def _is_ferritin(resource: dict[str, Any]) -> bool:
    return any(each["code"] == "2276-4" for each in resource["code"]["coding"])


cds.hook("patient-view", id="rls-patient-view")(cards)
cds.hook("order-sign", id="rls-order-sign")(cards)
app.register_service(cds)
