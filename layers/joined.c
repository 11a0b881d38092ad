/* The passes of float32 kernels, joined: one pass over the cache for many operations of NumPy.

   Each function does the float64 operations of the NumPy kernel that it stands for, in the same
   order, so that every result has the same bits. The exponential stays NumPy's. Elements that need
   more than this are not computed here: their places are written to `rare`, and counted.

   `joined.py` says when these are called. Fused multiply-adds would change bits; the build forbids
   them.
*/
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* One machine code for each width of the processor's registers, chosen when the module is loaded. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define EACH_WIDTH __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define EACH_WIDTH
#endif

/* The elements between two looks for rare ones. */
#define CHUNK 64

/* Constants of the NumPy kernels, by the same names. */
static const double STEEP = 0.25 - 0x1p-34, STRAIGHT = 3 * 0x1p-17;
static const double SHALLOW = 20.5, CLOSE = 0x1p-8, ROUNDING = 1.5 * 0x1p40;
static const double KAPPA = 0.3989422804014327, ROOT = 0.7517915246935645;
static const uint64_t SIGN = UINT64_C(1) << 63;

static inline uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline double of_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Whether `NearTies` of near_ties.py may move the value: it lies within two float64 numbers of the
   middle of two float32 numbers, or is subnormal in float32. */
static inline int is_beside_tie(double value) {
    const int64_t edge = INT64_MAX - (INT64_C(2) << 35) + 1;
    int64_t dropped = (int64_t)(bits_of(value) << 35);
    return dropped >= edge || dropped <= -edge || fabs(value) < 0x1p-126;
}

/* min(|x|, SHALLOW); nan gives SHALLOW or nan. */
static inline double depth(double x) {
    double z = fabs(x);
    return z > SHALLOW ? SHALLOW : z;
}

/* dx = dout·slope. */
EACH_WIDTH
static Py_ssize_t multiply(Py_ssize_t n, const Py_buffer *views) {
    const float *restrict dout = views[0].buf;
    const double *restrict slope = views[1].buf;
    float *restrict dx = views[2].buf;
    for (Py_ssize_t i = 0; i < n; i++)
        dx[i] = (float)(dout[i] * slope[i]);
    return 0;
}

/* out = t/(1 + t) and its slope, where t = exp(x); rare are x next to 0 whose results are beside
   ties, and those for which t overflows. */
EACH_WIDTH
static Py_ssize_t sigmoid(Py_ssize_t n, const Py_buffer *views) {
    const float *restrict x = views[0].buf;
    const double *restrict t = views[1].buf;
    float *restrict out = views[2].buf;
    double *restrict slope = views[3].buf;
    int64_t *restrict rare = views[4].buf;
    Py_ssize_t count = 0;
    for (Py_ssize_t start = 0; start < n; start += CHUNK) {
        Py_ssize_t end = n - start < CHUNK ? n : start + CHUNK;
        int any = 0;
        for (Py_ssize_t i = start; i < end; i++) {
            double rest = 1 / (t[i] + 1), y = t[i] * rest;
            out[i] = (float)y;
            slope[i] = y * rest;
            any |= !(slope[i] < STEEP) & (x[i] != 0);
        }
        for (Py_ssize_t i = any ? start : end; i < end; i++)
            if (!(slope[i] < STEEP) && x[i] != 0) {
                double y = t[i] * (1 / (t[i] + 1));
                if (y != y || is_beside_tie(y) || is_beside_tie(slope[i]))
                    rare[count++] = i;
            }
    }
    return count;
}

/* e = −z²/2 for z = min(|x|, SHALLOW). */
EACH_WIDTH
static Py_ssize_t gelu_exponent(Py_ssize_t n, const Py_buffer *views) {
    const float *restrict x = views[0].buf;
    double *restrict e = views[1].buf;
    for (Py_ssize_t i = 0; i < n; i++) {
        double z = depth(x[i]);
        e[i] = (z * -0.5) * z;
    }
    return 0;
}

/* out = x·Φ(x) and its slope, where e = exp(−z²/2), as `short_gelu` in activations/normal.py; rare
   are nan, and x next to 0 whose results are beside ties. `fine` is the table of R, and `root` are
   the coefficients of G. */
