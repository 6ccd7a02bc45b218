// Number-theoretic transforms of columns: interpolation, evaluation on cosets, low-degree extension.
//
// One network serves both directions: natural order in, bit-reversed order out. It splits f mod (X^n - s^2) into
// f mod (X^(n/2) - s) and f mod (X^(n/2) + s), so all butterflies of a block share one twiddle, and block j of every
// layer uses entry j of the table of bit-reversed roots. With inverse roots, values in natural order become coefficients
// in bit-reversed order.
#include <algorithm>

#include "export.hpp"
#include "field/packed.hpp"
#include "field/roots.hpp"
#include "parallel.hpp"
#include "scratch.hpp"

namespace {

using namespace hm;

using u64 = std::uint64_t;
using std::size_t;

constexpr size_t kLanes = Packed::kLanes;
constexpr unsigned kLogLanes = kLanes == 8 ? 3 : kLanes == 4 ? 2 : 0;

// Sub-transforms of 2^12 elements stay in the first-level cache, of 2^17 in the second-level cache.
constexpr unsigned kLogFirstLevel = 12;
constexpr unsigned kLogSecondLevel = 17;
// Layers done in one pass over memory, on strips of 2^6 elements of every row.
constexpr unsigned kPassLayers = 5;
constexpr unsigned kLogStrip = 6;
// Blocks for which vectors would be partly filled are done one element at a time.
constexpr unsigned kLogSmallest = 2 * kLogLanes + 1;

template <unsigned bits>
Packed shifted(Packed x) {
    return {mul_power_of_two<bits>(x.v)};
}

inline void butterfly(Packed& a, Packed& b) {
    const Packed sum = a + b;
    b = a - b;
    a = sum;
}

// (a, b) -> (a - b, a + b): a butterfly whose twiddle is negated.
inline void butterfly_negated(Packed& a, Packed& b) {
    const Packed difference = a - b;
    b = a + b;
    a = difference;
}

// The transform of 8 elements with block index 0. Its twiddles are powers of two: w_4 = 2^48, w_8 = -2^24, and for the
// inverse roots w_4 = -2^48, w_8 = 2^72.
template <bool inverse>
inline void transform8(Packed (&x)[8]) {
    for (int i = 0; i < 4; ++i) butterfly(x[i], x[i + 4]);
    butterfly(x[0], x[2]);
    butterfly(x[1], x[3]);
    x[6] = shifted<48>(x[6]);
    x[7] = shifted<48>(x[7]);
    if constexpr (inverse) {
        butterfly_negated(x[4], x[6]);
        butterfly_negated(x[5], x[7]);
    } else {
        butterfly(x[4], x[6]);
        butterfly(x[5], x[7]);
    }
    butterfly(x[0], x[1]);
    x[3] = shifted<48>(x[3]);
    if constexpr (inverse) {
        butterfly_negated(x[2], x[3]);
        x[5] = shifted<72>(x[5]);
        x[7] = shifted<24>(x[7]);
        butterfly(x[4], x[5]);
        butterfly(x[6], x[7]);
    } else {
        butterfly(x[2], x[3]);
        x[5] = shifted<24>(x[5]);
        x[7] = shifted<72>(x[7]);
        butterfly_negated(x[4], x[5]);
        butterfly_negated(x[6], x[7]);
    }
}

// Three layers of the block at x of 8 * stride elements, block index j: with t = R[4 j], t^2 = R[2 j] and t^4 = R[j],
// element k times t^k makes it a block of index 0.
template <bool inverse>
void three_layers(u64* x, size_t stride, size_t j, const u64* roots) {
    const Fp t1(roots[4 * j]);
    const Fp t2(roots[2 * j]);
    const Fp t4(roots[j]);
    const Fp t3 = t1 * t2;
    const Packed twiddle[8] = {Packed::broadcast(Fp(1)),  Packed::broadcast(t1),      Packed::broadcast(t2),
                               Packed::broadcast(t3),     Packed::broadcast(t4),      Packed::broadcast(t4 * t1),
                               Packed::broadcast(t4 * t2), Packed::broadcast(t4 * t3)};
    for (size_t i = 0; i < stride; i += kLanes) {
        Packed v[8];
        v[0] = Packed::load(x + i);
        if (j == 0) {
            for (size_t k = 1; k < 8; ++k) v[k] = Packed::load(x + i + k * stride);
        } else {
            for (size_t k = 1; k < 8; ++k) v[k] = Packed::load(x + i + k * stride) * twiddle[k];
        }
        transform8<inverse>(v);
        for (size_t k = 0; k < 8; ++k) v[k].store(x + i + k * stride);
    }
}

void two_layers(u64* x, size_t stride, size_t j, const u64* roots) {
    const Packed t1 = Packed::broadcast(roots[j]);
    const Packed t2 = Packed::broadcast(roots[2 * j]);
    const Packed t3 = Packed::broadcast(roots[2 * j + 1]);
    for (size_t i = 0; i < stride; i += kLanes) {
        Packed v0 = Packed::load(x + i);
        Packed v1 = Packed::load(x + i + stride);
        Packed v2 = Packed::load(x + i + 2 * stride) * t1;
        Packed v3 = Packed::load(x + i + 3 * stride) * t1;
        butterfly(v0, v2);
        butterfly(v1, v3);
        v1 *= t2;
        v3 *= t3;
        butterfly(v0, v1);
        butterfly(v2, v3);
        v0.store(x + i);
        v1.store(x + i + stride);
        v2.store(x + i + 2 * stride);
        v3.store(x + i + 3 * stride);
    }
}

void one_layer(u64* x, size_t stride, size_t j, const u64* roots) {
    const Packed t = Packed::broadcast(roots[j]);
    for (size_t i = 0; i < stride; i += kLanes) {
        Packed a = Packed::load(x + i);
        Packed b = Packed::load(x + i + stride) * t;
        butterfly(a, b);
        a.store(x + i);
        b.store(x + i + stride);
    }
}

// The first `layers` layers of the block of 2^log_size elements with index j; rows of at least kLanes stay together.
template <bool inverse>
void first_layers(u64* x, unsigned log_size, size_t j, unsigned layers, const u64* roots) {
    unsigned done = 0;
    while (done < layers) {
        const unsigned left = layers - done;
        const unsigned step = left == 4 || left == 2 ? 2 : left == 1 ? 1 : 3;
        const size_t block = size_t{1} << (log_size - done);
        for (size_t k = 0; k < size_t{1} << done; ++k) {
            u64* const start = x + k * block;
            const size_t index = (j << done) + k;
            if (step == 3) {
                three_layers<inverse>(start, block >> 3, index, roots);
            } else if (step == 2) {
                two_layers(start, block >> 2, index, roots);
            } else {
                one_layer(start, block >> 1, index, roots);
            }
        }
        done += step;
    }
}

// Lane r of w[q] becomes the number at place (r << layer) + q of the 2^layer vectors w.
template <unsigned layer>
inline void spread(Vector (&w)[1 << layer]) {
    if constexpr (layer == 1) {
        deinterleave(w[0], w[1]);
    } else if constexpr (layer == 2) {
        deinterleave(w[0], w[1]);
        deinterleave(w[2], w[3]);
        deinterleave(w[0], w[2]);
        deinterleave(w[1], w[3]);
    }
}

template <unsigned layer, size_t lanes>
inline void lane_layer(Vector (&v)[lanes], size_t index, const u64* roots) {
    Vector twiddles[1 << layer];
    for (size_t q = 0; q < size_t{1} << layer; ++q)
        twiddles[q] = vector_load(roots + (index << layer) + q * lanes);
    spread<layer>(twiddles);
    constexpr size_t half = lanes >> (layer + 1);
    for (size_t q = 0; q < size_t{1} << layer; ++q) {
        for (size_t i = 2 * q * half; i < (2 * q + 1) * half; ++i) {
            Packed a{v[i]};
            Packed b = Packed{v[i + half]} * Packed{twiddles[q]};
            butterfly(a, b);
            v[i] = a.v;
            v[i + half] = b.v;
        }
    }
}

// The last log2(lanes) layers of 2^log_size elements: `lanes` neighbouring blocks of `lanes` elements are transposed, so
// that a lane is a block.
template <size_t lanes, unsigned log_lanes>
void last_layers(u64* x, unsigned log_size, size_t j, const u64* roots) {
    if constexpr (lanes > 1) {
        const size_t count = size_t{1} << (log_size - log_lanes);
        for (size_t block = 0; block < count; block += lanes, x += lanes * lanes) {
            const size_t index = (j << (log_size - log_lanes)) + block;
            Vector v[lanes];
            for (size_t r = 0; r < lanes; ++r) v[r] = vector_load(x + lanes * r);
            transpose(v);
            lane_layer<0>(v, index, roots);
            lane_layer<1>(v, index, roots);
            if constexpr (lanes == 8) lane_layer<2>(v, index, roots);
            transpose(v);
            for (size_t r = 0; r < lanes; ++r) vector_store(x + lanes * r, v[r]);
        }
    }
}

void small_transform(u64* x, unsigned log_size, size_t j, const u64* roots) {
    for (unsigned layer = 0; layer < log_size; ++layer) {
        const size_t half = size_t{1} << (log_size - 1 - layer);
        for (size_t k = 0; k < size_t{1} << layer; ++k) {
            const Fp t(roots[(j << layer) + k]);
            u64* const block = x + 2 * k * half;
            for (size_t i = 0; i < half; ++i) {
                const Fp a(block[i]);
                const Fp b = Fp(block[i + half]) * t;
                block[i] = (a + b).value;
                block[i + half] = (a - b).value;
            }
        }
    }
}

// The first `layers` layers from source to target (which may be the same), strip by strip through a small buffer: the
// rows lie a power of two apart and would evict each other from the cache.
template <bool inverse>
void strip_pass(const u64* source, u64* target, unsigned log_size, size_t j, unsigned layers, const u64* roots) {
    alignas(64) u64 buffer[size_t{1} << (kPassLayers + kLogStrip)];
    const size_t row = size_t{1} << (log_size - layers);
    const size_t rows = size_t{1} << layers;
    constexpr size_t strip = size_t{1} << kLogStrip;
    for (size_t at = 0; at < row; at += strip) {
        for (size_t r = 0; r < rows; ++r) std::copy_n(source + r * row + at, strip, buffer + r * strip);
        first_layers<inverse>(buffer, layers + kLogStrip, j, layers, roots);
        for (size_t r = 0; r < rows; ++r) std::copy_n(buffer + r * strip, strip, target + r * row + at);
    }
}

// The transform of the block of 2^log_size elements with index j, from source to target (which may be the same).
template <bool inverse>
void transform(const u64* source, u64* target, unsigned log_size, size_t j, const u64* roots) {
    if (log_size <= kLogFirstLevel) {
        if (source != target) std::copy_n(source, size_t{1} << log_size, target);
        if (log_size < kLogSmallest) {
            small_transform(target, log_size, j, roots);
        } else {
            first_layers<inverse>(target, log_size, j, log_size - kLogLanes, roots);
            last_layers<kLanes, kLogLanes>(target, log_size, j, roots);
        }
        return;
    }
    const unsigned inner = log_size > kLogSecondLevel ? kLogSecondLevel : kLogFirstLevel;
    const unsigned layers = std::min(kPassLayers, log_size - inner);
    strip_pass<inverse>(source, target, log_size, j, layers, roots);
    const size_t part = size_t{1} << (log_size - layers);
    for (size_t k = 0; k < size_t{1} << layers; ++k)
        transform<inverse>(target + k * part, target + k * part, log_size - layers, (j << layers) + k, roots);
}

// factor * base^i for i in [0, count).
void fill_powers(u64* powers, size_t count, Fp base, Fp factor) {
    Fp power = factor;
    for (size_t i = 0; i < count; ++i, power *= base) powers[i] = power.value;
}

constexpr unsigned kLogTile = 5;

// target[i] = source[reversed i] * factor * base^i, tile by tile so that both sides use whole cache lines.
void reverse_and_scale(const u64* source, u64* target, unsigned log_size, Fp base, Fp factor) {
    const size_t size = size_t{1} << log_size;
    if (log_size < 2 * kLogTile) {
        Fp power = factor;
        for (size_t i = 0; i < size; ++i, power *= base)
            target[i] = (Fp(source[reverse_bits(i, log_size)]) * power).value;
        return;
    }
    constexpr size_t tile = size_t{1} << kLogTile;
    const unsigned log_middle = log_size - 2 * kLogTile;
    const size_t stride = size >> kLogTile;
    alignas(64) u64 inner[tile];
    u64 outer[tile];
    fill_powers(inner, tile, base, Fp(1));
    fill_powers(outer, tile, base.pow(stride), factor);
    size_t reversed[tile];
    for (size_t i = 0; i < tile; ++i) reversed[i] = reverse_bits(i, kLogTile);
    const auto middle = make_scratch(size_t{1} << log_middle);
    fill_powers(middle.get(), size_t{1} << log_middle, base.pow(tile), Fp(1));
    alignas(64) u64 buffer[tile][tile];
    for (size_t m = 0; m < size_t{1} << log_middle; ++m) {
        const size_t m_reversed = reverse_bits(m, log_middle);
        for (size_t a = 0; a < tile; ++a) {
            const u64* const line = source + a * stride + m * tile;
            for (size_t b = 0; b < tile; ++b) buffer[b][reversed[a]] = line[b];
        }
        for (size_t b = 0; b < tile; ++b) {
            const size_t row = reversed[b];
            const Packed scale = Packed::broadcast(Fp(outer[row]) * Fp(middle[m_reversed]));
            u64* const line = target + row * stride + m_reversed * tile;
            for (size_t i = 0; i < tile; i += kLanes)
                (Packed::load(buffer[b] + i) * (Packed::load(inner + i) * scale)).store(line + i);
        }
    }
}

// target[i] = source[i] * base^i.
void scale_by_powers(const u64* source, u64* target, size_t size, Fp base) {
    if (size < kLanes) {
        Fp power(1);
        for (size_t i = 0; i < size; ++i, power *= base) target[i] = (Fp(source[i]) * power).value;
        return;
    }
    u64 first[kLanes];
    fill_powers(first, kLanes, base, Fp(1));
    Packed power = Packed::load(first);
    const Packed step = Packed::broadcast(base.pow(kLanes));
    for (size_t i = 0; i < size; i += kLanes, power *= step) (Packed::load(source + i) * power).store(target + i);
}

// Columns that are worked on together: enough for every thread, few enough to keep the scratch small.
size_t group_size(size_t columns) { return std::min(columns, 2 * thread_count()); }

// Evaluates `columns` scaled coefficient columns on all 2^log_blowup blocks of the domain.
void evaluate_blocks(const u64* coefficients, u64* out, size_t columns, unsigned log_size, unsigned log_blowup) {
    const size_t size = size_t{1} << log_size;
    const size_t blocks = size_t{1} << log_blowup;
    const u64* const roots = bit_reversed_roots(std::max(log_size + log_blowup, 1u) - 1, false);
    parallel_for(columns * blocks, 1, [=](size_t begin, size_t end) {
        for (size_t unit = begin; unit < end; ++unit)
            transform<false>(coefficients + (unit >> log_blowup) * size, out + unit * size, log_size,
                             unit & (blocks - 1), roots);
    });
}

}  // namespace

