// The whole screen for one figure.
import { svg } from "./dom.mjs";
import { toolButton } from "./frame.mjs";

/** @param {Element} el */
const isFull = (el) => el.matches(":is(:fullscreen, :popover-open)");

const LINES = { fill: "none", stroke: "currentColor", "stroke-width": 1.5 };
const corners = () =>
  svg(
    "svg",
    { viewBox: "0 0 16 16", width: 16, height: 16, ...LINES },
    svg("path", { d: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4" }),
  );

/**
 * A button that gives an element the whole screen. Where a browser lets no page have it (on an iPhone,
 * in another page's frame) the element lies over the page instead. Meanwhile all else is inert, so
 * that Tab and a screen reader stay in the figure. Escape leaves.
 * @param {HTMLElement} el
 */
export function fullScreen(el) {
  const alone = soloist(el);
  const settle = () => {
    button.ariaPressed = String(isFull(el));
    alone(isFull(el));
  };
  const toggle = () => (isFull(el) ? leave(el, settle) : enter(el, settle));
  const button = toolButton(corners(), "Full screen", toggle);
  button.hidden = !document.fullscreenEnabled && !("showPopover" in el);
  button.ariaPressed = "false";
  /** @param {KeyboardEvent} event */
  const onEscape = (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && isFull(el)) leave(el, settle);
  };
  el.classList.add("lmk-stage");
  el.addEventListener("keydown", onEscape);
  document.addEventListener("fullscreenchange", settle); // not of el, which may be gone by then
  const close = () => {
    if (alone.holds()) leave(el, settle);
    el.removeEventListener("keydown", onEscape);
    document.removeEventListener("fullscreenchange", settle);
  };
  return { button, close };
}

/** @param {HTMLElement} el @param {() => void} settle */
function enter(el, settle) {
  const over = () => {
    el.popover = "manual";
    el.showPopover?.();
    settle();
  };
  (el.requestFullscreen?.() ?? Promise.reject()).catch(over);
}

/** @param {HTMLElement} el @param {() => void} settle */
function leave(el, settle) {
  if (!el.popover) {
    document.exitFullscreen();
    return;
  }
  el.removeAttribute("popover");
  settle();
}

/**
 * A function that makes all but an element inert, or gives the rest of the page back.
 * @param {HTMLElement} el
 */
function soloist(el) {
  /** @type {HTMLElement[]} */
  let others = [];
  /** @param {boolean} full */
  const alone = (full) => {
    for (const node of others) node.inert = false;
    others = full ? around(el) : [];
    for (const node of others) node.inert = true;
  };
  return Object.assign(alone, { holds: () => others.length > 0 });
}

/** All of the page that an element neither holds nor lies in. @param {HTMLElement} el */
function around(el) {
  const found = [];
  for (let node = el; node.parentElement && node !== document.body; node = node.parentElement) {
    const beside = /** @type {HTMLElement[]} */ ([...node.parentElement.children]);
    found.push(...beside.filter((other) => other !== node && !other.inert));
  }
  return found;
}
