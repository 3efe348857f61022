// The source line: where the numbers came from, and how to get the live model.
import { h } from "./dom.mjs";

/** @typedef {import("./host.mjs").Page} Page */

/**
 * The source line: who gave the numbers, and on a page without a kernel how to get the live model.
 * @param {HTMLElement} line
 * @param {import("./host.mjs").Model} model
 */
export function provenance(line, model) {
  const { page } = model;
  const origin = h("span", {});
  const offer = h("span", { class: "lmk-offer" });
  line.replaceChildren(origin, offer);
  const elsewhere = model.ask ? [" · To try your own text, run this notebook in JupyterLab."] : [];
  const show = () => {
    if (model.get("linked")) return; // the box that it is linked to makes the offer
    offer.replaceChildren(...(page ? offers(page) : elsewhere));
  };
  page?.addEventListener("state", show);
  show();
  return {
    /** @param {string} from */
    tell: (from) => {
      origin.textContent = [model.get("model_name"), from].filter(Boolean).join(" · ");
    },
    close: () => page?.removeEventListener("state", show),
  };
}

/** @param {string} name @param {() => void} onclick */
const link = (name, onclick) => h("button", { type: "button", class: "lmk-link", onclick }, name);

/**
 * What the page can do about its model now: load it, stop loading, say why not, remove it.
 * @param {Page} page
 * @returns {(string | Node)[]}
 */
function offers(page) {
  const note = page.message ? ` · ${page.message}` : "";
  switch (page.state) {
    case "loading":
      return loading(page);
    case "ready":
      return ready(page);
    case "unavailable":
      return [note];
    default:
      return [note, " · ", loadButton(page), " once; works offline afterwards"];
  }
}

/** @param {Page} page */
function ready(page) {
  const kept = page.message ? ` (${page.message})` : "";
  return [` · in this page${kept} · `, link("Remove from this browser", () => page.remove())];
}

/** @param {Page} page */
const loadButton = (page) =>
  link(`Load the model, ${Math.round(page.bytes / 1e6)} MB`, () => page.load().catch(() => {}));

/** @param {Page} page */
function loading(page) {
  const bar = h("progress", { max: 1, value: page.progress, "aria-label": "Loading the model" });
  const move = () => {
    if (bar.isConnected) bar.value = page.progress;
    else page.removeEventListener("progress", move);
  };
  page.addEventListener("progress", move);
  return [" · loading the model ", bar, " ", link("Cancel", () => page.cancel())];
}