// (columns, n) values on <w_n> in natural order -> (columns, n << log_blowup) on shift * <w>, bit-reversed.
extern "C" HM_EXPORT void HM_NAME(hm_lde)(const u64* values, u64* out, size_t columns, unsigned log_size,
                                         unsigned log_blowup, u64 shift) {
    const size_t size = size_t{1} << log_size;
    const size_t group = group_size(columns);
    const auto scratch = make_scratch(2 * group * size);
    u64* const transformed = scratch.get();
    u64* const coefficients = transformed + group * size;
    const u64* const roots = bit_reversed_roots(std::max(log_size, 1u) - 1, true);
    const Fp factor = half_power(log_size);
    for (size_t first = 0; first < columns; first += group) {
        const size_t count = std::min(group, columns - first);
        parallel_for(count, 1, [=](size_t begin, size_t end) {
            for (size_t i = begin; i < end; ++i) {
                transform<true>(values + (first + i) * size, transformed + i * size, log_size, 0, roots);
                reverse_and_scale(transformed + i * size, coefficients + i * size, log_size, Fp(shift), factor);
            }
        });
        evaluate_blocks(coefficients, out + (first << (log_size + log_blowup)), count, log_size, log_blowup);
    }
}

// (columns, n) coefficients -> (columns, n << log_blowup) values on shift * <w>, bit-reversed.
extern "C" HM_EXPORT void HM_NAME(hm_coset_evaluate)(const u64* coefficients, u64* out, size_t columns,
                                                    unsigned log_size, unsigned log_blowup, u64 shift) {
    const size_t size = size_t{1} << log_size;
    if (shift == 1) {
        evaluate_blocks(coefficients, out, columns, log_size, log_blowup);
        return;
    }
    const size_t group = group_size(columns);
    const auto scratch = make_scratch(group * size);
    u64* const scaled = scratch.get();
    for (size_t first = 0; first < columns; first += group) {
        const size_t count = std::min(group, columns - first);
        parallel_for(count, 1, [=](size_t begin, size_t end) {
            for (size_t i = begin; i < end; ++i)
                scale_by_powers(coefficients + (first + i) * size, scaled + i * size, size, Fp(shift));
        });
        evaluate_blocks(scaled, out + (first << (log_size + log_blowup)), count, log_size, log_blowup);
    }
}

// (columns, n) values on shift * <w_n>, bit-reversed -> (columns, n) coefficients.
extern "C" HM_EXPORT void HM_NAME(hm_coset_interpolate)(const u64* values, u64* out, size_t columns, unsigned log_size,
                                                       u64 shift) {
    const size_t size = size_t{1} << log_size;
    const u64* const roots = bit_reversed_roots(std::max(log_size, 1u) - 1, true);
    const Fp base = Fp(shift).inverse();
    const Fp factor = half_power(log_size);
    parallel_for(columns, 1, [=](size_t begin, size_t end) {
        const auto natural = make_scratch(size);
        for (size_t i = begin; i < end; ++i) {
            reverse_and_scale(values + i * size, natural.get(), log_size, Fp(1), Fp(1));
            transform<true>(natural.get(), natural.get(), log_size, 0, roots);
            reverse_and_scale(natural.get(), out + i * size, log_size, base, factor);
        }
    });
}
