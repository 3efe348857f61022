"""Write SmolLM2's GGUF as ONNX with the very same weights: `python onnx_model.py in.gguf out.onnx`.

onnxruntime's own operators for language models: MatMulNBits takes Q4_1 as it is (4 bits, a scale
and a zero point a block) and Q8_0 (8 bits), GroupQueryAttention has rotary positions and a cache.
"""

import sys

import numpy as np
import onnx
from gguf import GGUFReader
from onnx import TensorProto, helper, numpy_helper

CONTEXT = 512
reader = GGUFReader(sys.argv[1])
RAW = {tensor.name: np.asarray(tensor.data) for tensor in reader.tensors}
SIZES = {
    name.removeprefix("llama."): field.contents()
    for name, field in reader.fields.items()
    if name.startswith("llama.")
}
L, D = SIZES["block_count"], SIZES["embedding_length"]
H, G = SIZES["attention.head_count"], SIZES["attention.head_count_kv"]
V, EPS, BASE = (
    SIZES["vocab_size"],
    SIZES["attention.layer_norm_rms_epsilon"],
    SIZES["rope.freq_base"],
)

nodes: list[onnx.NodeProto] = []
weights: list[onnx.TensorProto] = []


def constant(name: str, array: np.ndarray) -> str:
    """Keep an array in the model and give its name."""
    weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
    return name


def node(op: str, inputs: list[str], outputs: str | list[str], **attributes: object) -> str:
    """Add an operator of onnxruntime's own, or of ONNX, and give its first output's name."""
    standard = op in ("Add", "Mul", "Gather", "Cast", "Reshape", "Sigmoid")
    domain = "" if standard or op == "SimplifiedLayerNormalization" else "com.microsoft"
    outputs = [outputs] if isinstance(outputs, str) else outputs
    nodes.append(helper.make_node(op, inputs, outputs, domain=domain, **attributes))
    return outputs[0]


def matmul_q4_1(x: str, name: str) -> str:
    """Multiply by a Q4_1 matrix: w = scale · (q − zero point), with zero point = −min / scale."""
    blocks = RAW[f"{name}.weight"].reshape(len(RAW[f"{name}.weight"]), -1, 20)
    scale, low = np.split(blocks[..., :4].copy().view("<f2").astype("f4"), 2, axis=-1)
    packed = blocks[..., 4:]
    q = np.concatenate([packed & 15, packed >> 4], axis=-1)  # (rows, blocks, 32)
    pairs = q[..., 0::2] | q[..., 1::2] << 4  # onnxruntime packs neighbours
    zero = -low / np.where(scale == 0, 1, scale)
    inputs = [x, constant(f"{name}.q", pairs), constant(f"{name}.s", scale[..., 0])]
    inputs.append(constant(f"{name}.z", zero[..., 0]))
    sizes = {"N": len(q), "K": q.shape[1] * 32, "bits": 4, "block_size": 32}
    return node("MatMulNBits", inputs, f"{name}.y", **sizes)


def norm(x: str, name: str) -> str:
    """Apply RMSNorm."""
    weight = constant(f"{name}.w", RAW[f"{name}.weight"].view("<f4").reshape(-1))
    return node("SimplifiedLayerNormalization", [x, weight], f"{name}.y", epsilon=EPS, axis=-1)


def layer(i: int, x: str) -> str:
    """One layer of the model."""
    b, cache = f"blk.{i}", [f"past_k.{i}", f"past_v.{i}"]
    y = norm(x, f"{b}.attn_norm")
    q, k, v = (matmul_q4_1(y, f"{b}.attn_{part}") for part in "qkv")
    inputs = [q, k, v, *cache, "seqlens_k", "total", "cos", "sin"]
    outputs = [f"{b}.heads", f"new_k.{i}", f"new_v.{i}"]
    sizes = {"num_heads": H, "kv_num_heads": G, "do_rotary": 1, "rotary_interleaved": 1}
    y = matmul_q4_1(node("GroupQueryAttention", inputs, outputs, **sizes), f"{b}.attn_output")
    x = node("Add", [x, y], f"{b}.x")
    y = norm(x, f"{b}.ffn_norm")
    gate, up = matmul_q4_1(y, f"{b}.ffn_gate"), matmul_q4_1(y, f"{b}.ffn_up")
    silu = node("Mul", [gate, node("Sigmoid", [gate], f"{b}.sigmoid")], f"{b}.silu")
    y = matmul_q4_1(node("Mul", [silu, up], f"{b}.gated"), f"{b}.ffn_down")
    return node("Add", [x, y], f"{b}.out")


def embedding() -> tuple[str, str]:
    """Look the ids up; give x (1, T, D) and the matrix for the logits."""
    blocks = RAW["token_embd.weight"].reshape(V, -1, 34)
    scale = blocks[..., :2].copy().view("<f2").astype("f4")[..., 0]  # (V, D/32)
    q = blocks[..., 2:].view("i1")  # (V, D/32, 32)
    rows = node("Gather", [constant("emb.q", q), "ids"], "emb.rows")
    floats = node("Cast", [rows], "emb.floats", to=TensorProto.FLOAT)
    table = constant("emb.scale", scale[..., None])
    scales = node("Gather", [table, "ids"], "emb.scales")
    product = node("Mul", [floats, scales], "emb.product")  # (1, T, D/32, 32)
    x = node("Reshape", [product, constant("emb.shape", np.array([1, -1, D]))], "emb.x")
    constant("head.q", (q.astype("i2") + 128).astype("u1"))
    return x, constant("head.s", scale)


def main() -> None:
    """Write the model."""
    angle = np.arange(CONTEXT)[:, None] * BASE ** (-np.arange(0, D // H, 2) / (D // H))
    constant("cos", np.cos(angle).astype("f4"))
    constant("sin", np.sin(angle).astype("f4"))
    x, scale = embedding()
    for i in range(L):
        x = layer(i, x)
    sizes = {"N": V, "K": D, "bits": 8, "block_size": 32}
    node("MatMulNBits", [norm(x, "output_norm"), "head.q", scale], "logits", **sizes)
    f4, i8, i4 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32
    value = helper.make_tensor_value_info
    caches = [(f"{kind}.{i}", i) for i in range(L) for kind in ("k", "v")]
    inputs = [value("ids", i8, [1, "T"]), value("seqlens_k", i4, [1]), value("total", i4, [])]
    inputs += [value(f"past_{name}", f4, [1, G, "P", D // H]) for name, _ in caches]
    outputs = [value("logits", f4, [1, "T", V])]
    outputs += [value(f"new_{name}", f4, [1, G, "S", D // H]) for name, _ in caches]
    graph = helper.make_graph(nodes, "smollm2", inputs, outputs, weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), sys.argv[2])


if __name__ == "__main__":
    main()
