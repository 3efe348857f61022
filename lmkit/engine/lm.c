// A Llama (Touvron et al. 2023) in one file: token ids in; logits, attentions, hidden states out.
//
//   x = embedding[ids]                                          (T, D)
//   n_layer times:
//     x += attention(norm(x)) Wₒᵀ                               softmax(QKᵀ/√d)V
//     x += (silu(norm(x) Wgateᵀ) ⊙ norm(x) Wupᵀ) Wdownᵀ         SwiGLU
//   logits = norm(x) embeddingᵀ                                 (T, V)
//
// Shapes: T tokens now, S tokens seen so far (T and those in the cache before them), D = n_embd
// numbers a token, H = n_head heads that look, G = n_kv_head heads that are looked at, d = D / H
// numbers a head, V = vocab_size tokens. Arrays lie row by row: x (T, D) is x[t * D + i].
//
// The weights stay in the GGUF file's own blocks of 32, Q4_1 (w = scale · q + min, q in 0…15) or
// Q8_0 (w = scale · q, q in −128…127). WebAssembly has no library: model.mjs brings the file into
// memory and names its tensors, the rest is here. Compiled by `python -m tools.engine build`.
#include <stdint.h>
#include <wasm_simd128.h>

#define EXPORT(name) __attribute__((export_name(#name)))
#define INLINE static inline __attribute__((always_inline))
#define UNROLLED _Pragma("clang loop unroll(full)") for  // small arrays become registers

enum { F32 = 0, Q4_1 = 3, Q8_0 = 8 };                  // number formats, as GGUF counts them
enum { BLOCK = 32, MAX_LAYER = 64, MAX_HEAD = 256 };
enum { SLICE = 128, AT_ONCE = 4 };                     // tokens in one call, vectors in one pass of a matrix
enum { MANY = 7, TILE = 8 };                           // tokens that are many; rows made floats at once

typedef struct { const uint8_t *data; int type, rows, columns; } Tensor;
typedef struct { Tensor attn_norm, q, k, v, attn_output, ffn_norm, gate, up, down; } Layer;

static struct {
  int n_layer, n_embd, n_head, n_kv_head, n_hidden, vocab_size, n_context, head_dim, kv_dim;
  float norm_eps;
  Tensor embedding, output_norm;
  Layer layer[MAX_LAYER];
} model;

static float *x, *y, *q, *heads, *gate, *up;           // (T, D) four times, (T, n_hidden) twice
static float *k_cache, *v_cache;                       // (n_layer, n_context, G · d)
static float *rope;                                    // (n_context, d/2, 2): cosine, sine
static float *scores;                                  // (S,), with room for three more
static float *tile;                                    // (columns, TILE)
static int *token_ids;                                 // (T,)
static int *before, *place, *path;                     // (n_context,) each: see `find_path`
static uint8_t is_off[MAX_LAYER][MAX_HEAD];            // heads that are left out

// ------------------------------------------------------------------------------------ four floats

typedef v128_t f32x4;
typedef v128_t i32x4;
#define ADD wasm_f32x4_add
#define MUL wasm_f32x4_mul
#define LOAD wasm_v128_load
#define STORE wasm_v128_store
#define SPLAT wasm_f32x4_splat

INLINE float sum(f32x4 a) {
  return wasm_f32x4_extract_lane(a, 0) + wasm_f32x4_extract_lane(a, 1) +
         wasm_f32x4_extract_lane(a, 2) + wasm_f32x4_extract_lane(a, 3);
}

INLINE float greatest(f32x4 a) {
  a = wasm_f32x4_pmax(a, wasm_i32x4_shuffle(a, a, 2, 3, 0, 1));
  a = wasm_f32x4_pmax(a, wasm_i32x4_shuffle(a, a, 1, 0, 3, 2));
  return wasm_f32x4_extract_lane(a, 0);
}

