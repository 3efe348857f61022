// ContextualBank: does one word have one vector? (chapter 3)
//
// Of each model and layer `grams` holds the dot products of the word's vectors in the sentences, a
// lower triangle row by row. Cosines, centring and the plane need nothing else.
import { choice, labelled } from "../../kit/controls.mjs";
import { h, svg } from "../../kit/dom.mjs";
import { present } from "../../kit/figure.mjs";
import { csv, download } from "../../kit/files.mjs";
import { frame } from "../../kit/frame.mjs";
import { ask, canAsk, update, watch } from "../../kit/host.mjs";
import { fits } from "../../kit/links.mjs";
import { number } from "../../kit/numbers.mjs";
import { provenance } from "../../kit/provenance.mjs";
import { table } from "../../kit/table.mjs";
import { centredGram, labels, onPlane } from "../../kit/word_vectors.mjs";

/** The whole matrix of a lower triangle. */
export function unpack(triangle) {
  const n = Math.round((Math.sqrt(8 * triangle.length + 1) - 1) / 2);
  const at = (i, j) => triangle[i >= j ? (i * (i + 1)) / 2 + j : (j * (j + 1)) / 2 + i];
  return Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => at(i, j)));
}

/** Cosines of vectors whose dot products are known; a vector of length zero has cosine 0 with all. */
export function cosines(gram) {
  const most = Math.max(...gram.map((row, i) => row[i]), 1e-12);
  const size = gram.map((row, i) => Math.sqrt(Math.max(row[i], 0)));
  const none = (i) => gram[i][i] < 1e-9 * most || size[i] < 1e-5;
  return gram.map((row, i) =>
    row.map((x, j) =>
      none(i) || none(j) ? 0 : Math.max(-1, Math.min(1, x / (size[i] * size[j]))),
    ),
  );
}

/** For each row the other row that is most alike, or −1 where none can be told from another. */
export const mostAlike = (matrix) =>
  matrix.map((row, i) => {
    const others = row.map((x, j) => (i === j ? -Infinity : x));
    const best = Math.max(...others);
    return others.every((x, j) => i === j || Math.abs(x - best) < 1e-9)
      ? -1
      : others.findIndex((x) => x > best - 1e-5); // of equals the first
  });

/** Where a word first stands as a word, or −1. */
export function place(text, word) {
  const literal = word.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  return (
    new RegExp(`(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])`, "iu").exec(text)?.index ?? -1
  );
}

/** What there is to see, in a sentence: of all, of the one `at`, or of the pair with `other`. */
export function reading(sentences, matrix, at, centred, other = at) {
  const best = mostAlike(matrix);
  const after = centred ? " after the mean is subtracted" : "";
  if (best.every((j) => j < 0))
    return `All ${sentences.length} vectors are equal${centred ? ": nothing is left when their mean is subtracted" : ", whatever the sentence"}.`;
  if (at !== other)
    return `“${sentences[at]}” and “${sentences[other]}”: cosine ${number(matrix[at][other])}${after}.`;
  if (at >= 0)
    return best[at] < 0
      ? `“${sentences[at]}”: no other sentence is nearer than another.`
      : `“${sentences[at]}” is most like “${sentences[best[at]]}”, cosine ${number(matrix[at][best[at]])}${after}.`;
  const pairs = matrix.flatMap((row, i) => row.slice(0, i));
  return `Cosines run from ${number(Math.min(...pairs))} to ${number(Math.max(...pairs))}${after}. Point at a sentence to see which is most like it.`;
}

const MOST = 12; // sentences
const PLANE = 340; // pixels
// a sense's sign, its mark and its colour: not those of the cosines
const SENSES = [
  ["●", "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0-5 0Z", 3],
  ["◆", "M0-6L6 0L0 6L-6 0Z", 4],
  ["▲", "M0-6L6 5H-6Z", 6],
  ["■", "M-5-5H5V5H-5Z", 1],
];
const KEYS =
  "Tab goes through the controls and the sentences; arrows move in the layer's slider; Enter adds what you typed.";

