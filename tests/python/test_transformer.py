"""The transformer against torch's own attention and against transformers' GPT-2."""

import doctest

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from lmkit import transformer
from lmkit.transformer import GPT, GPTConfig, MultiHeadAttention, attention, causal_mask

CLOSE = {"atol": 1e-5, "rtol": 1e-5}
CONFIG = GPTConfig(vocab_size=37, n_context=24, n_layer=3, n_head=4, n_embd=32, bias=True)


def random_qkv(*shape: int) -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(*shape, requires_grad=True) for _ in range(3)]


def masks(n: int) -> dict[str, torch.Tensor | None]:
    torch.manual_seed(1)
    some = (torch.rand(n, n) < 0.5) | torch.eye(n, dtype=torch.bool)
    return {"none": None, "causal": causal_mask(n, n), "some": some}


def test_doctests():
    result = doctest.testmod(transformer)
    assert result.failed == 0 and result.attempted >= 4


@pytest.mark.parametrize("name", ["none", "causal", "some"])
@pytest.mark.parametrize("shape", [(7, 8), (2, 7, 8), (2, 3, 7, 8)])
def test_attention_is_torchs(shape, name):
    mask = masks(7)[name]
    ours, theirs = random_qkv(*shape), random_qkv(*shape)
    out, weights = attention(*ours, mask)
    want = F.scaled_dot_product_attention(*theirs, attn_mask=mask)
    torch.testing.assert_close(out, want, **CLOSE)
    torch.testing.assert_close(weights.sum(-1), torch.ones(shape[:-1]), **CLOSE)
    if mask is not None:
        assert (weights[..., ~mask] == 0).all()
    out.sin().sum().backward()
    want.sin().sum().backward()
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.grad, b.grad, **CLOSE)


def test_attention_of_other_lengths():
    q, k, v = torch.randn(2, 3, 8), torch.randn(2, 5, 8), torch.randn(2, 5, 4)
    out, weights = attention(q, k, v)
    assert out.shape == (2, 3, 4) and weights.shape == (2, 3, 5)
    torch.testing.assert_close(out, F.scaled_dot_product_attention(q, k, v), **CLOSE)


def test_attention_says_what_is_wrong():
    x = torch.zeros(3, 4)
    with pytest.raises(ValueError, match="equally many columns"):
        attention(x, torch.zeros(3, 5), x)
    with pytest.raises(ValueError, match="equally many rows"):
        attention(x, x, torch.zeros(2, 4))
    with pytest.raises(TypeError, match="booleans"):
        attention(x, x, x, torch.zeros(3, 3))


@pytest.mark.parametrize("ids", [[[0, 37]], [[-1, 3]]])
def test_ids_that_the_vocabulary_does_not_have_are_a_sentence(ids):
    with pytest.raises(ValueError, match=r"must lie between 0 and 36; .* that of the tokenizer"):
        GPT(CONFIG)(torch.tensor(ids))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("causal", [True, False])
def test_multi_head_attention_is_torchs(causal, bias):
    torch.manual_seed(0)
    ours = MultiHeadAttention(32, 4, causal, bias)
    theirs = torch.nn.MultiheadAttention(32, 4, bias=bias, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(ours.qkv.weight)
        theirs.out_proj.weight.copy_(ours.out.weight)
        if bias:
            theirs.in_proj_bias.copy_(ours.qkv.bias.normal_())
            theirs.out_proj.bias.copy_(ours.out.bias.normal_())
    x, y = (torch.randn(2, 9, 32, generator=torch.Generator().manual_seed(5)) for _ in range(2))
    x.requires_grad_(), y.requires_grad_()
    mask = ~causal_mask(9, 9) if causal else None  # theirs is True where it may not look
    want, want_weights = theirs(y, y, y, attn_mask=mask, average_attn_weights=False)
    out = ours(x)
    torch.testing.assert_close(out, want, **CLOSE)
    torch.testing.assert_close(ours.weights(x), want_weights, **CLOSE)
    out.sin().sum().backward()
    want.sin().sum().backward()
    torch.testing.assert_close(x.grad, y.grad, **CLOSE)
    torch.testing.assert_close(ours.qkv.weight.grad, theirs.in_proj_weight.grad, **CLOSE)
    torch.testing.assert_close(ours.out.weight.grad, theirs.out_proj.weight.grad, **CLOSE)


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="multiple of n_head"):
        MultiHeadAttention(30, 4)