// The sums of four vectors, as one: (Σa, Σb, Σc, Σd).
INLINE i32x4 four_sums(i32x4 a, i32x4 b, i32x4 c, i32x4 d) {
  i32x4 ab = wasm_i32x4_add(wasm_i32x4_shuffle(a, b, 0, 4, 1, 5), wasm_i32x4_shuffle(a, b, 2, 6, 3, 7));
  i32x4 cd = wasm_i32x4_add(wasm_i32x4_shuffle(c, d, 0, 4, 1, 5), wasm_i32x4_shuffle(c, d, 2, 6, 3, 7));
  return wasm_i32x4_add(wasm_i32x4_shuffle(ab, cd, 0, 1, 4, 5), wasm_i32x4_shuffle(ab, cd, 2, 3, 6, 7));
}

// eᵃ = 2ⁿ · eʳ with n whole and |r| ≤ ln 2 / 2; eʳ by its series up to r⁶, right to 2e-7.
INLINE f32x4 exp4(f32x4 a) {
  a = wasm_f32x4_pmax(wasm_f32x4_pmin(a, SPLAT(88)), SPLAT(-87));
  f32x4 n = wasm_f32x4_nearest(MUL(a, SPLAT(1.44269504f)));
  f32x4 r = wasm_f32x4_sub(wasm_f32x4_sub(a, MUL(n, SPLAT(0.693359375f))), MUL(n, SPLAT(-2.12194440e-4f)));
  f32x4 e = SPLAT(1.f / 720);
  const float inverse_factorial[] = {1.f / 120, 1.f / 24, 1.f / 6, 1.f / 2, 1, 1};
  for (int i = 0; i < 6; i++) e = ADD(MUL(e, r), SPLAT(inverse_factorial[i]));
  i32x4 exponent = wasm_i32x4_add(wasm_i32x4_trunc_sat_f32x4(n), wasm_i32x4_splat(127));
  return MUL(e, wasm_i32x4_shl(exponent, 23));
}

// ----------------------------------------------------------------- products with a few tokens

// Writing takes all weights for one token: they stay packed, and int16 are multiplied, which is the
// fastest product that WebAssembly has.

// Activations as int16, in blocks of 32. A token has one vector q, x ≈ scale · q, or a second one
// for what was rounded off, so that x is right to 32 bits: without it attention is off by up to
// 0.005 (and int8 would change one top-1 in twenty). Only the last product, whose errors nothing
// carries on, does without; it is the one whose weights are Q8_0.
static struct { int16_t *q; float *scale, *sum; } quantised;  // sum = Σx, for Q4_1's min
#define VECTORS(type) ((type) == Q4_1 ? 2 : 1)

// Eight neighbours to int16, in the order in which `unpack` finds the weights of this format:
// as they are, or for Q4_1 even ones first, odd ones eight places on.
INLINE void store(f32x4 a, f32x4 b, int16_t *q, int i, int type) {
  i32x4 l = wasm_i32x4_trunc_sat_f32x4(a), r = wasm_i32x4_trunc_sat_f32x4(b);
  if (type == Q8_0) {
    STORE(q + i, wasm_i16x8_narrow_i32x4(l, r));
    return;
  }
  i32x4 even = wasm_i32x4_shuffle(l, r, 0, 2, 4, 6), odd = wasm_i32x4_shuffle(l, r, 1, 3, 5, 7);
  v128_t both = wasm_i16x8_narrow_i32x4(even, odd);
  q += i % 16 / 2 + i / 16 * 16;
  wasm_v128_store64_lane(q, both, 0);
  wasm_v128_store64_lane(q + 8, both, 1);
}

// The greatest of 32 numbers by size, and their sum.
INLINE float measure(const float *x, float *total) {
  f32x4 sizes = SPLAT(1e-20f), sums = SPLAT(0);        // not 0, since it will divide
  for (int i = 0; i < BLOCK; i += 4) {
    sizes = wasm_f32x4_pmax(sizes, wasm_f32x4_abs(LOAD(x + i)));
    sums = ADD(sums, LOAD(x + i));
  }
  *total = sum(sums);
  return greatest(sizes);
}