EACH_WIDTH
static Py_ssize_t gelu(Py_ssize_t n, const Py_buffer *views) {
    const float *restrict x = views[0].buf;
    const double *restrict e = views[1].buf;
    float *restrict out = views[2].buf;
    double *restrict slope = views[3].buf;
    int64_t *restrict rare = views[4].buf;
    const double *restrict fine = views[5].buf;
    const double *restrict root = views[6].buf;
    const int64_t last = views[5].len / (Py_ssize_t)sizeof(double) - 1;
    const Py_ssize_t terms = views[6].len / (Py_ssize_t)sizeof(double);
    double shifted[CHUNK], table[CHUNK], value[CHUNK];
    /* Whether an element needs more than these operations: no branch asks for the sign of x, which
       no processor predicts. */
    uint64_t special[CHUNK];
    Py_ssize_t count = 0;
    for (Py_ssize_t start = 0; start < n; start += CHUNK) {
        Py_ssize_t length = n - start < CHUNK ? n - start : CHUNK;
        /* Loops of their own, because one that reads a table is not made of wide operations. */
        for (Py_ssize_t i = 0; i < length; i++)
            shifted[i] = depth(x[start + i]) + ROUNDING;
        for (Py_ssize_t i = 0; i < length; i++) {
            int64_t number = (int64_t)(bits_of(shifted[i]) & UINT32_MAX);
            table[i] = fine[number > last ? last : number];
        }
        uint64_t any = 0;
        for (Py_ssize_t i = 0; i < length; i++) {
            double v = x[start + i], z = depth(v), c = shifted[i] - ROUNDING, step = z - c;
            double r = table[i], rise = c * r - KAPPA, bend = ((c * rise + r) * 0.5) * step;
            double change = (bend + rise) * step, g = (r - z * KAPPA) + change;
            double positive = v >= 0 ? v : -0.0, decay = e[start + i];
            uint64_t sign = bits_of(v) & SIGN;
            value[i] = positive - ((r + change) * decay) * z;
            out[start + i] = (float)value[i];
            slope[start + i] = (sign ? 0.0 : 1.0) - of_bits(bits_of(g * decay) ^ sign);
            special[i] = ((fabs(g) < CLOSE) & (v < 0)) | ((fabs(v) < STRAIGHT) & (v != 0)) | (v != v);
            any |= special[i];
        }
        for (Py_ssize_t i = any ? 0 : length; i < length; i++) {
            if (!special[i])
                continue;
            double v = x[start + i], g = 0;
            if (v != v || fabs(v) < STRAIGHT) {
                if (v != v || is_beside_tie(value[i]) || is_beside_tie(slope[start + i]))
                    rare[count++] = start + i;
                continue;
            }
            for (Py_ssize_t k = 0; k < terms; k++)
                g = g * (-v - ROOT) + root[k];
            slope[start + i] = g * e[start + i];
        }
    }
    return count;
}

/* A function and its arguments: a format of the buffer protocol for each. Those before `|` have
   the length of the first; those from `read` on are only read. */
typedef struct {
    Py_ssize_t (*run)(Py_ssize_t, const Py_buffer *);
    const char *formats;
    Py_ssize_t written, read;
} Pass;

enum { MOST = 8 };

static PyObject *call(Pass pass, PyObject *const *arguments, Py_ssize_t given) {
    Py_buffer views[MOST];
    Py_ssize_t count = (Py_ssize_t)strlen(pass.formats), taken = 0, rare = 0, n = 0;
    if (given != count) {
        PyErr_Format(PyExc_TypeError, "%zd arguments in place of %zd", given, count);
        return NULL;
    }
    for (; taken < count; taken++) {
        int is_written = taken >= pass.written && taken < pass.read;
        int flags = PyBUF_ND | PyBUF_FORMAT | (is_written ? PyBUF_WRITABLE : 0);
        if (PyObject_GetBuffer(arguments[taken], &views[taken], flags))
            break;
        Py_ssize_t length = views[taken].len / views[taken].itemsize;
        n = taken ? n : length;
        if (strcmp(views[taken].format, (char[]){pass.formats[taken], 0}) != 0 ||
            (length != n && taken < pass.read)) {
            PyErr_Format(PyExc_ValueError, "argument %zd has another dtype or length", taken);
            PyBuffer_Release(&views[taken]);
            break;
        }
    }
    if (taken == count) {
        Py_BEGIN_ALLOW_THREADS
        rare = pass.run(n, views);
        Py_END_ALLOW_THREADS
    }
    for (Py_ssize_t i = 0; i < taken; i++)
        PyBuffer_Release(&views[i]);
    return taken == count ? PyLong_FromSsize_t(rare) : NULL;
}

#define METHOD(name, formats, written, read)                                                      \
    static PyObject *call_##name(PyObject *self, PyObject *const *arguments, Py_ssize_t given) {  \
        return call((Pass){name, formats, written, read}, arguments, given);                      \
    }
METHOD(multiply, "fdf", 2, 3)
METHOD(sigmoid, "fdfdl", 2, 5)
METHOD(gelu_exponent, "fd", 1, 2)
METHOD(gelu, "fdfdldd", 2, 5)

#define ENTRY(name) {#name, (PyCFunction)(void (*)(void))call_##name, METH_FASTCALL, NULL}
static PyMethodDef methods[] = {
    ENTRY(multiply), ENTRY(sigmoid), ENTRY(gelu_exponent), ENTRY(gelu), {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_joined", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__joined(void) { return PyModuleDef_Init(&module); }
