/* Recurrences over time for a block of rows of one replicate, forward and backward, in single
 * precision.
 *
 * A block goes through all steps at once, so that its state stays in the cache. The recurrent matrix
 * is packed once for all of them. Gates are padded to a multiple of the width of a panel; padded
 * columns hold zeros. See cells.py for the equations.
 *
 * A row is computed by the same operations in the same order wherever it stands, and sums over rows
 * are taken by block: nothing depends on the number of threads.
 */

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#if defined(__AVX512F__)
#define LANES 16
#else
#define LANES 8
#endif
#define PANEL (2 * LANES) /* columns of a panel */
#define ROWS 32           /* rows of a block */

typedef float vec __attribute__((vector_size(LANES * 4), aligned(4)));
typedef int32_t ivec __attribute__((vector_size(LANES * 4), aligned(4)));
#define INLINE static inline __attribute__((always_inline))

int biornn_panel(void) { return PANEL; }
int biornn_rows(void) { return ROWS; }

INLINE vec load(const float *p) { return *(const vec *)p; }
INLINE void store(float *p, vec v) { *(vec *)p = v; }
INLINE vec all(float x) { return x - (vec){0}; }
INLINE vec choose(ivec mask, vec a, vec b) {
    return (vec)(((ivec)a & mask) | ((ivec)b & ~mask));
}
INLINE vec at_most(vec x, float top) { vec t = all(top); return choose(x < t, x, t); }
INLINE vec at_least(vec x, float low) { vec t = all(low); return choose(x > t, x, t); }

/* exp(x) - 1 as scale * (r + r^2 q(r)) + (scale - 1), x = n ln 2 + r, scale = 2^n: exact for small
 * x. The series of exp to r^7 is right to 5e-9 for |r| <= ln 2 / 2. */
INLINE vec expm1_parts(vec x, vec *scale) {
    const vec half = all(0.5f);
    vec shifted = x * 1.44269504f;
    /* round to nearest by an addition that leaves no fraction; see the flags in native.py */
    vec magic = all(12582912.0f);
    vec n = (shifted + magic) - magic;
    vec r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    vec q = all(1.0f / 5040);
    q = q * r + 1.0f / 720;
    q = q * r + 1.0f / 120;
    q = q * r + 1.0f / 24;
    q = q * r + 1.0f / 6;
    q = q * r + half;
    ivec exponent = __builtin_convertvector(n, ivec) + 127;
    *scale = (vec)(exponent << 23);
    return r + r * r * q;
}

/* 1 + exp(-x), which sigmoid divides one by */
INLINE vec below_sigmoid(vec x) {
    vec scale, p = expm1_parts(at_most(at_least(-x, -40.0f), 40.0f), &scale);
    return 1.0f + (scale * p + scale);
}
INLINE vec sigmoid_(vec x) { return 1.0f / below_sigmoid(x); }

/* exp(2 x) - 1, which tanh divides by itself plus two */
INLINE vec above_tanh(vec x) {
    vec scale, p = expm1_parts(at_most(at_least(x + x, -40.0f), 40.0f), &scale);
    return scale * p + (scale - 1.0f);
}
INLINE vec tanh_(vec x) {
    vec e = above_tanh(x);
    return e / (e + 2.0f);
}

/* both with one division, which costs as much as the rest */
INLINE void sigmoid_and_tanh(vec x, vec y, vec *s, vec *t) {
    vec a = below_sigmoid(x), e = above_tanh(y), b = e + 2.0f, inverse = 1.0f / (a * b);
    *s = inverse * b;
    *t = e * (inverse * a);
}

