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

/* Errors replace the cards, so that no card of one patient stays under the name of another. */
class Fault extends Error {
  constructor(title, message) {
    super(message);
    this.title = title;
  }
}

const announce = (text) => (by("said").textContent = text);

const make = (tag, text, name) => {
  const made = document.createElement(tag);
  made.textContent = text;
  if (name) made.className = name;
  return made;
};

const show = (fault) => {
  const result = by("result");
  const panel = make("section", "", "panel problem");
  panel.setAttribute("aria-label", fault.title);
  panel.append(make("h2", fault.title), make("p", fault.message));
  result.replaceChildren(panel);
  result.removeAttribute("aria-busy");
  delete result.dataset.stale;
  result.dataset.patient = "";
  announce(`${fault.title}. ${fault.message}`);
};

const forgetFile = () => {
  by("upload").value = "";
  const carried = by("carried").querySelector("textarea");
  if (carried) carried.remove();
};

const TIMEOUT_MS = 30000;
const CHECK_RUNNING = "Check that it is running";

/* The messages of an error response, from a page or an OperationOutcome. */
const errorText = (page, text) => {
  const own = page.querySelector("main .fault");
  if (own) return own.textContent;
  try {
    return JSON.parse(text).issue.map((each) => each.details.text).join(" ");
  } catch {
    return "";
  }
};

const answerTo = async (sent) => {
  let answer;
  let text;
  try {
    answer = await fetch(form.action, { method: "POST", body: sent, signal: AbortSignal.timeout(TIMEOUT_MS) });
    text = await answer.text();
  } catch (reason) {
    const late = reason.name === "TimeoutError";
    throw new Fault(
      late ? "The service took longer than 30 seconds" : "The service does not answer",
      `${CHECK_RUNNING}, then press Show the cards. A file must be chosen again.`,
    );
  }
  const page = new DOMParser().parseFromString(text, "text/html");
  if (page.getElementById("result")) return page;
  throw new Fault(`The service answered with status ${answer.status}`, `${errorText(page, text)} Press Show the cards to ask again.`);
};

/* The address of the page holds the form for a synthetic patient, but nothing of a file. */
const LONGEST_ADDRESS = 1500;

const remember = () => {
  const address = new URL(form.action);
  const patient = by("patient").value;
  if (patient !== "file") {
    const query = address.searchParams;
    query.set("patient", patient);
    query.set("service", by("service").value);
    if (by("as_of").value !== by("as_of").dataset.today) query.set("as_of", by("as_of").value);
    for (const draft of document.querySelectorAll("[name=draft]:checked")) query.append("draft", draft.value);
    const labs = [...document.querySelectorAll("[data-original]")].filter((each) => each.value !== each.dataset.original);
    if (labs.length && form.elements.of.value === patient) {
      query.set("of", patient);
      for (const lab of labs) query.set(lab.name, lab.value);
    }
    if (address.search.length > LONGEST_ADDRESS) address.search = new URLSearchParams({ patient, service: by("service").value });
  }
  history.replaceState(null, "", address);
};

/* Send the form and show the answer; resolves to whether one is shown. */
const ask = async () => {
  const number = ++running;
  const result = by("result");
  const isNew = by("upload").files.length > 0;
  result.setAttribute("aria-busy", "true");
  if (isNew || by("patient").value !== result.dataset.patient) result.dataset.stale = "";
  remember();
  try {
    const page = await answerTo(new FormData(form));
    if (number !== running) return false;
    swap(page);
    announce(page.getElementById("said").textContent);
    for (const id of ["patient", "service"]) {
      const chosen = page.querySelector(`#${id} option[selected]`);
      if (chosen) by(id).value = chosen.value;
    }
    by("upload").value = "";
    return true;
  } catch (fault) {
    if (number !== running) return false;
    if (!(fault instanceof Fault)) throw fault;
    if (isNew) forgetFile();
    show(fault);
    return false;
  }
};

const takeFile = () => {
  const field = by("upload");
  if (!field.files.length) return;
  by("patient").value = "file";
  if (field.files[0].size <= Number(field.dataset.limit)) {
    ask();
    return;
  }
  running++;
  forgetFile();
  remember();
  show(new Fault("This file is too large", field.dataset.tooLarge));
};

const onChange = (event) => {
  const field = event.target;
  if (field.id === "draft-filter") return;
  if (field.id === "upload") {
    takeFile();
    return;
  }
  if (field.id === "patient") {
    if (field.value === "file") by("upload").click();
    else by("upload").value = "";
  }
  if (field.name === "draft" && field.checked && by("service").value === "rls-patient-view") {
    by("service").value = "rls-order-sign";
  }
  ask();
};