def gpt2(ours: GPT):
    """The same weights in transformers' GPT-2, whose linear layers are (in, out)."""
    from transformers import GPT2Config, GPT2LMHeadModel

    c = ours.config
    config = GPT2Config(
        vocab_size=c.vocab_size, n_positions=c.n_context, n_layer=c.n_layer, n_head=c.n_head,
        n_embd=c.n_embd, activation_function="gelu", resid_pdrop=0, embd_pdrop=0, attn_pdrop=0,
        bos_token_id=0, eos_token_id=0, attn_implementation="eager",
    )  # fmt: skip
    theirs = GPT2LMHeadModel(config).eval()
    state = {}
    names = {
        "attn_norm": "ln_1", "attn.qkv": "attn.c_attn", "attn.out": "attn.c_proj",
        "mlp_norm": "ln_2", "mlp.up": "mlp.c_fc", "mlp.down": "mlp.c_proj",
    }  # fmt: skip
    for i, block in enumerate(ours.blocks):
        for mine, other in names.items():
            part = block.get_submodule(mine)
            weight = part.weight.T if part.weight.dim() == 2 else part.weight
            state[f"transformer.h.{i}.{other}.weight"] = weight
            state[f"transformer.h.{i}.{other}.bias"] = part.bias
    state |= {
        "transformer.wte.weight": ours.embed.weight, "transformer.wpe.weight": ours.positions,
        "transformer.ln_f.weight": ours.norm.weight, "transformer.ln_f.bias": ours.norm.bias,
        "lm_head.weight": ours.embed.weight,
    }  # fmt: skip
    theirs.load_state_dict(state)
    return theirs


@pytest.fixture
def model() -> GPT:
    torch.manual_seed(0)
    model = GPT(CONFIG)
    with torch.no_grad():  # larger than at the start, so that every part matters
        for p in model.parameters():
            p.add_(0.3 * torch.randn_like(p))
    return model.eval()


def test_gpt_is_gpt2(model):
    theirs = gpt2(model)
    ids = torch.randint(37, (2, 20))
    out = theirs(ids, output_attentions=True)
    logits = model(ids)
    torch.testing.assert_close(logits, out.logits, **CLOSE)
    torch.testing.assert_close(model.attentions(ids), torch.stack(out.attentions), **CLOSE)
    targets = torch.randint(37, (2, 20))
    F.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
    F.cross_entropy(out.logits.flatten(0, 1), targets.flatten()).backward()
    pairs = [
        (model.embed.weight.grad, theirs.transformer.wte.weight.grad),
        (model.positions.grad, theirs.transformer.wpe.weight.grad),
        (model.norm.weight.grad, theirs.transformer.ln_f.weight.grad),
    ]
    for a, b in zip(model.blocks, theirs.transformer.h, strict=True):
        pairs += [
            (a.attn.qkv.weight.grad, b.attn.c_attn.weight.grad.T),
            (a.attn.out.weight.grad, b.attn.c_proj.weight.grad.T),
            (a.mlp.up.weight.grad, b.mlp.c_fc.weight.grad.T),
            (a.mlp.down.bias.grad, b.mlp.c_proj.bias.grad),
            (a.attn_norm.bias.grad, b.ln_1.bias.grad),
        ]
    for ours, want in pairs:
        torch.testing.assert_close(ours, want, **CLOSE)