/* out[m][PANEL] += a[m][k] * packed[k][PANEL], with the accumulators given and returned */
#define MULTIPLY(M)                                                                              \
    INLINE void multiply_##M(vec acc[M][2], const float *a, ptrdiff_t lda, const float *packed,  \
                             int depth) {                                                        \
        for (int k = 0; k < depth; k++) {                                                        \
            vec b0 = load(packed + (size_t)k * PANEL);                                           \
            vec b1 = load(packed + (size_t)k * PANEL + LANES);                                   \
            _Pragma("GCC unroll 8") for (int m = 0; m < M; m++) {                                \
                vec s = all(a[m * lda + k]);                                                     \
                acc[m][0] += s * b0;                                                             \
                acc[m][1] += s * b1;                                                             \
            }                                                                                    \
        }                                                                                        \
    }                                                                                            \
    static __attribute__((noinline)) void tile_##M(                                              \
        float *out, ptrdiff_t ldo, const float *start, const float *a1, ptrdiff_t lda1,          \
        const float *p1, int depth1, const float *a2, ptrdiff_t lda2, const float *p2,           \
        int depth2) {                                                                            \
        vec acc[M][2];                                                                           \
        _Pragma("GCC unroll 8") for (int m = 0; m < M; m++) {                                    \
            acc[m][0] = start ? load(start) : all(0);                                            \
            acc[m][1] = start ? load(start + LANES) : all(0);                                    \
        }                                                                                        \
        multiply_##M(acc, a1, lda1, p1, depth1);                                                 \
        multiply_##M(acc, a2, lda2, p2, depth2);                                                 \
        _Pragma("GCC unroll 8") for (int m = 0; m < M; m++) {                                    \
            store(out + m * ldo, acc[m][0]);                                                     \
            store(out + m * ldo + LANES, acc[m][1]);                                             \
        }                                                                                        \
    }
MULTIPLY(1)
MULTIPLY(2)
MULTIPLY(3)
MULTIPLY(4)
MULTIPLY(5)
MULTIPLY(6)

/* out[rows][PANEL] = start + a1 p1 + a2 p2; tiles of at most 6 rows, as even as they can be */
static void panel(float *out, ptrdiff_t ldo, const float *start, const float *a1, ptrdiff_t lda1,
                  const float *p1, int depth1, const float *a2, ptrdiff_t lda2, const float *p2,
                  int depth2, int rows) {
    int tiles = (rows + 5) / 6, done = 0;
    for (int tile = 0; tile < tiles; tile++) {
        int m = (rows - done + tiles - tile - 1) / (tiles - tile);
        float *o = out + done * ldo;
        const float *x = a1 + done * lda1, *y = a2 + done * lda2;
        switch (m) {
        case 1: tile_1(o, ldo, start, x, lda1, p1, depth1, y, lda2, p2, depth2); break;
        case 2: tile_2(o, ldo, start, x, lda1, p1, depth1, y, lda2, p2, depth2); break;
        case 3: tile_3(o, ldo, start, x, lda1, p1, depth1, y, lda2, p2, depth2); break;
        case 4: tile_4(o, ldo, start, x, lda1, p1, depth1, y, lda2, p2, depth2); break;
        case 5: tile_5(o, ldo, start, x, lda1, p1, depth1, y, lda2, p2, depth2); break;
        default: tile_6(o, ldo, start, x, lda1, p1, depth1, y, lda2, p2, depth2); break;
        }
        done += m;
    }
}

/* Denormal numbers as zero while a call runs: they are many times slower. */
static unsigned flush(void) {
#if defined(__SSE__)
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040);
    return before;
#else
    return 0;
#endif
}
static void restore(unsigned before) {
#if defined(__SSE__)
    _mm_setcsr(before);
#else
    (void)before;
#endif
}

/* w [outputs of each gate][inputs] of some gates to panels [gate][panel][input][PANEL], transposed */
void biornn_pack(const float *w, float *packed, int gates, int size, int padded, int inputs) {
    for (int g = 0; g < gates; g++)
        for (int p = 0; p < padded; p += PANEL)
            for (int k = 0; k < inputs; k++)
                for (int j = 0; j < PANEL; j++)
                    *packed++ = p + j < size ? w[((size_t)g * size + p + j) * inputs + k] : 0;
}

/* w [gate][size][hidden], for products with gradients of (padded) gates: [panel][gate][padded][PANEL]
 */