/* A browser that goes back may restore the last choices. */
const isFilledIn = () =>
  [...form.elements].some((field) => {
    if (field.type === "checkbox") return field.checked !== field.defaultChecked;
    if (field.type === "date") return field.value !== field.defaultValue;
    if (!field.options || ![...field.options].some((each) => each.defaultSelected)) return false;
    return !field.options[field.selectedIndex].defaultSelected;
  });

const onFilter = (event) => {
  const words = event.target.value.toLowerCase().split(/\s+/);
  let found = 0;
  for (const kind of document.querySelectorAll(".choices .kind")) {
    const title = kind.querySelector(".kindname").textContent;
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
  takeFile();
};

/* ---- Cards: feedback as an EHR sends it ---- */

const report = (card, text, failed = false) => {
  const status = card.querySelector(".answered");
  status.classList.toggle("failed", failed);
  status.textContent = text;
};

const post = async (card, entry) => {
  if (card.dataset.busy) return false;
  card.dataset.busy = "true";
  const feedback = [{ card: card.dataset.uuid, outcomeTimestamp: new Date().toISOString(), ...entry }];
  try {
    const answer = await fetch(card.dataset.feedback, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ feedback }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (answer.ok) return true;
    report(card, `Not recorded: the service refused it with status ${answer.status}. Show the cards again, then try once more.`, true);
  } catch {
    report(card, `Not recorded: the service does not answer. ${CHECK_RUNNING}, then try once more.`, true);
  } finally {
    delete card.dataset.busy;
  }
  return false;
};

/* Find the same card in the current answer. */
const findCard = (code, title) =>
  [...document.querySelectorAll("#result article.card")].find(
    (each) => each.dataset.card === code && each.querySelector("h3").textContent === title,
  );

const recorded = (card) => {
  if (card.classList.contains("silent")) return "Override recorded. The card is silenced on these results.";
  if (card.classList.contains("critical")) return "Override recorded. A critical card is never silenced, so it is shown again.";
  return "Override recorded. This reason silences no card, so it is shown again.";
};

const override = async (button) => {
  const card = button.closest(".card");
  const menu = button.closest(".menu");
  const { code, system } = button.dataset;
  const title = card.querySelector("h3").textContent;
  const reason = code ? { overrideReason: { reason: { code, system } } } : {};
  menu.open = false;
  menu.querySelector("summary").focus();
  if (!(await post(card, { outcome: "overridden", ...reason })) || !(await ask())) return;
  const shown = findCard(card.dataset.card, title);
  if (!shown) {
    announce("Override recorded.");
    by("cards-title").focus();
    return;
  }
  report(shown, recorded(shown));
  shown.querySelector("h3").focus();
};

const accept = async (button) => {
  if (button.getAttribute("aria-disabled") === "true") return;
  const card = button.closest(".card");
  const label = button.textContent.trim();
  button.setAttribute("aria-disabled", "true");
  if (!(await post(card, { outcome: "accepted", acceptedSuggestions: [{ id: button.dataset.suggestion }] }))) {
    button.removeAttribute("aria-disabled");
    return;
  }
  button.classList.add("done");
  report(card, "Accepted and recorded. An EHR would now change its orders.");
  const draft = document.querySelector(`[name="draft"][value="${CSS.escape(button.dataset.removes || "")}"]`);
  if (!draft) return;
  draft.checked = false;
  if (!(await ask())) return;
  announce(`Accepted and recorded: ${label}. ${by("said").textContent}`);
  by("cards-title").focus();
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
    return [answer.ok, `status ${answer.status}, ${codes || "no card (an earlier override silences it, or the service runs in shadow)"}`];
  },
  async fhir() {
    const answer = await fetch(`${base()}/fhir/metadata`);
    const { fhirVersion } = await answer.json();
    return [answer.ok, `status ${answer.status}, FHIR ${fhirVersion}`];
  },
  async ready() {
    const answer = await fetch("/readyz");
    return [answer.ok, `status ${answer.status}`];
  },
};

const runChecks = async () => {
  for (const line of document.querySelectorAll("[data-check]")) {
    const state = line.querySelector(".state");
    state.textContent = "running";
    let passed = false;
    let text = "no answer that this page may read: not reachable, or its clients do not list this origin";
    try {
      [passed, text] = await checks[line.dataset.check]();
    } catch {
      /* the text above says why */
    }
    line.className = passed ? "passed" : "failed";
    state.textContent = `${passed ? "passed" : "failed"}: ${text}`;
  }
};

/* ---- Wiring ---- */

requestAnimationFrame(() => setTimeout(() => document.documentElement.classList.add("painted")));

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
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
  addEventListener("pageshow", (event) => (event.persisted || isFilledIn()) && ask());
}
