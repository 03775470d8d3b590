"""Describe the HTTP interface in OpenAPI 3.1, from the same JSON Schemas that validate requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

from cds_service.hooks.services import Service
from cds_service.web.json_schema import load_schema

_SCHEMAS = ("response", "discovery", "feedback", "operation-outcome")
_ERRORS = {
    "400": "The request is not conformant; the first 20 faults are named.",
    "401": "Authentication is required.",
    "404": "There is no such service.",
    "412": "Clinical data that the answer needs was not supplied and could not be read.",
    "413": "The body is too large.",
    "415": "The body is not JSON by its type, or it is compressed.",
    "429": "Too many requests.",
    "500": "The service failed; the body carries a correlation id.",
    "503": "The service is busy, or the call takes more computing than its deadline allows.",
    "507": "There is no room left to keep what was sent.",
}

_NOT_READY = "The service is not ready; the checks that fail are named."


def openapi(services: Iterable[Service], public_base: str | None) -> dict[str, Any]:
    """Return the OpenAPI document for these services."""
    services = tuple(services)
    paths: dict[str, Any] = {
        "/cds-services": {"get": _operation("The services and their prefetch", "discovery", errors=("500",))}
    }
    for service in services:
        at = f"/cds-services/{service.id}"
        paths[at] = {"post": _operation(service.title, "response", f"request-{service.hook}")}
        paths[f"{at}/feedback"] = {"post": _operation("What became of the cards", "status", "feedback", _FEEDBACK)}
        paths[f"{at}/source-attributes"] = {"get": _source_attributes()}
        paths[f"{at}/source-attributes/{{code}}"] = {"get": _card_page()}
    paths["/healthz"] = {"get": _operation("The process is alive", "status", errors=("500",))}
    ready = _operation("The service can answer calls", "status", errors=("500", "503"))
    ready["responses"]["503"] = {"description": _NOT_READY, "content": _json("operation-outcome")}
    paths["/readyz"] = {"get": ready}
    names = (*_SCHEMAS, *(f"request-{service.hook}" for service in services))
    return {
        "openapi": "3.1.0",
        "info": {"title": "rls-cds", "version": version("rls-cds"), "summary": "CDS Hooks for restless legs syndrome"},
        **({"servers": [{"url": public_base}]} if public_base else {}),
        "paths": paths,
        "components": {
            "schemas": {name: _component(name) for name in names} | {"status": {"type": "object"}},
            "securitySchemes": {"jwt": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
        "security": [{}, {"jwt": []}],
    }


_FEEDBACK = ("400", "401", "404", "413", "415", "429", "500", "503", "507")
_CALL = ("400", "401", "404", "412", "413", "415", "429", "500", "503", "507")


_TEXT, _OBJECTS = {"type": "string"}, {"type": "array", "items": {"type": "object"}}
_ATTRIBUTES: Mapping[str, Any] = {
    "service": _TEXT,
    "title": _TEXT,
    "intendedUse": _TEXT,
    "noClaim": _TEXT,
    "requirements": _OBJECTS,
    "decisions": _OBJECTS,
}


def _component(name: str) -> dict[str, Any]:
    """Return a schema for use inside the document, with its `$ref`s made relative to the document's root."""
    return {key: _rooted(value, name) for key, value in load_schema(name).items() if key not in ("$id", "$schema")}


def _rooted(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _pointer(item, name) if key == "$ref" else _rooted(item, name) for key, item in value.items()}
    return [_rooted(item, name) for item in value] if isinstance(value, list) else value


def _pointer(reference: str, name: str) -> str:
    return reference.replace("#/", f"#/components/schemas/{name}/", 1)


def _operation(summary: str, answer: str, body: str = "", errors: Iterable[str] = _CALL) -> dict[str, Any]:
    content = {"requestBody": {"required": True, "content": _json(body)}} if body else {}
    failures = {status: {"description": _ERRORS[status], "content": _json("operation-outcome")} for status in errors}
    return {
        "summary": summary,
        **content,
        "responses": {"200": {"description": summary, "content": _json(answer)}} | failures,
    }


def _source_attributes() -> dict[str, Any]:
    """Describe the source attributes, which come as JSON or, for a browser, as a page."""
    shown = _operation("The sources and attributes of the rules behind the cards", "status", errors=("404", "500"))
    shape = {"type": "object", "required": list(_ATTRIBUTES), "properties": dict(_ATTRIBUTES)}
    shown["responses"]["200"]["content"] = {
        "application/json": {"schema": shape},
        "text/html": {"schema": {"type": "string"}},
    }
    return shown


def _card_page() -> dict[str, Any]:
    """Describe the page of one card, by the topic code that the card carries in `source.topic.code`."""
    shown = _source_attributes()
    shown["parameters"] = [
        {"name": "code", "in": "path", "required": True, "schema": _TEXT, "description": "source.topic.code of a card"}
    ]
    shown["summary"] = "The rule, sources, grade and limits behind one card"
    properties = dict.fromkeys(("code", "title", "rule", "grade"), _TEXT) | {"sources": _OBJECTS}
    content = shown["responses"]["200"]["content"]
    content["application/json"]["schema"] = {
        "type": "object",
        "required": list(properties),
        "properties": properties,
    }
    return shown


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
