/* The console: sends the form of Try without reloading, posts feedback, copies, and runs the checks of Connect.
   Everything it shows is text (textContent) or what the server rendered. */
"use strict";

const by = (id) => document.getElementById(id);

/* ---- Try: one form, its answer swapped in place ---- */

const form = by("try");
let running = 0;

const swap = (page) => {
  const open = new Set([...document.querySelectorAll("details[open][id]")].map((each) => each.id));
  const focused = document.activeElement && document.activeElement.id;
  for (const old of document.querySelectorAll("[data-swap]")) {
    const fresh = page.getElementById(old.id);
    if (fresh) old.replaceWith(document.importNode(fresh, true));
  }
  for (const id of open) if (by(id)) by(id).open = true;
  if (focused && by(focused) && document.activeElement.id !== focused) by(focused).focus({ preventScroll: true });
};

const ask = async () => {
  const mine = ++running;
  by("result").setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
    const text = await answer.text();
    if (mine !== running) return;
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(text, "text/html");
    swap(page);
    const service = page.querySelector("#service option[selected]");
    if (service) by("service").value = service.value;
    by("upload").value = "";
  } catch (fault) {
    if (mine !== running) return;
    by("result").removeAttribute("aria-busy");
    by("said").textContent = `The service did not answer (${fault.message}).`;
    by("said").classList.remove("visually-hidden");
  }
};

const onChange = (event) => {
  const field = event.target;
  if (field.id === "draft-filter") return;
  if (field.id === "upload") {
    if (!field.files.length) return;
    by("patient").value = "file";
  } else if (field.id === "patient" && field.value === "file") {
    by("upload").click();
  }
  if (field.name === "draft" && field.checked && by("service").value === "rls-patient-view") {
    by("service").value = "rls-order-sign";
  }
  ask();
};

const onFilter = (event) => {
  const words = event.target.value.toLowerCase().split(/\s+/);
  let found = 0;
  for (const kind of document.querySelectorAll(".choices .kind")) {
    const title = kind.querySelector("h3").textContent;
    let shown = 0;
    for (const item of kind.querySelectorAll("li")) {
      const name = `${title} ${item.textContent}`.toLowerCase();
      item.hidden = !words.every((word) => name.includes(word));
      shown += !item.hidden;
    }
    kind.hidden = !shown;
    found += shown;
  }
  by("no-draft").hidden = found > 0;
};

const onDrop = (event) => {
  event.preventDefault();
  by("drop").classList.remove("over");
  if (!event.dataTransfer.files.length) return;
  by("upload").files = event.dataTransfer.files;
  by("patient").value = "file";
  ask();
};

/* ---- Cards: feedback as an EHR sends it ---- */

const post = async (card, entry) => {
  const feedback = [{ card: card.dataset.uuid, outcomeTimestamp: new Date().toISOString(), ...entry }];
  const answer = await fetch(card.dataset.feedback, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ feedback }),
  });
  if (!answer.ok) card.querySelector(".answered").textContent = `Feedback was refused with status ${answer.status}.`;
  return answer.ok;
};

const override = async (button) => {
  const card = button.closest(".card");
  const { code, system } = button.dataset;
  const reason = code ? { overrideReason: { reason: { code, system } } } : {};
  if (await post(card, { outcome: "overridden", ...reason })) ask();
};

const accept = async (button) => {
  const card = button.closest(".card");
  if (!(await post(card, { outcome: "accepted", acceptedSuggestions: [{ id: button.dataset.suggestion }] }))) return;
  button.classList.add("done");
  card.querySelector(".answered").textContent = "Accepted and recorded. An EHR would now change its orders.";
  const draft = document.querySelector(`[name="draft"][value="${CSS.escape(button.dataset.removes || "")}"]`);
  if (draft) {
    draft.checked = false;
    ask();
  }
};

/* ---- Copying ---- */

const copy = async (button) => {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(by(button.dataset.copy).textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(by(button.dataset.copy));
    button.textContent = "Selected: press Ctrl+C";
  }
  setTimeout(() => (button.textContent = before), 2000);
};

/* ---- Connect: the checks ---- */

const base = () => by("check").dataset.base;

const checks = {
  async discovery() {
    const answer = await fetch(`${base()}/cds-services`);
    const { services } = await answer.json();
    return [answer.ok && services.length > 0, `status ${answer.status}, ${services.length} services`];
  },
  async cors() {
    const answer = await fetch(`${base()}/cds-services`, { method: "OPTIONS" });
    const origin = answer.headers.get("Access-Control-Allow-Origin");
    const seen = new URL(base()).origin === location.origin;
    if (!seen) return [answer.ok, "this page is of another origin and may call"];
    return [answer.ok && Boolean(origin), origin ? `allowed: ${origin}` : "only the origins that clients list"];
  },
  async call() {
    const answer = await fetch(`${base()}/cds-services/rls-patient-view`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: by("example").textContent,
    });
    if (answer.status === 401) return [true, "401: authentication is on; a client with a token is let in"];
    const { cards = [] } = await answer.json();
    const codes = cards.map((card) => card.source.topic.code).join(", ");
    return [answer.ok, `status ${answer.status}, ${codes || "no card (silenced, or in shadow)"}`];
  },
  async fhir() {
    const answer = await fetch(`${base()}/fhir/metadata`);
    const { fhirVersion } = await answer.json();
    return [answer.ok, `status ${answer.status}, FHIR ${fhirVersion}`];
  },
  async ready() {
    const answer = await fetch(`${base()}/readyz`);
    return [answer.ok, `status ${answer.status}`];
  },
};

const runChecks = async () => {
  for (const line of document.querySelectorAll("[data-check]")) {
    const state = line.querySelector(".state");
    state.textContent = "running";
    let passed = false;
    let words = "no answer that this page may read: not reachable, or its clients do not list this origin";
    try {
      [passed, words] = await checks[line.dataset.check]();
    } catch {
      /* the words above stand */
    }
    line.className = passed ? "passed" : "failed";
    state.textContent = `${passed ? "passed" : "failed"}: ${words}`;
  }
};

/* ---- Wiring ---- */

requestAnimationFrame(() => setTimeout(() => document.documentElement.classList.add("painted")));

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.copy) copy(button);
  else if (button.dataset.suggestion) accept(button);
  else if (button.closest(".menu")) override(button);
  else if (button.id === "run-checks") runChecks();
});

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest(".menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

if (form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  document.addEventListener("change", (event) => event.target.form === form && onChange(event));
  by("draft-filter").addEventListener("input", onFilter);
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      by("drop").classList.add("over");
    });
  }
  document.addEventListener("dragleave", (event) => event.relatedTarget || by("drop").classList.remove("over"));
  document.addEventListener("drop", onDrop);
}