// 32 numbers to block j of q, and what is rounded off to block `rest`, unless that is j too.
static void quantise_block(const float *x, int j, int rest, int type) {
  float top = measure(x, quantised.sum + j);
  quantised.scale[j] = top / 32767;
  if (rest != j) quantised.scale[rest] = top / 32767 / 65536;
  f32x4 inverse = SPLAT(32767 / top), finer = SPLAT(65536);
  for (int i = 0; i < BLOCK; i += 8) {
    f32x4 a = MUL(LOAD(x + i), inverse), b = MUL(LOAD(x + i + 4), inverse);
    f32x4 whole_a = wasm_f32x4_nearest(a), whole_b = wasm_f32x4_nearest(b);
    store(whole_a, whole_b, quantised.q + j * BLOCK, i, type);
    if (rest == j) continue;
    a = MUL(wasm_f32x4_sub(a, whole_a), finer), b = MUL(wasm_f32x4_sub(b, whole_b), finer);
    store(a, b, quantised.q + rest * BLOCK, i, type);
  }
}

// x (T, n_block · 32) to T · VECTORS(type) vectors
static void quantise(const float *x, int T, int n_block, int type) {
  int more = VECTORS(type) - 1;
  for (int t = 0, j = 0; t < T; t++, j += more * n_block)
    for (int b = 0; b < n_block; b++, j++, x += BLOCK) quantise_block(x, j, j + more * n_block, type);
}

// The 32 weights of a block as int16, eight in each vector. Q4_1 packs weights i and i + 16 in a
// byte, so a lane of 16 bits has four: even ones in w[0] and w[2], odd ones in w[1] and w[3].
INLINE void unpack(const uint8_t *block, int type, v128_t w[4]) {
  if (type == Q8_0) {
    UNROLLED (int i = 0; i < 4; i++) w[i] = wasm_i16x8_load8x8(block + 2 + 8 * i);
    return;
  }
  v128_t lanes = LOAD(block + 4), four_bits = wasm_i16x8_splat(15);
  w[0] = wasm_v128_and(lanes, four_bits);
  w[1] = wasm_v128_and(wasm_u16x8_shr(lanes, 8), four_bits);
  w[2] = wasm_v128_and(wasm_u16x8_shr(lanes, 4), four_bits);
  w[3] = wasm_u16x8_shr(lanes, 12);
}

// float16 in the upper half of each lane to float32: the exponent moves, 2¹¹² mends its bias.
INLINE f32x4 from_f16(v128_t h) {
  v128_t bits = wasm_v128_and(wasm_i32x4_shr(h, 3), wasm_u32x4_splat(0x8fffe000));
  return MUL(bits, SPLAT(5.192296858534828e33f));
}

// Σ w · q over a block, as four partial sums.
INLINE i32x4 dot(const int16_t *q, const v128_t w[4]) {
  i32x4 a = wasm_i32x4_add(wasm_i32x4_dot_i16x8(LOAD(q), w[0]), wasm_i32x4_dot_i16x8(LOAD(q + 8), w[1]));
  i32x4 b = wasm_i32x4_add(wasm_i32x4_dot_i16x8(LOAD(q + 16), w[2]), wasm_i32x4_dot_i16x8(LOAD(q + 24), w[3]));
  return wasm_i32x4_add(a, b);
}

// 32 bits of each of four rows' blocks. At 0 are the scale and, in Q4_1, the min above it.
INLINE v128_t bits_at(const uint8_t *const w[4], int at) {
  v128_t bits = wasm_v128_load32_zero(w[0] + at);
  bits = wasm_v128_load32_lane(w[1] + at, bits, 1);
  bits = wasm_v128_load32_lane(w[2] + at, bits, 2);
  return wasm_v128_load32_lane(w[3] + at, bits, 3);
}

// Four numbers to places `stride` apart.
INLINE void put(f32x4 four, float *to, int stride) {
  wasm_v128_store32_lane(to, four, 0);
  wasm_v128_store32_lane(to + stride, four, 1);
  wasm_v128_store32_lane(to + 2 * stride, four, 2);
  wasm_v128_store32_lane(to + 3 * stride, four, 3);
}