void biornn_pack_back(const float *w, float *packed, int gates, int size, int padded) {
    for (int p = 0; p < padded; p += PANEL)
        for (int g = 0; g < gates; g++)
            for (int k = 0; k < padded; k++)
                for (int j = 0; j < PANEL; j++)
                    *packed++ = k < size && p + j < size
                                    ? w[((size_t)g * size + k) * size + p + j] : 0;
}

/* sum[column][gate] += sum over rows of seen[row][column] * d[row][gate], a product like that of a
 * BLAS: both are packed, `depth` rows at a time, so that the tiles run through the first cache */
#define DEPTH 128
static void sum_rows(float *sum, const float *seen, ptrdiff_t lds, int columns, const float *d,
                     ptrdiff_t ldd, int gates, int64_t rows, float *room) {
    float *packed = room + (size_t)(columns + 5) / 6 * 6 * DEPTH;
    for (int64_t first = 0; first < rows; first += DEPTH) {
        const int depth = (int)(rows - first < DEPTH ? rows - first : DEPTH);
        const float *s = seen + first * lds;
        float *to = room;
        for (int c = 0; c < columns; c += 6)
            for (int k = 0; k < depth; k++)
                for (int m = 0; m < 6; m++) *to++ = c + m < columns ? s[k * lds + c + m] : 0;
        for (int p = 0; p < gates; p += PANEL) {
            for (int k = 0; k < depth; k++) {
                const float *from = d + (first + k) * ldd + p;
                store(packed + k * PANEL, load(from));
                store(packed + k * PANEL + LANES, load(from + LANES));
            }
            for (int c = 0; c < columns; c += 6) {
                const float *a = room + (size_t)c * depth;
                float *out = sum + (size_t)c * gates + p;
                vec acc[6][2];
                _Pragma("GCC unroll 8") for (int m = 0; m < 6; m++) {
                    acc[m][0] = load(out + (size_t)m * gates);
                    acc[m][1] = load(out + (size_t)m * gates + LANES);
                }
                for (int k = 0; k < depth; k++) {
                    vec b0 = load(packed + k * PANEL), b1 = load(packed + k * PANEL + LANES);
                    _Pragma("GCC unroll 8") for (int m = 0; m < 6; m++) {
                        vec f = all(a[k * 6 + m]);
                        acc[m][0] += f * b0;
                        acc[m][1] += f * b1;
                    }
                }
                _Pragma("GCC unroll 8") for (int m = 0; m < 6; m++) {
                    store(out + (size_t)m * gates, acc[m][0]);
                    store(out + (size_t)m * gates + LANES, acc[m][1]);
                }
            }
        }
    }
}

typedef struct {
    int64_t rows, steps, inputs, size, padded, kind;
    /* kind: 0 tanh, 1 relu, 2 sigmoid, 3 LSTM, 4 LSTM with diagonal peepholes, 5 GRU */
    const float *x;                 /* [row][step][input], with these strides of row and step */
    int64_t x_row, x_step;
    const float *w_x, *w_h, *bias;  /* packed; the bias [gate][padded] */
    const float *w_back;            /* packed for the backward pass */
    const float *peephole;          /* [3][padded] */
    float *gates;                   /* [step][row][gate][padded], or NULL where nothing is kept */
    float *tanh_c;                  /* [step][row][padded] */
    float *hidden, *cells;          /* [step + 1][row][size]; the first step is the start */
    int64_t state_step;             /* stride of their steps */
    const float *grad_h;            /* [row][step][size] */
    int64_t gh_row, gh_step;
    const float *grad_c;            /* or NULL */
    int64_t gc_row, gc_step;
    float *d_gates;                 /* [step][row][gate][padded] */
    float *d_states;                /* of a GRU: the same for W_hh h + b_hh */
    float *seen;                    /* [step][row][size + inputs + 1]: state before, input, one */
    float *d_weights;               /* [size + inputs + 1, up to a multiple of 6][gate][padded] */
    float *d_state_weights;         /* of a GRU: the same of d_states */
    float *dh, *dc;                 /* [row][size], gradients of the start */
    float *d_peephole;              /* [3][padded] */
    float *norm_h, *norm_c;         /* [row][step], or NULL */
    float *scratch;                 /* of one thread */
} Job;

