// The reader's answers on a page without a kernel: in the browser's storage, one entry a question.
// The same records and the same rules as lmkit/answers.py; tests/data/answers.json holds both to it.

export const SCHEMA = "lmkit-answers/1";
const PREFIX = "lmkit:answer:";
const MAX_CHARACTERS = 5_000_000;
const KNOWN_ID = /^[a-z][a-z0-9-]{2,63}$/;

/** @typedef {import("./host.mjs").LocalModel} LocalModel */

/**
 * What a reader wrote to a question, which of the rubric's points they ticked, and earlier texts.
 * @typedef {{text: string, ticks: number[], kept: string[]}} Answer
 */

/** @type {Answer} */
const BLANK = { text: "", ticks: [], kept: [] };

/**
 * The record after a save; text that nobody has seen, or that is emptied, is kept.
 * @param {Answer | null} old
 * @param {string} text
 * @param {number[]} ticks
 * @param {string} seen the text that the reader had before them when they began
 * @returns {Answer}
 */
export function saved(old, text, ticks, seen) {
  const { text: stored, kept } = old ?? BLANK;
  const unseen = stored !== seen && stored !== text;
  const keep = stored.trim() && (unseen || !text.trim()) && !kept.includes(stored);
  return { text, ticks, kept: keep ? [stored, ...kept] : [...kept] };
}

/**
 * The record after an import: what is there stays, what differs is kept below it.
 * @param {Answer | null} old
 * @param {Answer} fresh
 * @returns {Answer}
 */
export function merged(old, fresh) {
  if (!old?.text.trim()) {
    const { kept } = old ?? BLANK;
    return { ...fresh, kept: [...kept, ...fresh.kept.filter((text) => !kept.includes(text))] };
  }
  /** @param {string} text */
  const differs = (text) => text.trim() && text !== old.text && !old.kept.includes(text);
  const extra = [fresh.text, ...fresh.kept].filter(differs);
  return { ...old, kept: [...old.kept, ...new Set(extra)] };
}

/**
 * The answers in an exported file; throws an Error whose message is a sentence.
 * @param {string} text
 */
export function parse(text) {
  if (text.length > MAX_CHARACTERS)
    throw new Error("This file is larger than 5 MB: it is not a file of answers.");
  const { schema, answers } = Object(json(text));
  const wrong = typeof answers !== "object" || answers === null || Array.isArray(answers);
  if (wrong || schema !== SCHEMA)
    throw new Error(`This file is not one of answers: its schema is not ${SCHEMA}.`);
  const entries = Object.entries(answers);
  const good = entries.filter(([id, one]) => KNOWN_ID.test(id) && typeof one?.text === "string");
  /** @type {[id: string, answer: Answer][]} */
  const found = good.map(([id, one]) => [id, record(one)]);
  return { found, refused: entries.length - good.length };
}

/** @param {string} text @returns {unknown} */
function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("This file is not JSON: choose one that this book exported.");
  }
}

/** @param {unknown} value @returns {unknown[]} */
const list = (value) => (Array.isArray(value) ? value : []);

/** @param {unknown} k @returns {k is number} */
const isTick = (k) => Number.isInteger(k) && Number(k) >= 0 && Number(k) < 32;

/** @param {unknown} text @returns {text is string} */
const isText = (text) => typeof text === "string";

/**
 * What of somebody's data is an answer.
 * @param {{text: string, ticks?: unknown, kept?: unknown}} data
 * @returns {Answer}
 */
const record = ({ text, ticks, kept }) => ({
  text,
  ticks: list(ticks).filter(isTick),
  kept: list(kept).filter(isText),
});

/** What an import did, in a sentence. @param {number} found @param {number} refused */
export function report(found, refused) {
  const leftOut = refused ? ` ${refused} entries were no answers and were left out.` : "";
  return `Loaded ${found} ${found === 1 ? "answer" : "answers"}; nothing was replaced.${leftOut}`;
}

/** The text of the file that holds these answers. @param {Record<string, Answer>} answers */
export function exported(answers) {
  const sorted = Object.fromEntries(Object.entries(answers).sort());
  return `${JSON.stringify({ schema: SCHEMA, answers: sorted }, null, 1)}\n`;
}

// ----------------------------------------------------------------- storage

const FORBIDDEN =
  "This browser keeps nothing for this page, so your answer is only here: download your answers (⋯) before you leave.";
const FULL =
  "The browser's storage is full, so the last change is only here: download your answers (⋯) before you leave.";

/** @param {Storage} storage @param {string} id @returns {Answer | null} */
function readOne(storage, id) {
  const text = storage.getItem(PREFIX + id);
  if (text === null) return null;
  try {
    return record({ text: "", ...JSON.parse(text) });
  } catch {
    return record({ text }); // not ours, or damaged: shown as it is rather than lost
  }
}

/** @param {Storage} storage */
function readAll(storage) {
  const keys = Array.from({ length: storage.length }, (_, i) => storage.key(i) ?? "");
  const ours = keys.filter((key) => key.startsWith(PREFIX)).map((key) => key.slice(PREFIX.length));
  const known = ours.filter((id) => KNOWN_ID.test(id));
  return Object.fromEntries(known.map((id) => [id, readOne(storage, id) ?? BLANK]));
}

/** @param {Storage} storage @param {string} id @param {Answer} answer */
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

// -------------------------------------------------------------- the questions

/** The page's questions, of which one may stand twice; they are told what their record is. */
class Questions {
  /** @type {Map<string, LocalModel[]>} */
  #models = new Map();

  /** @param {{id: string}} request @param {LocalModel} model */
  async read({ id }, model) {
    this.#models.set(id, [...(this.#models.get(id) ?? []), model]);
    return { record: readOne(browserStorage(), id) };
  }

  /** @param {{id: string, text: string, ticks: number[], seen: string}} request @param {LocalModel} model */
  async save({ id, text, ticks, seen }, model) {
    const answer = saved(readOne(browserStorage(), id), text, ticks, seen);
    write(browserStorage(), id, answer);
    this.tell(id, answer, model);
    return { record: answer };
  }

  /** All answers as a file. */
  async all() {
    return { text: exported(readAll(browserStorage())) };
  }

  /** @param {{text: string}} request a file */
  async merge({ text }) {
    const { found, refused } = parse(text);
    for (const [id, fresh] of found) {
      const answer = merged(readOne(browserStorage(), id), fresh);
      write(browserStorage(), id, answer);
      this.tell(id, answer);
    }
    return { said: report(found.length, refused) };
  }

  /** @param {string} id @param {Answer | null} answer @param {LocalModel} [but] who knows already */
  tell(id, answer, but) {
    for (const model of this.#models.get(id) ?? []) if (model !== but) model.set("record", answer);
  }
}

/**
 * Answer the questions' requests on this page, and tell them what another tab stores.
 * @param {import("./host.mjs").Lmkit} lmkit
 */
export function install(lmkit) {
  const questions = new Questions();
  lmkit.handle("answers.read", (request, model) => questions.read(request, model));
  lmkit.handle("answers.save", (request, model) => questions.save(request, model));
  lmkit.handle("answers.all", () => questions.all());
  lmkit.handle("answers.merge", (request) => questions.merge(request));
  addEventListener("storage", ({ key, storageArea }) => {
    if (!key?.startsWith(PREFIX) || !storageArea) return;
    const id = key.slice(PREFIX.length);
    questions.tell(id, readOne(storageArea, id));
  });
}