// Four rows of W, one out of each quarter, times n vectors from the i-th on: to y, for each token
// at `row` and a quarter of the rows further on each time. The processor foresees four long
// streams of bytes, but not four neighbouring rows, which take twice the time. Weights are
// unpacked once for all vectors, and the scales of four rows are one register.
// `type` and `n` are constants wherever this is inlined.
INLINE void four_rows(const Tensor *W, int row, int first, float *y, int type, int n) {
  int n_block = W->columns / BLOCK, size = type == Q4_1 ? 20 : 34, quarter = W->rows / 4;
  const uint8_t *w[4];
  f32x4 acc[AT_ONCE];
  UNROLLED (int r = 0; r < 4; r++) w[r] = W->data + (row + r * quarter) * n_block * size;
  UNROLLED (int i = 0; i < n; i++) acc[i] = SPLAT(0);
  for (int b = 0; b < n_block; b++) {
    v128_t bits = bits_at(w, 0);
    f32x4 scale = from_f16(wasm_i32x4_shl(bits, 16)), min = from_f16(bits);
    i32x4 dots[AT_ONCE][4];
    UNROLLED (int r = 0; r < 4; r++, w[r - 1] += size) {
      v128_t weights[4];
      unpack(w[r], type, weights);
      UNROLLED (int i = 0; i < n; i++) dots[i][r] = dot(quantised.q + ((first + i) * n_block + b) * BLOCK, weights);
    }
    UNROLLED (int i = 0; i < n; i++) {
      int j = (first + i) * n_block + b;
      f32x4 total = wasm_f32x4_convert_i32x4(four_sums(dots[i][0], dots[i][1], dots[i][2], dots[i][3]));
      acc[i] = ADD(acc[i], MUL(total, MUL(scale, wasm_v128_load32_splat(quantised.scale + j))));
      if (type == Q4_1 && i % 2 == 0) acc[i] = ADD(acc[i], MUL(min, wasm_v128_load32_splat(quantised.sum + j)));
    }
  }
  UNROLLED (int i = 0; i < n; i += VECTORS(type)) {
    f32x4 result = VECTORS(type) == 2 ? ADD(acc[i], acc[i + 1]) : acc[i];
    put(result, y + (first + i) / VECTORS(type) * W->rows + row, quarter);
  }
}

INLINE void all_rows(const Tensor *W, float *y, int T, int type) {
  int i = 0, n = T * VECTORS(type);
  for (; i + AT_ONCE <= n; i += AT_ONCE)
    for (int row = 0; row < W->rows / 4; row++) four_rows(W, row, i, y, type, AT_ONCE);
  for (; i < n; i += VECTORS(type))
    for (int row = 0; row < W->rows / 4; row++) four_rows(W, row, i, y, type, VECTORS(type));
}

// ----------------------------------------------------------------- products with many tokens

// Reading takes each weight for many tokens: eight rows are unpacked to floats once, the tile, and
// multiplied with four tokens after four. The tile lies column by column, so that a lane is a row,
// and no sum runs across lanes. V8 has 15 registers: 8 sums (4 tokens, 2 vectors of rows), 2 vectors
// of the tile, a token's number and a product take 13. With 10 sums, or two columns in one turn of
// the loop, some go to memory and back, and all takes twice the time. This is for Q4_1 only: the one
// matrix in Q8_0 needs one vector of int16 a token, and is faster so for any number of tokens.

// A block of four rows to floats (BLOCK, TILE). Each lane has 32 bits of another row, and so, after
// a shift, one weight of each: weights i and i + 16 in turns.
INLINE void block_to_floats(const uint8_t *const w[4], float *to) {
  f32x4 scale = from_f16(wasm_i32x4_shl(bits_at(w, 0), 16)), min = from_f16(bits_at(w, 0));
  UNROLLED (int i = 0; i < BLOCK / 2; i += 4) {
    v128_t bits = bits_at(w, 4 + i);
    UNROLLED (int j = 0; j < 8; j++) {
      i32x4 q = wasm_v128_and(wasm_u32x4_shr(bits, 4 * j), wasm_i32x4_splat(15));
      STORE(to + (i + j / 2 + j % 2 * 16) * TILE, ADD(MUL(wasm_f32x4_convert_i32x4(q), scale), min));
    }
  }
}