int64_t biornn_scratch(int64_t inputs, int64_t padded) {
    return ROWS * padded * 8 + DEPTH * (padded + inputs + 8 + PANEL);
}

static int gates_of(int64_t kind) { return kind < 3 ? 1 : 4; }

INLINE void copy_out(float *to, const float *from, int n) { memcpy(to, from, sizeof(float) * n); }

INLINE void lstm_forward_row(const Job *j, float *a, float *c, float *tc, float *h, int peephole) {
    const int P = j->padded;
    const float *w = j->peephole;
    for (int k = 0; k < P; k += LANES) {
        vec before = load(c + k), ai = load(a + k), af = load(a + P + k);
        vec ao = load(a + 3 * P + k), i, g, o, t;
        if (peephole) {
            ai += before * load(w + k);
            af += before * load(w + P + k);
        }
        vec f = sigmoid_(af);
        sigmoid_and_tanh(ai, load(a + 2 * P + k), &i, &g);
        vec now = f * before + i * g;
        if (peephole) ao += now * load(w + 2 * P + k);
        sigmoid_and_tanh(ao, now, &o, &t);
        store(a + k, i);
        store(a + P + k, f);
        store(a + 2 * P + k, g);
        store(a + 3 * P + k, o);
        store(c + k, now);
        store(tc + k, t);
        store(h + k, o * t);
    }
}

INLINE void gru_forward_row(const Job *j, float *a, float *h) {
    /* r, z, W_xn x + b_xn, W_hn h + b_hn */
    const int P = j->padded;
    for (int k = 0; k < P; k += LANES) {
        vec r = sigmoid_(load(a + k)), z = sigmoid_(load(a + P + k));
        vec n = tanh_(load(a + 2 * P + k) + r * load(a + 3 * P + k));
        vec before = load(h + k);
        store(a + k, r);
        store(a + P + k, z);
        store(a + 2 * P + k, n);
        store(h + k, n + z * (before - n));
    }
}

INLINE void rnn_forward_row(const Job *j, float *a, float *h) {
    for (int k = 0; k < j->padded; k += LANES) {
        vec x = load(a + k);
        vec y = j->kind == 0 ? tanh_(x) : j->kind == 1 ? at_least(x, 0) : sigmoid_(x);
        store(a + k, y);
        store(h + k, y);
    }
}

/* All steps, from the first to the last. */
void biornn_forward(const Job *job) {
    const Job j = *job;
    const int P = j.padded, H = j.size, G = gates_of(j.kind), I = j.inputs, rows = j.rows;
    const int lstm = j.kind == 3 || j.kind == 4, gru = j.kind == 5;
    const unsigned mode = flush();
    float *h = j.scratch, *c = h + ROWS * P, *tc = c + ROWS * P, *own = tc + ROWS * P;
    memset(h, 0, sizeof(float) * 2 * ROWS * P);
    for (int m = 0; m < rows; m++) {
        copy_out(h + m * P, j.hidden + m * H, H);
        if (lstm) copy_out(c + m * P, j.cells + m * H, H);
    }
    for (int64_t t = 0; t < j.steps; t++) {
        float *a = j.gates ? j.gates + t * rows * G * P : own;
        float *tanh_c = j.tanh_c ? j.tanh_c + t * rows * P : tc;
        const float *x = j.x + t * j.x_step;
        for (int g = 0; g < G; g++)
            for (int p = 0; p < P; p += PANEL) {
                const size_t column = (size_t)g * P + p;
                /* of a GRU's candidate the parts of input and state are kept apart */
                const int from_x = gru && g == 3 ? 0 : I, from_h = gru && g == 2 ? 0 : H;
                const size_t state_gate = (size_t)(gru && g == 3 ? 2 : g) * P + p;
                panel(a + column, (ptrdiff_t)G * P, j.bias + column, x, j.x_row,
                      from_x ? j.w_x + column * I : j.w_x, from_x, h, P,
                      from_h ? j.w_h + state_gate * H : j.w_h, from_h, rows);
            }
        for (int m = 0; m < rows; m++) {
            float *am = a + (size_t)m * G * P, *hm = h + m * P;
            if (j.kind == 3) lstm_forward_row(&j, am, c + m * P, tanh_c + m * P, hm, 0);
            else if (j.kind == 4) lstm_forward_row(&j, am, c + m * P, tanh_c + m * P, hm, 1);
            else if (gru) gru_forward_row(&j, am, hm);
            else rnn_forward_row(&j, am, hm);
            copy_out(j.hidden + (t + 1) * j.state_step + m * H, hm, H);
            if (lstm) copy_out(j.cells + (t + 1) * j.state_step + m * H, c + m * P, H);
        }
    }
    restore(mode);
}

