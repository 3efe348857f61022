// What makes a view a figure: its frame's own buttons, its link, and a model that comes and goes.
import { toolButton } from "./frame.mjs";
import { canAsk, update } from "./host.mjs";
import { linked } from "./links.mjs";
import { fullScreen } from "./screen.mjs";

/**
 * Show a view of a model. One that asks a language model names its request in `View.kind`; it is
 * made anew when the model comes to hand or goes: all state is in the widget's model, so nothing
 * is lost.
 * @returns {() => void} the clean-up
 */
export function present(View, { model, el }) {
  const again = restart(View, model);
  const full = fullScreen(el);
  const link = linked(View, model);
  let view;
  const show = () => {
    view = new View(model);
    view.frame.equip(again, full.button);
    link?.offer(view.frame);
    el.replaceChildren(...(link ? [link.note] : []), view.frame.box);
  };
  show();
  const close = () => (full.close(), link?.close(), view.close?.());
  if (!View.kind) return close;
  const renew = () => canAsk(model, View.kind) === view.live || (view.close(), show());
  const soon = () => setTimeout(renew); // a task of its own for each view: the page never stalls
  model.page?.addEventListener("state", soon);
  return () => (model.page?.removeEventListener("state", soon), close());
}

/** A button that gives a figure back the state in which it was found. One that reads a shared text has none. */
function restart({ link }, model) {
  if (!link || model.get("linked")) return null;
  const start = Object.fromEntries(Object.keys(link).map((name) => [name, model.get(name)]));
  return toolButton("⟲", "Start again", () => update(model, start));
}