// Four rows of W from `row` on to four neighbouring columns of a tile.
static void dequantise(const Tensor *W, int row, float *to) {
  int n_block = W->columns / BLOCK, size = 20;
  const uint8_t *w[4];
  UNROLLED (int r = 0; r < 4; r++) w[r] = W->data + (row + r) * n_block * size;
  for (int b = 0; b < n_block; b++, to += BLOCK * TILE) {
    block_to_floats(w, to);
    UNROLLED (int r = 0; r < 4; r++) w[r] += size;
  }
}

// The tile times four tokens x (4, columns): to eight places in each row of y, `rows` apart.
static void four_tokens(const float *x, int columns, float *y, int rows) {
  const float *w = tile;
  f32x4 acc[4][2];
  UNROLLED (int t = 0; t < 4; t++) acc[t][0] = acc[t][1] = SPLAT(0);
  _Pragma("clang loop unroll(disable)") for (int k = 0; k < columns; k++, w += TILE) {
    f32x4 left = LOAD(w), right = LOAD(w + 4);
    UNROLLED (int t = 0; t < 4; t++) {
      f32x4 number = wasm_v128_load32_splat(x + t * columns + k);
      acc[t][0] = ADD(acc[t][0], MUL(left, number));
      acc[t][1] = ADD(acc[t][1], MUL(right, number));
    }
  }
  UNROLLED (int t = 0; t < 4; t++) STORE(y + t * rows, acc[t][0]), STORE(y + t * rows + 4, acc[t][1]);
}

static void in_tiles(const Tensor *W, const float *x, float *y, int T) {
  for (int row = 0; row < W->rows; row += TILE) {
    dequantise(W, row, tile);
    dequantise(W, row + 4, tile + 4);
    for (int t = 0; t < T; t += 4) {
      int first = t < T - 4 ? t : T - 4;               // the last four may be partly done: no matter
      four_tokens(x + first * W->columns, W->columns, y + first * W->rows + row, W->rows);
    }
  }
}

// y (T, rows) = x (T, columns) Wᵀ
static void product(const Tensor *W, const float *x, float *y, int T) {
  if (T >= MANY && W->type == Q4_1) return in_tiles(W, x, y, T);
  quantise(x, T, W->columns / BLOCK, W->type);
  if (W->type == Q4_1) all_rows(W, y, T, Q4_1);
  else all_rows(W, y, T, Q8_0);
}

// The rows of W that ids name, as floats: x (T, columns).
static void look_up(const Tensor *W, const int *ids, int T, float *x) {
  int n_block = W->columns / BLOCK, is_q4 = W->type == Q4_1, size = is_q4 ? 20 : 34;
  for (int t = 0; t < T; t++)
    for (int b = 0; b < n_block; b++, x += BLOCK) {
      const uint8_t *block = W->data + (ids[t] * n_block + b) * size;
      v128_t head = wasm_v128_load32_zero(block);
      float scale = sum(from_f16(wasm_i32x4_shl(head, 16))), min = is_q4 ? sum(from_f16(head)) : 0;
      for (int i = 0; i < BLOCK; i++)
        x[i] = scale * (is_q4 ? block[4 + i % 16] >> i / 16 * 4 & 15 : (int8_t)block[2 + i]) + min;
    }
}

// ------------------------------------------------------------------------------- parts of a layer

// y (T, D) = x / √(mean(x²) + ε) ⊙ weight (Zhang & Sennrich 2019)
static void norm(const float *x, const Tensor *weight, float *y, int T) {
  int D = model.n_embd;
  const float *w = (const float *)weight->data;
  for (int t = 0; t < T; t++, x += D, y += D) {
    f32x4 squares = SPLAT(0);
    for (int i = 0; i < D; i += 4) squares = ADD(squares, MUL(LOAD(x + i), LOAD(x + i)));
    float scale = 1 / __builtin_sqrtf(sum(squares) / D + model.norm_eps);
    for (int i = 0; i < D; i++) y[i] = x[i] * scale * w[i];
  }
}

