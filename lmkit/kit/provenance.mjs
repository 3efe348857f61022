// The source line: where the numbers came from, and how to get the live model.
import { h } from "./dom.mjs";

/**
 * The source line: who gave the numbers, and on a page without a kernel how to get the live model.
 * @returns {{tell: (origin: string) => void, close: () => void}}
 */
export function provenance(line, model) {
  const { page } = model;
  const origin = h("span", {});
  const offer = h("span", { class: "lmk-offer" });
  line.replaceChildren(origin, offer);
  const elsewhere = model.ask ? [" · To try your own text, run this notebook in JupyterLab."] : [];
  const quiet = model.get("linked"); // the box that it is linked to makes the offer
  const show = () => quiet || offer.replaceChildren(...(page ? offers(page) : elsewhere));
  page?.addEventListener("state", show);
  show();
  const tell = (from) =>
    (origin.textContent = [model.get("model_name"), from].filter(Boolean).join(" · "));
  return { tell, close: () => page?.removeEventListener("state", show) };
}

/** What the page can do about its model now: load it, stop loading, say why not, remove it. */
function offers(page) {
  const button = (name, onclick) =>
    h("button", { type: "button", class: "lmk-link", onclick }, name);
  const megabytes = Math.round(page.bytes / 1e6);
  if (page.state === "loading") return loading(page, button);
  const kept = page.message ? ` (${page.message})` : "";
  if (page.state === "ready")
    return [` · in this page${kept} · `, button("Remove from this browser", () => page.remove())];
  if (page.state === "unavailable") return [` · ${page.message}`];
  const why = page.state === "failed" ? [` · ${page.message}`] : [];
  const load = button(`Load the model, ${megabytes} MB`, () => page.load().catch(() => {}));
  return [...why, " · ", load, " once; works offline afterwards"];
}

function loading(page, button) {
  const bar = h("progress", { max: 1, value: page.progress, "aria-label": "Loading the model" });
  const move = () =>
    bar.isConnected ? (bar.value = page.progress) : page.removeEventListener("progress", move);
  page.addEventListener("progress", move);
  return [" · loading the model ", bar, " ", button("Cancel", () => page.cancel())];
}
