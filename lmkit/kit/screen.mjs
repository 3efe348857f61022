// The whole screen for one figure.
import { svg } from "./dom.mjs";
import { toolButton } from "./frame.mjs";

const isFull = (el) => el.matches(":is(:fullscreen, :popover-open)");
const corners = () =>
  svg(
    "svg",
    {
      viewBox: "0 0 16 16",
      width: 16,
      height: 16,
      fill: "none",
      stroke: "currentColor",
      "stroke-width": 1.5,
    },
    svg("path", { d: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4" }),
  );

/**
 * A button that gives an element the whole screen. Where a browser lets no page have it (on an iPhone,
 * in another page's frame) the element lies over the page instead. Meanwhile all else is inert, so
 * that Tab and a screen reader stay in the figure. Escape leaves.
 */
export function fullScreen(el) {
  let others = [];
  const button = toolButton(corners(), "Full screen", () => (isFull(el) ? leave() : enter()));
  const settle = () => {
    const full = isFull(el);
    button.ariaPressed = String(full);
    others.forEach((node) => (node.inert = false));
    others = full ? around(el) : [];
    others.forEach((node) => (node.inert = true));
  };
  const over = () => ((el.popover = "manual"), el.showPopover?.(), settle());
  const enter = () => (el.requestFullscreen?.() ?? Promise.reject()).catch(over);
  const leave = () =>
    el.popover ? (el.removeAttribute("popover"), settle()) : document.exitFullscreen();
  const escape = (event) =>
    event.key === "Escape" && !event.defaultPrevented && isFull(el) && leave();
  el.classList.add("lmk-stage");
  el.addEventListener("keydown", escape);
  document.addEventListener("fullscreenchange", settle); // not of el, which may be gone by then
  button.hidden = !document.fullscreenEnabled && !el.showPopover;
  button.ariaPressed = "false";
  const close = () => {
    if (others.length) leave();
    el.removeEventListener("keydown", escape);
    document.removeEventListener("fullscreenchange", settle);
  };
  return { button, close };
}

/** All of the page that an element neither holds nor lies in. */
function around(el) {
  const found = [];
  for (let node = el; node.parentElement && node !== document.body; node = node.parentElement) {
    found.push(
      ...[...node.parentElement.children].filter((other) => other !== node && !other.inert),
    );
  }
  return found;
}