INLINE float norm(const float *x, int n) {
    double sum = 0;
    for (int k = 0; k < n; k++) sum += (double)x[k] * x[k];
    return (float)sqrt(sum);
}

INLINE void lstm_backward_row(const Job *j, const float *a, const float *tc, const float *c,
                              float *dh, float *dc, float *da, float *dw, float *norm_c,
                              int peephole) {
    const int P = j->padded;
    const float *w = j->peephole;
    for (int k = 0; k < P; k += LANES) {
        vec i = load(a + k), f = load(a + P + k), g = load(a + 2 * P + k), o = load(a + 3 * P + k);
        vec t = load(tc + k), before = load(c + k), d = load(dh + k), e = load(dc + k);
        vec da_o = d * t * (o - o * o);
        e += d * o * (1.0f - t * t);
        if (peephole) {
            /* the cell after the step, from its parts: it is not kept in padded form */
            vec now = f * before + i * g;
            e += load(w + 2 * P + k) * da_o;
            store(dw + 2 * P + k, load(dw + 2 * P + k) + da_o * now);
        }
        vec da_i = e * g * (i - i * i), da_f = e * before * (f - f * f);
        vec da_g = e * i * (1.0f - g * g);
        store(da + k, da_i);
        store(da + P + k, da_f);
        store(da + 2 * P + k, da_g);
        store(da + 3 * P + k, da_o);
        if (norm_c) store(dh + k, e); /* dh is free until the product */
        e *= f;
        if (peephole) {
            e += load(w + k) * da_i + load(w + P + k) * da_f;
            store(dw + k, load(dw + k) + da_i * before);
            store(dw + P + k, load(dw + P + k) + da_f * before);
        }
        store(dc + k, e);
    }
    if (norm_c) *norm_c = norm(dh, j->size);
}

INLINE void gru_backward_row(const Job *j, const float *a, const float *h, float *dh, float *da,
                             float *ds, float *rest) {
    const int P = j->padded;
    for (int k = 0; k < P; k += LANES) {
        vec r = load(a + k), z = load(a + P + k), n = load(a + 2 * P + k), s = load(a + 3 * P + k);
        vec before = load(h + k), d = load(dh + k);
        vec da_z = d * (before - n) * (z - z * z);
        vec da_n = d * (1.0f - z) * (1.0f - n * n);
        vec da_r = da_n * s * (r - r * r);
        store(da + k, da_r);
        store(da + P + k, da_z);
        store(da + 2 * P + k, da_n);
        store(ds + k, da_r);
        store(ds + P + k, da_z);
        store(ds + 2 * P + k, da_n * r);
        store(rest + k, d * z);
    }
}

INLINE void rnn_backward_row(const Job *j, const float *a, const float *dh, float *da) {
    for (int k = 0; k < j->padded; k += LANES) {
        vec y = load(a + k), d = load(dh + k);
        vec slope = j->kind == 0 ? 1.0f - y * y
                    : j->kind == 1 ? choose(y > 0, all(1.0f), all(0)) : y - y * y;
        store(da + k, d * slope);
    }
}

