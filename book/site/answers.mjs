// The reader's answers on a page without a kernel: in the browser's storage, one entry a question.
// The same records and the same rules as lmkit/answers.py; tests/data/answers.json holds both to it.

export const SCHEMA = "lmkit-answers/1";
const PREFIX = "lmkit:answer:";
const MAX_CHARACTERS = 5_000_000;
const KNOWN_ID = /^[a-z][a-z0-9-]{2,63}$/;

/** @typedef {{text: string, ticks: number[], kept: string[]}} Answer */

/** The record after a save; text that nobody has seen, or that is emptied, is kept. */
export function saved(old, text, ticks, seen) {
  const { text: stored, kept } = old ?? { text: "", kept: [] };
  const unseen = stored !== seen && stored !== text;
  const keep = stored.trim() && (unseen || !text.trim()) && !kept.includes(stored);
  return { text, ticks, kept: keep ? [stored, ...kept] : [...kept] };
}

/** The record after an import: what is there stays, what differs is kept below it. */
export function merged(old, fresh) {
  if (!old || !old.text.trim()) {
    const kept = old?.kept ?? [];
    return { ...fresh, kept: [...kept, ...fresh.kept.filter((text) => !kept.includes(text))] };
  }
  const differs = (text) => text.trim() && text !== old.text && !old.kept.includes(text);
  const extra = [fresh.text, ...fresh.kept].filter(differs);
  return { ...old, kept: [...old.kept, ...new Set(extra)] };
}

/** The answers in an exported file; throws an Error whose message is a sentence. */
export function parse(text) {
  if (text.length > MAX_CHARACTERS)
    throw new Error("This file is larger than 5 MB: it is not a file of answers.");
  const document = json(text);
  const answers = document?.answers;
  const wrong = typeof answers !== "object" || answers === null || Array.isArray(answers);
  if (wrong || document.schema !== SCHEMA)
    throw new Error(`This file is not one of answers: its schema is not ${SCHEMA}.`);
  const entries = Object.entries(answers);
  const good = entries.filter(
    ([name, entry]) => KNOWN_ID.test(name) && typeof entry?.text === "string",
  );
  return {
    found: good.map(([name, entry]) => [name, record(entry)]),
    refused: entries.length - good.length,
  };
}

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("This file is not JSON: choose one that this book exported.");
  }
}

const list = (value) => (Array.isArray(value) ? value : []);

/** @returns {Answer} */
function record({ text, ticks, kept }) {
  const isTick = (k) => Number.isInteger(k) && k >= 0 && k < 32;
  return {
    text,
    ticks: list(ticks).filter(isTick),
    kept: list(kept).filter((s) => typeof s === "string"),
  };
}

/** What an import did, in a sentence. */
export function report(found, refused) {
  const leftOut = refused ? ` ${refused} entries were no answers and were left out.` : "";
  return `Loaded ${found} ${found === 1 ? "answer" : "answers"}; nothing was replaced.${leftOut}`;
}

/** The text of the file that holds these answers. */
export const exported = (answers) =>
  `${JSON.stringify({ schema: SCHEMA, answers: Object.fromEntries(Object.entries(answers).sort()) }, null, 1)}\n`;

// ----------------------------------------------------------------- storage

const FORBIDDEN =
  "This browser keeps nothing for this page, so your answer is only here: download your answers (⋯) before you leave.";
const FULL =
  "The browser's storage is full, so the last change is only here: download your answers (⋯) before you leave.";

const unread = (text) => ({ text, ticks: [], kept: [] });

function readOne(storage, id) {
  const text = storage.getItem(PREFIX + id);
  if (text === null) return null;
  try {
    return record({ text: "", ...JSON.parse(text) });
  } catch {
    return unread(text); // not ours, or damaged: shown as it is rather than lost
  }
}

function readAll(storage) {
  const keys = Array.from({ length: storage.length }, (_, i) => storage.key(i));
  const ours = keys.filter((key) => key.startsWith(PREFIX)).map((key) => key.slice(PREFIX.length));
  return Object.fromEntries(
    ours.filter((id) => KNOWN_ID.test(id)).map((id) => [id, readOne(storage, id)]),
  );
}

function write(storage, id, answer) {
  try {
    storage.setItem(PREFIX + id, JSON.stringify(answer));
  } catch {
    throw new Error(FULL);
  }
}

function browserStorage() {
  try {
    localStorage.length; // throws where storage is forbidden
    return localStorage;
  } catch {
    throw new Error(FORBIDDEN);
  }
}

/** Answer the questions' requests on this page, and tell them what another tab stores. */
export function install(lmkit) {
  const models = new Map();
  lmkit.handle("answers.read", async ({ id }, model) => {
    models.set(id, [...(models.get(id) ?? []), model]);
    return { record: readOne(browserStorage(), id) };
  });
  lmkit.handle("answers.save", async ({ id, text, ticks, seen }, model) => {
    const answer = saved(readOne(browserStorage(), id), text, ticks, seen);
    write(browserStorage(), id, answer);
    for (const other of models.get(id) ?? []) if (other !== model) other.set("record", answer);
    return { record: answer };
  });
  lmkit.handle("answers.all", async () => ({ text: exported(readAll(browserStorage())) }));
  lmkit.handle("answers.merge", async ({ text }) => {
    const { found, refused } = parse(text);
    for (const [id, fresh] of found) {
      const answer = merged(readOne(browserStorage(), id), fresh);
      write(browserStorage(), id, answer);
      for (const model of models.get(id) ?? []) model.set("record", answer);
    }
    return { said: report(found.length, refused) };
  });
  addEventListener("storage", ({ key, storageArea }) => {
    if (!key?.startsWith(PREFIX)) return;
    const id = key.slice(PREFIX.length);
    for (const model of models.get(id) ?? []) model.set("record", readOne(storageArea, id));
  });
}