class View {
  static kind = "word-vectors";
  static link = {
    which: (k, model) => fits.oneOf([...model.get("models").keys()])(k),
    layer: (layer, model, { which = model.get("which") }) =>
      fits.count(model.get("models")[which].grams.length - 1 || 99)(layer), // of no layers any
    centred: fits.flag,
    added: (texts, model) =>
      Array.isArray(texts) &&
      texts.length <= MOST - model.get("sentences").length &&
      texts.every(fits.text(200)) &&
      (!texts.length || canAsk(model, View.kind)),
  };

  constructor(model) {
    this.model = model;
    this.live = canAsk(model, View.kind);
    this.frame = frame({
      title: `Does “${model.get("word")}” have one vector?`,
      menu: [
        ["Show as table", () => this.toggleTable()],
        ["Download data (CSV)", () => this.data()],
      ],
      keys: KEYS,
    });
    this.at = -1;
    this.origin = provenance(this.frame.source, model);
    this.controls();
    this.build();
    this.stop = watch(model, ["added"], () => this.refresh());
    this.stopPaint = watch(model, ["which", "layer", "centred"], () => this.models && this.paint());
    this.refresh();
  }

  controls() {
    const { model } = this;
    this.which = choice(
      model.get("models").map(({ name }, k) => [k, name]),
      0,
      (k) =>
        update(model, {
          which: Number(k),
          layer: Math.min(model.get("layer"), this.depth(Number(k)) || Infinity),
        }),
    );
    this.layer = h("input", {
      type: "range",
      min: 0,
      step: 1,
      oninput: () => update(model, { layer: Number(this.layer.value) }),
    });
    this.level = h("output", {});
    this.centre = h("input", {
      type: "checkbox",
      onchange: () => update(model, { centred: this.centre.checked }),
    });
    this.frame.controls.append(
      labelled("Model", this.which),
      labelled("Layer", this.layer, this.level),
      labelled("Subtract the mean", this.centre),
    );
    if (this.live) this.frame.controls.append(this.own());
  }

  own() {
    const { model } = this;
    const add = () => {
      const text = this.input.value.trim();
      if (!text) return;
      const there = this.all().indexOf(text);
      if (there >= 0)
        return this.frame.say(`That sentence is there already, as number ${there + 1}.`);
      if (this.all().length >= MOST)
        return this.frame.say(`${MOST} sentences have room: remove one of yours first.`);
      this.input.value = "";
      update(model, { added: [...model.get("added"), text] });
    };
    this.input = h("input", {
      type: "text",
      maxLength: 200,
      placeholder: `a sentence with “${model.get("word")}”`,
      onkeydown: (event) => event.key === "Enter" && add(),
    });
    const field = labelled(
      "Your sentence",
      this.input,
      h("button", { type: "button", onclick: add }, "Add"),
    );
    field.classList.add("lmk-wide");
    return field;
  }

  build() {
    this.list = h("ol", { class: "lmk-sentences" });
    this.matrix = h("div", { class: "lmk-grid" });
    this.plane = h("div", { class: "lmk-field-of" });
    const pairs = h(
      "figure",
      { class: "lmk-pairs" },
      this.matrix,
      h(
        "figcaption",
        {},
        "Cosine of each pair: blue above 0, orange below; the farther from 0, the stronger.",
      ),
    );
    this.frame.view.append(this.list, h("div", { class: "lmk-senses" }, pairs, this.plane));
  }

  /** The names of the senses, and the number of each sentence’s; the reader’s own come last. */
  senses() {
    const senses = this.model.get("senses") ?? [];
    const given = this.model.get("sentences").map((_, i) => senses[i] ?? "given");
    const all = [...given, ...this.sentences.slice(given.length).map(() => "yours")];
    const names = [...new Set(all)];
    return { names, numbers: all.map((name) => names.indexOf(name)) };
  }

  all() {
    return [...this.model.get("sentences"), ...this.model.get("added")];
  }

  depth(which) {
    return (this.models ?? this.model.get("models"))[which].grams.length - 1;
  }