/* All steps, from the last to the first. */
void biornn_backward(const Job *job) {
    const Job j = *job;
    const int P = j.padded, H = j.size, G = gates_of(j.kind), I = j.inputs, rows = j.rows;
    const int lstm = j.kind == 3 || j.kind == 4, gru = j.kind == 5, D = gru ? 3 : G;
    const unsigned mode = flush();
    float *dh = j.scratch, *dc = dh + ROWS * P, *rest = dc + ROWS * P, *before = rest + ROWS * P;
    memset(j.scratch, 0, sizeof(float) * (3 * ROWS * P + P));
    if (j.d_peephole) memset(j.d_peephole, 0, sizeof(float) * 3 * P);
    const int columns = H + I + 1, steps_at_once = (DEPTH + rows - 1) / rows;
    const size_t sums = (size_t)(columns + 5) / 6 * 6 * D * P;
    memset(j.d_weights, 0, sizeof(float) * sums);
    if (gru) memset(j.d_state_weights, 0, sizeof(float) * sums);
    for (int64_t t = j.steps - 1; t >= 0; t--) {
        float *da = j.d_gates + t * rows * D * P, *ds = gru ? j.d_states + t * rows * D * P : da;
        for (int m = 0; m < rows; m++) {
            float *d = dh + m * P, *e = dc + m * P;
            float *seen = j.seen + (t * rows + m) * (H + I + 1);
            const float *gh = j.grad_h + m * j.gh_row + t * j.gh_step;
            const float *h = j.hidden + t * j.state_step + m * H;
            for (int k = 0; k < H; k++) d[k] += gh[k];
            if (j.norm_h) j.norm_h[m * j.steps + t] = norm(d, H);
            copy_out(seen, h, H);
            copy_out(seen + H, j.x + m * j.x_row + t * j.x_step, I);
            seen[H + I] = 1;
            const float *a = j.gates + (t * rows + m) * G * P;
            float *dam = da + (size_t)m * D * P;
            if (lstm) {
                if (j.grad_c) {
                    const float *gc = j.grad_c + m * j.gc_row + t * j.gc_step;
                    for (int k = 0; k < H; k++) e[k] += gc[k];
                }
                copy_out(before, j.cells + t * j.state_step + m * H, H);
                const float *tc = j.tanh_c + (t * rows + m) * P;
                float *nc = j.norm_c ? j.norm_c + m * j.steps + t : NULL;
                if (j.kind == 4)
                    lstm_backward_row(&j, a, tc, before, d, e, dam, j.d_peephole, nc, 1);
                else lstm_backward_row(&j, a, tc, before, d, e, dam, NULL, nc, 0);
            } else if (gru) {
                copy_out(before, h, H);
                gru_backward_row(&j, a, before, d, dam, ds + (size_t)m * D * P, rest + m * P);
            } else rnn_backward_row(&j, a, d, dam);
        }
        for (int p = 0; p < P; p += PANEL)
            panel(dh + p, P, NULL, ds, (ptrdiff_t)D * P, j.w_back + (size_t)p * D * P, D * P, ds,
                  0, j.w_back, 0, rows);
        if (gru)
            for (int k = 0; k < rows * P; k += LANES)
                store(dh + k, load(dh + k) + load(rest + k));
        if (t % steps_at_once == 0) { /* while these steps are still in the cache */
            const int64_t left = j.steps - t, n = (left < steps_at_once ? left : steps_at_once);
            const float *seen = j.seen + t * rows * columns;
            sum_rows(j.d_weights, seen, columns, columns, da, (ptrdiff_t)D * P, D * P, n * rows,
                     j.scratch + 4 * ROWS * P);
            if (gru)
                sum_rows(j.d_state_weights, seen, columns, columns, ds, (ptrdiff_t)D * P, D * P,
                         n * rows, j.scratch + 4 * ROWS * P);
        }
    }
    for (int m = 0; m < rows; m++) {
        copy_out(j.dh + m * H, dh + m * P, H);
        if (lstm) copy_out(j.dc + m * H, dc + m * P, H);
    }
    restore(mode);
}
