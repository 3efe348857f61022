// The page's script: the host of figures, and who answers them without a kernel. lmkit_site.py joins
// it with the kit to lmkit.js, and calls `begin` while that script runs.
import { install as answerQuestions } from "./answers.mjs";
import { start } from "./host.mjs";
import { install as offerModel } from "./model.mjs";
import { install as offerVectors } from "./vectors.mjs";

/** Make `lmkit`, the page's one global. `modules` are the kit's, for the figures' own scripts. */
export function begin({ model, vectors, modules }) {
  const lmkit = start(modules);
  answerQuestions(lmkit);
  offerModel(lmkit, model);
  offerVectors(lmkit, vectors);
}