  async refresh() {
    const { model } = this;
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const added = model.get("added");
    try {
      const isKept = this.models && JSON.stringify(added) === JSON.stringify(this.good);
      const models = isKept
        ? this.models
        : added.length && this.live
          ? await this.computed()
          : model.get("models");
      if (turn !== this.turn) return;
      Object.assign(this, { models, good: added });
      this.sentences = added.length && this.live ? this.all() : model.get("sentences");
      this.origin.tell(models === model.get("models") ? "stored with the chapter" : "computed now");
      this.frame.box.removeAttribute("aria-busy");
      this.choices();
      this.paint();
    } catch (error) {
      if (turn === this.turn && error.name !== "AbortError") this.fail(error);
    }
  }

  /** All sentences anew: the same models, as far as they are at hand. */
  async computed() {
    this.frame.box.setAttribute("aria-busy", "true");
    const { models } = await ask(this.model, {
      kind: "word-vectors",
      sentences: this.all(),
      word: this.model.get("word"),
    });
    return this.model
      .get("models")
      .map(({ name }) => models.find((one) => one.name === name) ?? { name, grams: null });
  }

  /** Models that cannot take the reader's sentences here cannot be chosen. */
  choices() {
    const { model } = this;
    [...this.which.options].forEach((option, k) => {
      option.disabled = !this.models[k].grams;
      option.textContent = this.models[k].name + (option.disabled ? " (in the notebook)" : "");
    });
    if (this.models[model.get("which")].grams) return;
    const which = this.models.findIndex(({ grams }) => grams);
    update(model, { which, layer: Math.min(8, this.depth(which)) });
  }

  /** The sentence that could not be read goes back to its field; the view stays what it was. */
  fail(error) {
    this.frame.box.removeAttribute("aria-busy");
    const added = this.model.get("added");
    if (this.input && added.length) this.input.value = added.at(-1);
    this.problem = error.message; // said until the reader points at something else
    this.at = -1;
    if (this.models || added.length) update(this.model, { added: this.good ?? [] });
    this.frame.say(error.message);
  }

  paint() {
    const { model } = this;
    const [which, centred] = [model.get("which"), model.get("centred")];
    const last = this.depth(which);
    const layer = Math.min(model.get("layer"), last);
    const raw = unpack(this.models[which].grams[layer]);
    this.gram = centred ? centredGram(raw) : raw;
    this.cos = cosines(this.gram);
    this.which.value = which;
    Object.assign(this.layer, { max: last, value: layer, disabled: last === 0 });
    this.level.textContent = last ? `${layer} of ${last}` : "no layers";
    this.centre.checked = centred;
    this.at = Math.min(this.at, this.sentences.length - 1);
    this.kinds = this.senses();
    this.list.replaceChildren(...this.sentences.map((text, i) => this.sentence(text, i)));
    this.matrix.replaceChildren(...(this.asTable ? [this.tableFace()] : this.cells()));
    this.matrix.style.setProperty("--n", this.sentences.length);
    this.plane.replaceChildren(this.points());
    this.show(this.at);
  }

  sentence(text, i) {
    const on = {
      onfocus: () => this.show(i),
      onpointerenter: () => this.show(i),
      onclick: () => this.show(i),
    };
    const line = h(
      "button",
      { type: "button", class: "lmk-sentence", ...on },
      h("b", {}, String(i + 1)),
      this.sign(this.kinds.numbers[i]),
      ...this.marked(text),
    );
    const own = i >= this.model.get("sentences").length;
    const remove =
      own &&
      h(
        "button",
        { type: "button", class: "lmk-link", onclick: () => this.remove(text) },
        "Remove",
      );
    return h("li", {}, line, remove);
  }

  remove(text) {
    update(this.model, { added: this.model.get("added").filter((other) => other !== text) });
    this.input?.focus();
  }

  /** The sign of a sense; none where there is but one. */
  sign(k) {
    const [sign, , colour] = SENSES[k % 4];
    return this.kinds.names.length > 1
      ? h("i", { "aria-hidden": "true", style: `--cat:var(--lm-cat-${colour})` }, sign)
      : " ";
  }