// Turn the pairs of each head of a (T, n · d) by their position's angles (RoPE, Su et al. 2021).
// llama.cpp stores the rows of Wq and Wk so that a pair's two numbers are neighbours.
static void rotate(float *a, int n, int T, int past) {
  int half = model.head_dim / 2;
  for (int t = 0; t < T; t++)
    for (int h = 0; h < n; h++, a += 2 * half) {
      const float *turn = rope + place[past + t] * 2 * half;
      for (int i = 0; i < 2 * half; i += 2) {
        float real = a[i], imaginary = a[i + 1];
        a[i] = real * turn[i] - imaginary * turn[i + 1];
        a[i + 1] = imaginary * turn[i] + real * turn[i + 1];
      }
    }
}

// The cache is a tree, so that texts with the same beginning share its rows: before[r] is the row of
// the token before that of row r, −1 at a text's start, and place[r] how many tokens are before it.
static void find_places(int T, int past) {
  for (int r = past; r < past + T; r++) place[r] = before[r] < 0 ? 0 : place[before[r]] + 1;
}

// The rows that row r sees, from its text's first to itself: to path (S,). Gives S.
static int find_path(int r) {
  int S = place[r] + 1;
  for (int s = S; s--; r = before[r]) path[s] = r;
  return S;
}

// scores (S,) to weights that are positive and sum to 1; room for three more behind the last.
static void softmax(float *scores, int S) {
  float top = -1e30f;
  for (int s = 0; s < S; s++) top = scores[s] > top ? scores[s] : top;
  for (int s = S; s % 4; s++) scores[s] = -1e30f;      // e to that is as good as 0
  f32x4 total = SPLAT(0);
  for (int s = 0; s < S; s += 4) {
    f32x4 e = exp4(wasm_f32x4_sub(LOAD(scores + s), SPLAT(top)));
    STORE(scores + s, e);
    total = ADD(total, e);
  }
  float inverse = 1 / sum(total);
  for (int s = 0; s < S; s++) scores[s] *= inverse;
}

// 16 of a head's numbers: out = Σ scores[s] · v[path[s]]
INLINE void mix(const float *v, int S, int stride, float *out) {
  f32x4 acc[4] = {0};
  for (int s = 0; s < S; s++) {
    f32x4 p = SPLAT(scores[s]);
    UNROLLED (int i = 0; i < 4; i++) acc[i] = ADD(acc[i], MUL(p, LOAD(v + path[s] * stride + 4 * i)));
  }
  UNROLLED (int i = 0; i < 4; i++) STORE(out + 4 * i, acc[i]);
}

// One head of one token: out (d,) = softmax(q Kᵀ / √d) V, with the S keys and values of its path;
// rows are `stride` apart.
static void look(const float *q, const float *keys, const float *v, int S, int stride, float *out) {
  int d = model.head_dim;
  float scale = 1 / __builtin_sqrtf(d);
  for (int s = 0; s < S; s++) {
    const float *k = keys + path[s] * stride;
    f32x4 even = SPLAT(0), odd = SPLAT(0);             // two sums, so that neither waits for the other
    for (int i = 0; i < d; i += 8) {
      even = ADD(even, MUL(LOAD(q + i), LOAD(k + i)));
      odd = ADD(odd, MUL(LOAD(q + i + 4), LOAD(k + i + 4)));
    }
    scores[s] = sum(ADD(even, odd)) * scale;
  }
  softmax(scores, S);
  for (int i = 0; i < d; i += 16) mix(v + i, S, stride, out + i);
}

