// What every page does beside showing text: theme, contents on a small screen, copying.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  // ------------------------------------------------------------------ theme

  function storedTheme() {
    try {
      return localStorage.getItem("lmkit:theme") ?? "auto";
    } catch {
      return "auto"; // storage is forbidden: the theme lasts as long as the page
    }
  }

  /** @param {string} choice */
  function keepTheme(choice) {
    try {
      localStorage.setItem("lmkit:theme", choice);
    } catch {
      // as above
    }
  }

  /** The layout's first script does the same before the page is painted. @param {string} choice */
  function showTheme(choice) {
    const auto = system.matches ? "dark" : "light";
    root.dataset.theme = choice === "auto" ? auto : choice;
  }

  function offerThemes() {
    const select = /** @type {HTMLSelectElement} */ (document.querySelector(".lm-theme select"));
    select.value = storedTheme();
    select.addEventListener("change", () => {
      keepTheme(select.value);
      showTheme(select.value);
    });
    system.addEventListener("change", () => showTheme(select.value));
  }

  // --------------------------------------------------------------- contents

  /** On a small screen the contents lie over the page: they go when one of them is chosen. */
  function closeContents() {
    const contents = document.getElementById("lm-contents");
    contents?.addEventListener("click", ({ target }) => {
      const isLink = target instanceof Element && target.closest("a");
      if (isLink && contents.matches(":popover-open")) contents.hidePopover();
    });
  }

  // ---------------------------------------------------------------- copying

  /** @param {Node} node */
  const elementAt = (node) => (node instanceof Element ? node : node.parentElement);
  /** @param {Node} node */
  const formulaAround = (node) => elementAt(node)?.closest("math");

  /** A copy of what is selected, with a formula that is selected in part taken whole. @param {Range} range */
  function whole(range) {
    const wider = range.cloneRange();
    const first = formulaAround(range.startContainer);
    const last = formulaAround(range.endContainer);
    if (first) wider.setStartBefore(first);
    if (last) wider.setEndAfter(last);
    return wider.cloneContents();
  }

  /** $x$ within a line, $$x$$ on a line of its own. @param {Element} formula */
  function asTex(formula) {
    const tex = formula.querySelector("annotation")?.textContent?.trim();
    return formula.getAttribute("display") === "block" ? `$$${tex}$$` : `$${tex}$`;
  }

  /** The text of a fragment with the line breaks that it has on the page. @param {DocumentFragment} fragment */
  function textOf(fragment) {
    const box = document.createElement("div");
    box.className = "lm-offscreen";
    box.append(fragment);
    for (const node of box.querySelectorAll(".headerlink, .eqno, button")) node.remove();
    for (const formula of box.querySelectorAll("math")) formula.replaceWith(asTex(formula));
    document.querySelector("article")?.append(box);
    // biome-ignore lint/performance/useDomNodeTextContent: textContent knows no line breaks
    const text = box.innerText;
    box.remove();
    return text;
  }

  /** @param {Node} node */
  function htmlOf(node) {
    const page = document.createElement("div");
    page.append(node.cloneNode(true));
    return page.innerHTML;
  }

  /** A selection with formulas is copied with their TeX. @param {ClipboardEvent} event */
  function copySelection(event) {
    const { target, clipboardData } = event;
    const selection = getSelection();
    if (!selection?.rangeCount || !clipboardData) return;
    if (target instanceof Element && target.closest("input, textarea")) return;
    const fragment = whole(selection.getRangeAt(0));
    if (!fragment.querySelector("math")) return;
    clipboardData.setData("text/html", htmlOf(fragment));
    clipboardData.setData("text/plain", textOf(fragment));
    event.preventDefault();
  }

  /** A button that copies a cell's code. @param {Element} block */
  function addCopyButton(block) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "lm-copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      button.textContent = (await copied(block)) ? "Copied" : "Not allowed";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    block.append(button);
  }

  /** Copy a cell's code; whether it was allowed. @param {Element} block */
  const copied = (block) =>
    navigator.clipboard.writeText(block.querySelector("pre")?.textContent ?? "").then(
      () => true,
      () => false,
    );

  // ------------------------------------------------------ printing, scrolling

  /** On paper nothing can be unfolded: results stand open. */
  function unfoldResults() {
    for (const fold of document.querySelectorAll(".lm-result")) fold.toggleAttribute("open", true);
  }

  /** @param {Element} box */
  function isScrolling(box) {
    return box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX === "auto";
  }

  /** What is wider than the page can be scrolled with the keyboard, and only that is a stop. */
  const widths = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (isScrolling(target)) target.setAttribute("tabindex", "0");
      else target.removeAttribute("tabindex");
    }
  });

  // ------------------------------------------------------------------------

  offerThemes();
  closeContents();
  document.addEventListener("copy", copySelection);
  if (navigator.clipboard)
    for (const block of document.querySelectorAll(".cell_input .highlight")) addCopyButton(block);
  addEventListener("beforeprint", unfoldResults);
  for (const box of document.querySelectorAll(".math, .output")) widths.observe(box);
})();
