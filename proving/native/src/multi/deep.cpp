// Openings at extension points, linear combinations of columns and DEEP quotients.
#include <algorithm>
#include <vector>

#include "export.hpp"
#include "field/domain.hpp"
#include "field/roots.hpp"
#include "field/wide.hpp"
#include "parallel.hpp"
#include "scratch.hpp"

namespace {

using namespace hm;

using u64 = std::uint64_t;
using std::size_t;

constexpr size_t kLanes = Packed::kLanes;
// Rows of one piece of work: the arrays of a piece stay in the first-level cache.
constexpr size_t kChunk = 512;
// Rows whose weights stay in the second-level cache while all columns pass by.
constexpr size_t kOpenChunk = std::min<size_t>(1024, kWideTerms * kLanes);
// Columns that share the loads of a weight: their sums stay in registers.
constexpr size_t kOpenColumns = kLanes == 4 ? 1 : 2;
// Rows and columns of a tile of a linear combination, whose sums stay in the first-level cache.
constexpr size_t kTileRows = 256;
constexpr size_t kTileColumns = 8;

Fp sum_of_lanes(Packed x) {
    u64 lanes[kLanes];
    x.store(lanes);
    Fp sum;
    for (const u64 lane : lanes) sum += Fp(lane);
    return sum;
}

}  // namespace

// Barycentric weights x_i / (z - x_i) of the coset shift * <w_n> in bit-reversed order, (3, n), n >= 8.
extern "C" HM_EXPORT void HM_NAME(hm_barycentric_weights)(u64* weights, unsigned log_size, u64 shift, const u64* point) {
    const size_t size = size_t{1} << log_size;
    const u64* const roots = bit_reversed_roots(log_size - 1, false);
    const Ext<Fp> z = Ext<Fp>::load(point, 1);
    parallel_for(size, kChunk, [=](size_t begin, size_t end) {
        u64 points[kChunk] = {};
        u64 inverses[3][kChunk];
        const size_t count = end - begin;
        domain_points(roots, Fp(shift), begin, count, points);
        inverse_distances(points, count, z, inverses);
        for (size_t i = 0; i < count; i += kLanes) {
            const Packed x = -Packed::load(points + i);
            for (size_t k = 0; k < 3; ++k)
                (Packed::load(inverses[k] + i) * x).store(weights + k * size + begin + i);
        }
    });
}

// out (columns, 3) = sum over the first n rows of values (columns, stride) with weights (3, n), n >= 8.
extern "C" HM_EXPORT void HM_NAME(hm_weighted_sums)(const u64* values, size_t columns, size_t stride,
                                                   const u64* weights, size_t size, u64* out) {
    const size_t chunk = std::min(size, kOpenChunk);
    const size_t chunks = size / chunk;
    const auto partial = make_scratch(chunks * columns * 3);
    u64* const sums = partial.get();
    constexpr size_t parts = Coefficient::kParts * kLanes;
    parallel_for(chunks, 1, [=](size_t begin, size_t end) {
        const auto prepared = make_scratch(Coefficient::kParts * 3 * chunk);
        for (size_t at = begin; at < end; ++at) {
            for (size_t i = 0; i < chunk; i += kLanes)
                for (size_t k = 0; k < 3; ++k)
                    store(Coefficient(Packed::load(weights + k * size + at * chunk + i)),
                          prepared.get() + (3 * i / kLanes + k) * parts);
            for (size_t column = 0; column < columns; column += kOpenColumns) {
                const size_t together = std::min(kOpenColumns, columns - column);
                const u64* source[kOpenColumns];
                for (size_t c = 0; c < kOpenColumns; ++c)
                    source[c] = values + (column + std::min(c, together - 1)) * stride + at * chunk;
                Wide sum[kOpenColumns][3];
                const u64* weight = prepared.get();
                for (size_t i = 0; i < chunk; i += kLanes) {
                    for (size_t k = 0; k < 3; ++k, weight += parts) {
                        const Coefficient coefficient = load_coefficient(weight);
                        for (size_t c = 0; c < kOpenColumns; ++c)
                            sum[c][k].add(Factor(Packed::load(source[c] + i)), coefficient);
                    }
                }
                u64* const target = sums + (at * columns + column) * 3;
                for (size_t c = 0; c < together; ++c)
                    for (size_t k = 0; k < 3; ++k) target[3 * c + k] = sum_of_lanes(sum[c][k].reduce()).value;
            }
        }
    });
    for (size_t i = 0; i < columns * 3; ++i) {
        Fp sum;
        for (size_t at = 0; at < chunks; ++at) sum += Fp(sums[at * columns * 3 + i]);
        out[i] = sum.value;
    }
}

