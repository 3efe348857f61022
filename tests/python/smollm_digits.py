"""Print digests of what SmolLM2 gives for single texts, to the last bit.

Those are of commit 4bbd449, before it took batches: `tests/data/smollm_digits.json`.
"""

import hashlib
import json

from lmkit import smollm

model = smollm.load()
TEXTS = ["The quick brown fox jumps over the lazy dog.", "x", "Ein 日本 🦊 1234"]
digests = {}


def note(name, *tensors):
    data = b"".join(tensor.float().contiguous().numpy().tobytes() for tensor in tensors)
    digests[name] = hashlib.sha256(data).hexdigest()[:16]


for text in TEXTS:
    ids = [model.start_id, *model.tokenizer.encode(text)]
    out = model(ids)
    note(f"{text}: run", out.logits, out.hidden_states, out.attentions)
    note(f"{text}: fast", model(ids, attentions=False).logits)
    note(f"{text}: without a head", model(ids, ablate=[(3, 4)]).logits)
    note(f"{text}: heads", model.head_outputs(out))
    cache = model.new_cache()
    parts = [part for part in (ids[:2], ids[2:3], ids[3:]) if part]
    note(f"{text}: in parts", *(model.next_logits(part, cache) for part in parts))
    digests[f"{text}: log P"] = sum(log_p for _, log_p in model.log_probs(text)).hex()
    digests[f"{text}: next"] = model.next_token(text, 2)[1][1].hex()
    digests[f"{text}: written"] = list(model.generate_ids(ids, 6, seed=3))
print(json.dumps(digests))
