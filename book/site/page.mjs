// The page's script: the host of figures, and who answers them without a kernel. lmkit_site.py joins
// it with the kit to lmkit.js, and calls `begin` while that script runs.
import { install as answerQuestions } from "./answers.mjs";
import { start } from "./host.mjs";
import { install as offerModel } from "./model.mjs";
import { install as offerVectors } from "./vectors.mjs";

/**
 * Make `lmkit`, the page's one global.
 * @param {object} given
 * @param {import("./model.mjs").Spec | null} given.model what the model's parts are, if the site has one
 * @param {import("./vectors.mjs").Spec | null} given.vectors where the word vectors lie, if it has them
 * @param {import("./host.mjs").Modules} given.modules the kit's, for the figures' own scripts
 */
export function begin({ model, vectors, modules }) {
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const root = new URL("../", script.src); // of the site: the script lies in a folder of it
  const lmkit = start(modules);
  answerQuestions(lmkit);
  offerModel(lmkit, model, root);
  offerVectors(lmkit, vectors, root);
}