// All heads of T tokens: q (T, D), keys and values (past + T, G · d), out (T, D), attn (H, T, past + T)
// or null. Each of the G heads of keys and values serves H / G neighbouring heads of q.
static void attend(const float *q, const float *k, const float *v, int T, int past, float *out, float *attn) {
  int d = model.head_dim, n_row = past + T, per_group = model.n_head / model.n_kv_head;
  if (attn) __builtin_memset(attn, 0, model.n_head * T * n_row * sizeof(float));
  for (int t = 0; t < T; t++) {
    int S = find_path(past + t);
    for (int h = 0; h < model.n_head; h++) {
      int at = t * model.n_embd + h * d, group = h / per_group * d;
      look(q + at, k + group, v + group, S, model.kv_dim, out + at);
      for (int s = 0; attn && s < S; s++) attn[(h * T + t) * n_row + path[s]] = scores[s];
    }
  }
}

static void copy(float *to, const float *from, int n) { __builtin_memcpy(to, from, n * sizeof(float)); }

// Heads that are off add nothing to their layer: zeros at their places in heads (T, D).
static void silence(const uint8_t *off, int T) {
  int D = model.n_embd, d = model.head_dim;
  for (int h = 0; h < model.n_head; h++)
    for (int t = 0; off[h] && t < T; t++) __builtin_memset(heads + t * D + h * d, 0, d * sizeof(float));
}

// What each head adds to x, for heads Wₒᵀ is a sum over heads: to added (H, T, D).
static void each_head(const Tensor *W, float *added, int T) {
  int D = model.n_embd, d = model.head_dim;
  for (int h = 0; h < model.n_head; h++) {
    __builtin_memset(y, 0, T * D * sizeof(float));
    for (int t = 0; t < T; t++) copy(y + t * D + h * d, heads + t * D + h * d, d);
    product(W, y, added + h * T * D, T);
  }
}

// gate (n,) becomes silu(gate) ⊙ up, with silu(a) = a / (1 + e⁻ᵃ) (Shazeer 2020)
static void swiglu(float *gate, const float *up, int n) {
  for (int i = 0; i < n; i += 4) {
    f32x4 a = LOAD(gate + i), below = ADD(SPLAT(1), exp4(wasm_f32x4_neg(a)));
    STORE(gate + i, MUL(wasm_f32x4_div(a, below), LOAD(up + i)));
  }
}

static void add(float *x, const float *y, int n) {
  for (int i = 0; i < n; i++) x[i] += y[i];
}

// ---------------------------------------------------------------------------------- the whole model

// x (T, D) through one layer; attn (H, T, past + T) takes its weights of attention, and added
// (H, T, D) what each head adds, unless they are null.
static void layer(int l, int T, int past, float *attn, float *added) {
  const Layer *w = &model.layer[l];
  int D = model.n_embd, KV = model.kv_dim;
  float *k = k_cache + l * model.n_context * KV, *v = v_cache + l * model.n_context * KV;
  norm(x, &w->attn_norm, y, T);
  product(&w->q, y, q, T);
  product(&w->k, y, k + past * KV, T);
  product(&w->v, y, v + past * KV, T);
  rotate(q, model.n_head, T, past);
  rotate(k + past * KV, model.n_kv_head, T, past);
  attend(q, k, v, T, past, heads, attn);
  silence(is_off[l], T);
  if (added) each_head(&w->attn_output, added, T);
  product(&w->attn_output, heads, y, T);
  add(x, y, T * D);

  norm(x, &w->ffn_norm, y, T);
  product(&w->gate, y, gate, T);
  product(&w->up, y, up, T);
  swiglu(gate, up, T * model.n_hidden);
  product(&w->down, gate, y, T);
  add(x, y, T * D);
}

// Run T tokens (at `ids()`) to rows of the cache behind `past` others; `rows_before()` says which
// row each follows. logits (n_logits, V) are those of the last n_logits tokens; attn (n_layer, H, T,
// past + T), hidden (n_layer + 1, T, D), the embeddings and each layer's output, the last one after
// the norm, and added (n_layer, H, T, D) are written unless they are null.
// It may be done in parts, layers `first` up to `last` at a time, so that x (at `stream()`) can be
// changed between two layers: −1 is the embedding, and with n_layer come norm and logits.
EXPORT(forward) void forward(int T, int past, int first, int last, int n_logits, float *logits,
                             float *attn, float *hidden, float *added) {
  int D = model.n_embd, H = model.n_head, map = H * T * (past + T);
  if (first < 0) find_places(T, past), look_up(&model.embedding, token_ids, T, x);
  for (int l = first < 0 ? 0 : first; l < last; l++) {
    if (hidden) copy(hidden + l * T * D, x, T * D);
    layer(l, T, past, attn ? attn + l * map : 0, added ? added + l * H * T * D : 0);
  }
  if (last < model.n_layer) return;
  norm(x, &model.output_norm, y, T);
  if (hidden) copy(hidden + model.n_layer * T * D, y, T * D);
  product(&model.embedding, y + (T - n_logits) * D, logits, n_logits);
}