// out (3, rows) = sum of values (columns, rows) with extension coefficients (columns, 3), rows >= 8.
extern "C" HM_EXPORT void HM_NAME(hm_linear_combination)(const u64* values, size_t columns, size_t rows,
                                                        const u64* coefficients, u64* out) {
    std::vector<u64> prepared(3 * columns * Coefficient::kParts);
    for (size_t i = 0; i < 3 * columns; ++i) store_parts(coefficients[i], prepared.data() + i * Coefficient::kParts);
    parallel_for(rows, kTileRows, [&](size_t begin, size_t end) {
        Ext<Packed> totals[kTileRows / kLanes];
        for (auto& total : totals) total = Ext<Packed>::zero();
        for (size_t part = 0; part < columns; part += kWideTerms) {
            const size_t part_end = std::min(columns, part + kWideTerms);
            Wide sums[kTileRows / kLanes][3];
            for (size_t first = part; first < part_end; first += kTileColumns) {
                const size_t last = std::min(part_end, first + kTileColumns);
                for (size_t row = begin; row < end; row += kLanes) {
                    Wide(&stored)[3] = sums[(row - begin) / kLanes];
                    Wide sum[3] = {stored[0], stored[1], stored[2]};
                    for (size_t column = first; column < last; ++column) {
                        const Factor value(Packed::load(values + column * rows + row));
                        const u64* const parts = prepared.data() + 3 * column * Coefficient::kParts;
                        for (size_t k = 0; k < 3; ++k)
                            sum[k].add(value, broadcast_coefficient(parts + k * Coefficient::kParts));
                    }
                    for (size_t k = 0; k < 3; ++k) stored[k] = sum[k];
                }
            }
            for (size_t i = 0; i < (end - begin) / kLanes; ++i)
                for (size_t k = 0; k < 3; ++k) totals[i].c[k] += sums[i][k].reduce();
        }
        for (size_t row = begin; row < end; row += kLanes) totals[(row - begin) / kLanes].store(out + row, rows);
    });
}

// out (3, 2^log_rows) = sum over terms of (sum of lifted vectors - value) / (x - point). Term t has point points[3 t..],
// value values[3 t..] and the vectors vectors[starts[t]..starts[t + 1]), each (3, 2^log_sizes[v]) and read at
// i >> (log_rows - log_sizes[v]).
extern "C" HM_EXPORT void HM_NAME(hm_deep_quotient)(u64* out, unsigned log_rows, u64 shift, size_t terms,
                                                   const u64* points, const u64* values, const u64* starts,
                                                   const u64* const* vectors, const u64* log_sizes) {
    const size_t rows = size_t{1} << log_rows;
    const u64* const roots = bit_reversed_roots(log_rows - 1, false);
    parallel_for(rows, kChunk, [=](size_t begin, size_t end) {
        u64 xs[kChunk];
        u64 inverses[3][kChunk];
        u64 numerators[3][kChunk];
        u64 totals[3][kChunk] = {};
        const size_t count = end - begin;
        domain_points(roots, Fp(shift), begin, count, xs);
        for (size_t t = 0; t < terms; ++t) {
            inverse_distances(xs, count, Ext<Fp>::load(points + 3 * t, 1), inverses);
            for (size_t k = 0; k < 3; ++k) {
                std::fill_n(numerators[k], count, (-Fp(values[3 * t + k])).value);
                for (size_t v = starts[t]; v < starts[t + 1]; ++v) {
                    const u64* const column = vectors[v] + (k << log_sizes[v]);
                    const unsigned lift = log_rows - static_cast<unsigned>(log_sizes[v]);
                    u64 lifted[kChunk];
                    for (size_t i = 0; i < count; ++i) lifted[i] = column[(begin + i) >> lift];
                    for (size_t i = 0; i < count; i += kLanes)
                        (Packed::load(numerators[k] + i) + Packed::load(lifted + i)).store(numerators[k] + i);
                }
            }
            for (size_t i = 0; i < count; i += kLanes) {
                const Ext<Packed> quotient = Ext<Packed>::load(numerators[0] + i, kChunk) *
                                             Ext<Packed>::load(inverses[0] + i, kChunk);
                (Ext<Packed>::load(totals[0] + i, kChunk) + quotient).store(totals[0] + i, kChunk);
            }
        }
        for (size_t k = 0; k < 3; ++k) std::copy_n(totals[k], count, out + k * rows + begin);
    });
}

// out (3, 2^log_rows): sum of vectors (3, 2^log_sizes[v]) read at i >> (log_rows - log_sizes[v]).
extern "C" HM_EXPORT void HM_NAME(hm_lift_sum)(u64* out, unsigned log_rows, size_t count, const u64* const* vectors,
                                              const u64* log_sizes) {
    const size_t rows = size_t{1} << log_rows;
    parallel_for(rows, kChunk, [=](size_t begin, size_t end) {
        const size_t piece = end - begin;
        u64 lifted[kChunk];
        u64 sums[kChunk];
        for (size_t k = 0; k < 3; ++k) {
            std::fill_n(sums, piece, 0);
            for (size_t v = 0; v < count; ++v) {
                const u64* const column = vectors[v] + (k << log_sizes[v]);
                const unsigned lift = log_rows - static_cast<unsigned>(log_sizes[v]);
                for (size_t i = 0; i < piece; ++i) lifted[i] = column[(begin + i) >> lift];
                size_t i = 0;
                for (; i + kLanes <= piece; i += kLanes)
                    (Packed::load(sums + i) + Packed::load(lifted + i)).store(sums + i);
                for (; i < piece; ++i) sums[i] = (Fp(sums[i]) + Fp(lifted[i])).value;
            }
            std::copy_n(sums, piece, out + k * rows + begin);
        }
    });
}