def test_the_cache_changes_nothing(model):
    ids = torch.randint(37, (2, 20))
    with torch.no_grad():
        want = model(ids)
        cache = model.new_cache()
        steps = [model(part, cache) for part in ids.split([5, 1, 1, 6, 7], dim=1)]
    torch.testing.assert_close(torch.cat(steps, 1), want, **CLOSE)
    assert cache.n_seen == 20


def test_generation_past_the_context_is_that_without_a_cache(model):
    start, n = [1, 2, 3], 40  # the context is 24
    got = list(model.generate_ids(start, n, temperature=0))
    ids = list(start)
    with torch.no_grad():
        for _ in range(n):
            ids.append(int(model(torch.tensor([ids[-24:]]))[0, -1].argmax()))
    assert got == ids[3:]


def test_generation_repeats_with_a_seed_and_checks_at_once(model):
    a, b, c = (list(model.generate_ids([1], 20, seed=s)) for s in (4, 4, 5))
    assert a == b != c
    with pytest.raises(ValueError, match="temperature"):
        model.generate_ids([1], 5, temperature=-1)
    with pytest.raises(ValueError, match="empty"):
        model.generate_ids([], 5)


def test_a_causal_model_does_not_see_what_comes(model):
    ids = torch.randint(37, (1, 20))
    other = ids.clone()
    other[0, 12:] = (other[0, 12:] + 1) % 37
    a, b = model(ids), model(other)
    torch.testing.assert_close(a[:, :12], b[:, :12], **CLOSE)
    assert not torch.allclose(a[:, 12:], b[:, 12:], atol=0.1)


def test_the_beginning_is_nanogpts():
    torch.manual_seed(0)
    c = GPTConfig(vocab_size=65, bias=True)
    model = GPT(c)
    small = 0.02 / (2 * c.n_layer) ** 0.5
    for name, p in model.named_parameters():
        if "norm.weight" in name:
            assert (p == 1).all()
        elif name.endswith("bias"):
            assert (p == 0).all()
        else:
            want = small if "out" in name or "down" in name else 0.02
            assert abs(float(p.detach().std()) / want - 1) < 0.05, name
    n = sum(p.numel() for p in GPT(GPTConfig(vocab_size=65)).parameters())
    assert n - c.n_context * c.n_embd == 795_904  # nanoGPT prints 0.80M for these sizes
    loss = F.cross_entropy(
        model(torch.randint(65, (8, 64))).flatten(0, 1), torch.randint(65, (512,))
    )
    assert abs(loss.item() - torch.log(torch.tensor(65.0))) < 0.1


def test_a_gpt_says_what_is_wrong(model):
    with pytest.raises(ValueError, match="context of 24"):
        model(torch.zeros(1, 25, dtype=torch.long))
    with pytest.raises(ValueError, match=r"ids\[None\]"):
        model(torch.zeros(5, dtype=torch.long))
    with pytest.raises(ValueError, match="positions must be"):
        GPT(GPTConfig(vocab_size=5, positions="rope"))


@pytest.mark.parametrize("positions", ["sinusoidal", "none"])
def test_other_positions_have_no_weights(positions):
    model = GPT(GPTConfig(vocab_size=65, positions=positions))
    assert "positions" not in model.state_dict()
    model(torch.randint(65, (2, 64))).sum().backward()


def test_sinusoidal_is_the_formula():
    from math import cos, sin

    table = transformer.sinusoidal(50, 16, base=1000.0)
    for pos in (0, 1, 7, 49):
        for i in range(8):
            angle = pos / 1000.0 ** (2 * i / 16)
            assert abs(float(table[pos, 2 * i]) - sin(angle)) < 1e-6
            assert abs(float(table[pos, 2 * i + 1]) - cos(angle)) < 1e-6
    with pytest.raises(ValueError, match="even"):
        transformer.sinusoidal(5, 7)