// ------------------------------------------------------------------------------------------ set-up

EXPORT(set_sizes) void set_sizes(int n_layer, int n_embd, int n_head, int n_kv_head, int n_hidden,
                                 int vocab_size, int n_context, float norm_eps) {
  model.n_layer = n_layer, model.n_embd = n_embd, model.n_head = n_head;
  model.n_kv_head = n_kv_head, model.n_hidden = n_hidden, model.vocab_size = vocab_size;
  model.n_context = n_context, model.norm_eps = norm_eps;
  model.head_dim = n_embd / n_head, model.kv_dim = n_kv_head * model.head_dim;
}

// Name a tensor of the file: part 0…8 of a layer in the order of `Layer`; of layer −1, the
// embedding (0) or the last norm (1).
EXPORT(set_tensor) void set_tensor(int l, int part, const uint8_t *data, int type, int rows, int columns) {
  Tensor *first = l < 0 ? &model.embedding : &model.layer[l].attn_norm;
  first[part] = (Tensor){data, type, rows, columns};
}

static uintptr_t free_at;                             // memory above is free

// Memory of so many bytes, or null when the browser has no more.
static void *take(uint32_t bytes) {
  uintptr_t start = (free_at + 63) & ~63u;
  uint64_t end = (uint64_t)start + bytes, have = (uint64_t)__builtin_wasm_memory_size(0) << 16;
  if (end > have && __builtin_wasm_memory_grow(0, (end - have + 65535) >> 16) == ~0u) return 0;
  free_at = end;
  return (void *)start;
}

static float *floats(uint32_t n) { return take(n * sizeof(float)); }

// Take the memory above `start` for what lies between input and output; false when there is none.
EXPORT(set_buffers) int set_buffers(uintptr_t start) {
  int D = model.n_embd, F = model.n_hidden, most = 2 * SLICE * (F > D ? F : D);
  uint32_t cache = model.n_layer * model.n_context * model.kv_dim;
  free_at = start;
  return (x = floats(SLICE * D)) && (y = floats(SLICE * D)) && (q = floats(SLICE * D)) &&
         (heads = floats(SLICE * D)) && (gate = floats(SLICE * F)) && (up = floats(SLICE * F)) &&
         (k_cache = floats(cache)) && (v_cache = floats(cache)) && (scores = floats(model.n_context + 3)) &&
         (tile = floats(TILE * (F > D ? F : D))) &&
         (rope = floats(model.n_context * model.head_dim)) && (token_ids = take(SLICE * sizeof(int))) &&
         (before = take(model.n_context * sizeof(int))) && (place = take(model.n_context * sizeof(int))) &&
         (path = take(model.n_context * sizeof(int))) &&
         (quantised.q = take(most * sizeof(int16_t))) &&
         (quantised.scale = floats(most / BLOCK)) &&
         (quantised.sum = floats(most / BLOCK));
}

EXPORT(switch_head) void switch_head(int l, int h, int off) { is_off[l][h] = off; }

EXPORT(ids) int *ids(void) { return token_ids; }
EXPORT(rows_before) int *rows_before(void) { return before; }
EXPORT(stream) float *stream(void) { return x; }
EXPORT(rope_table) float *rope_table(void) { return rope; }

// Memory of so many bytes for a result, the same each time: the next result overwrites the last.
EXPORT(result) void *result(uint32_t bytes) {
  uintptr_t before = free_at;
  void *at = take(bytes);
  free_at = before;
  return at;
}
