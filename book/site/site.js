// What every page does beside showing text: theme, contents on a small screen, copying.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  // ------------------------------------------------------------------ theme

  const stored = () => {
    try {
      return localStorage.getItem("lmkit:theme") ?? "auto";
    } catch {
      return "auto"; // storage is forbidden: the theme lasts as long as the page
    }
  };

  function keep(choice) {
    try {
      localStorage.setItem("lmkit:theme", choice);
    } catch {
      // as above
    }
  }

  /** The layout's first script does the same before the page is painted. */
  function showTheme(choice) {
    root.dataset.theme = choice === "auto" ? (system.matches ? "dark" : "light") : choice;
  }

  const choice = document.querySelector(".lm-theme select");
  choice.value = stored();
  choice.addEventListener("change", () => (keep(choice.value), showTheme(choice.value)));
  system.addEventListener("change", () => showTheme(choice.value));

  // --------------------------------------------------------------- contents

  const contents = document.getElementById("lm-contents");
  contents.addEventListener("click", (event) => {
    if (event.target.closest("a") && contents.matches(":popover-open")) contents.hidePopover();
  });

  // ---------------------------------------------------------------- copying

  const parentElement = (node) => (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement);
  const formulaAround = (node) => parentElement(node)?.closest("math");

  /** A copy of what is selected, with a formula that is selected in part taken whole. */
  function selected(selection) {
    const range = selection.getRangeAt(0).cloneRange();
    const first = formulaAround(range.startContainer);
    const last = formulaAround(range.endContainer);
    if (first) range.setStartBefore(first);
    if (last) range.setEndAfter(last);
    return range.cloneContents();
  }

  /** $x$ within a line, $$x$$ on a line of its own. */
  function asTex(formula) {
    const tex = formula.querySelector("annotation").textContent.trim();
    return formula.getAttribute("display") === "block" ? `$$${tex}$$` : `$${tex}$`;
  }

  /** The text of a fragment with the line breaks that it has on the page. */
  function textOf(fragment) {
    const box = document.createElement("div");
    box.className = "lm-offscreen";
    box.append(fragment);
    box.querySelectorAll(".headerlink, .eqno, button").forEach((node) => node.remove());
    box.querySelectorAll("math").forEach((formula) => formula.replaceWith(asTex(formula)));
    document.querySelector("article").append(box);
    const text = box.innerText;
    box.remove();
    return text;
  }

  document.addEventListener("copy", (event) => {
    const selection = getSelection();
    if (!selection.rangeCount || event.target.closest?.("input, textarea")) return;
    const fragment = selected(selection);
    if (!fragment.querySelector("math")) return;
    const page = document.createElement("div");
    page.append(fragment.cloneNode(true));
    event.clipboardData.setData("text/html", page.innerHTML);
    event.clipboardData.setData("text/plain", textOf(fragment));
    event.preventDefault();
  });

  /** A button that copies a cell's code. */
  function copyButton(block) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "lm-copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      const done = await navigator.clipboard.writeText(block.querySelector("pre").innerText).then(
        () => true,
        () => false,
      );
      button.textContent = done ? "Copied" : "Not allowed";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    block.append(button);
  }

  if (navigator.clipboard) document.querySelectorAll(".cell_input .highlight").forEach(copyButton);

  // --------------------------------------------------------------- printing

  /** On paper nothing can be unfolded: results stand open. */
  addEventListener("beforeprint", () =>
    document.querySelectorAll(".lm-result").forEach((fold) => (fold.open = true)),
  );

  // -------------------------------------------------------------- scrolling

  /** What is wider than the page can be scrolled with the keyboard, and only that is a stop. */
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const scrolls =
        target.scrollWidth > target.clientWidth + 1 &&
        getComputedStyle(target).overflowX === "auto";
      if (scrolls) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  document.querySelectorAll(".math, .output").forEach((box) => sizes.observe(box));
})();