  marked(text) {
    const word = this.model.get("word");
    const at = place(text, word);
    if (at < 0) return [text];
    return [
      text.slice(0, at),
      h("strong", {}, text.slice(at, at + word.length)),
      text.slice(at + word.length),
    ];
  }

  cells() {
    return this.cos.flatMap((row, i) =>
      row.map((cos, j) => {
        const share = Math.abs(cos).toFixed(3);
        return h(
          "span",
          {
            class: cos < 0 ? "lmk-cos lmk-minus" : "lmk-cos",
            style: `--share:${share}`,
            title: `${i + 1} and ${j + 1}: ${number(cos)}`,
            onpointerenter: () => this.show(i, j),
          },
          i === j ? String(i + 1) : "",
        );
      }),
    );
  }

  /** The vectors in the plane nearest to them, numbered like the sentences. */
  points() {
    const places = onPlane(this.gram);
    const reach = 1.2 * Math.max(...places.flat().map(Math.abs), 1e-6);
    const at = places.map((place) => place.map((x, k) => (PLANE / 2) * (1 + (k ? -x : x) / reach)));
    const sizes = places.map((_, i) => [i < 9 ? 10 : 18, 14]);
    const names = labels(at, sizes, [PLANE, PLANE], [...at.keys()]);
    const drawing = svg("svg", {
      viewBox: `0 0 ${PLANE} ${PLANE}`,
      class: "lmk-senses-plane",
      role: "img",
      "aria-label": "The sentences’ vectors in a plane",
    });
    drawing.append(
      svg("path", { d: `M0 ${PLANE / 2}H${PLANE}M${PLANE / 2} 0V${PLANE}` }),
      ...at.map((_, i) => this.point(i, at[i], names[i], sizes[i])),
    );
    const legend = this.kinds.names.flatMap((name, k) => [this.sign(k), ` ${name} `]);
    return h(
      "figure",
      {},
      drawing,
      h(
        "figcaption",
        {},
        "The plane nearest to the vectors. Numbers are the sentences’. ",
        ...legend,
      ),
    );
  }

  /** A mark, its number where there is room for it, and a round place to point at. */
  point(i, [x, y], name, [width, height]) {
    const [, d, colour] = SENSES[this.kinds.numbers[i] % 4];
    const node = svg("g", {
      transform: `translate(${x} ${y})`,
      style: `--cat:var(--lm-cat-${colour})`,
    });
    node.append(svg("circle", { r: 12 }), svg("path", { d }));
    if (name)
      node.append(
        svg("text", { x: name[0] - x + width / 2, y: name[1] - y + height - 3 }, String(i + 1)),
      );
    node.addEventListener("pointerenter", () => this.show(i));
    return node;
  }

  show(at, other = at) {
    this.at = at;
    if (at >= 0) this.problem = null;
    const point = (nodes, name) =>
      nodes.forEach((node, i) => node.classList.toggle(name, i === at || i === other));
    point(this.list.querySelectorAll(".lmk-sentence"), "lmk-chosen");
    point(this.plane.querySelectorAll("g"), "lmk-here");
    this.frame.say(
      this.problem ?? reading(this.sentences, this.cos, at, this.model.get("centred"), other),
    );
  }

  tableFace() {
    const { names, numbers } = this.kinds;
    const head = ["", ...this.sentences.map((_, i) => String(i + 1))];
    const rows = this.cos.map((row, i) => [
      `${i + 1} ${names[numbers[i]] ?? ""}`.trim(),
      ...row.map((x) => number(x)),
    ]);
    return h("div", { class: "lmk-scroll" }, table("Cosines", head, rows));
  }

  toggleTable() {
    this.asTable = !this.asTable;
    if (this.models) this.paint();
  }

  data() {
    const rows = this.cos.flatMap((row, i) =>
      row.map((x, j) => [this.sentences[i], this.sentences[j], x]),
    );
    download("bank.csv", csv([["sentence", "sentence", "cosine"], ...rows]), "text/csv");
  }

  close() {
    this.stop();
    this.stopPaint();
    this.origin.close();
  }
}

const render = (host) => present(View, host);

export default { render };
