// Multi-scalar multiplication over BN254's G1, by Pippenger's buckets.
//
// Scalars are split by the endomorphism into halves of 126 bits, and those into windows of signed digits. The points of
// every bucket are added up by affine additions in batches (bn254/segments.hpp). With the bucket of digit 1 + a + 2^h b
// at row b and column a, a window is sum of 2^h b rows[b] + sum of (1 + a) columns[a], so that only rows and columns are
// left for additions one by one.
#include <algorithm>
#include <vector>

#include "bn254/curve.hpp"
#include "bn254/glv.hpp"
#include "bn254/segments.hpp"
#include "bn254/wide.hpp"
#include "export.hpp"
#include "parallel.hpp"
#include "scratch.hpp"

namespace {

using namespace hm;
using namespace hm::bn254;

// Digits of this many bits hold halves of less than 126 and the carry of the signs.
constexpr unsigned kHalfBits = 127;
constexpr size_t kGrain = 1 << 10;

// How halves are cut: `windows` digits of `bits` bits, from -2^(bits - 1) to 2^(bits - 1).
struct Windows {
    unsigned bits;
    unsigned windows;

    size_t buckets() const { return size_t{1} << (bits - 1); }
    // 2^(bits - 1) in every digit but the highest: added first, it makes plain digits of signed ones.
    u128 bias() const {
        u128 sum = 0;
        for (unsigned w = 0; w + 1 < windows; ++w) sum |= u128{1} << (bits * (w + 1) - 1);
        return sum;
    }
    int digit(u128 biased, unsigned window) const {
        const auto plain = static_cast<int>(static_cast<std::uint32_t>(biased >> (bits * window)) &
                                            ((std::uint32_t{1} << bits) - 1));
        return window + 1 < windows ? plain - (1 << (bits - 1)) : plain;
    }
};

// The cheapest windows, counted in affine additions: one for each half, two for each bucket.
Windows choose_windows(size_t halves) {
    Windows best{1, kHalfBits};
    size_t least = SIZE_MAX;
    for (unsigned bits = 2; bits <= 20; ++bits) {
        const Windows candidate{bits, (kHalfBits + bits - 1) / bits};
        const size_t additions = candidate.windows * (halves + 2 * candidate.buckets());
        if (additions < least) {
            least = additions;
            best = candidate;
        }
    }
    return best;
}

// The halves, biased, below 2^127 each, with the sign above.
constexpr u128 kSign = u128{1} << 127;

void split_scalars(const u64* scalars, size_t count, u128 bias, u128* halves) {
    parallel_for(count, kGrain, [=](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) {
            const Halves split = bn254::split(Fr::load(scalars + kLimbs * i).to_canonical());
            const auto biased = [=](const Half& half) {
                return (half.magnitude + bias) | (half.negative ? kSign : 0);
            };
            halves[i] = biased(split.first);
            halves[count + i] = biased(split.second);
        }
    });
}

// The points in the form of `F`, and after them their images under the endomorphism.
template <class F>
void enter_points(const u64* points, size_t count, u64* out) {
    parallel_for(count, kGrain, [=](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) {
            const Affine p = Affine::load(points + kPointLimbs * i);
            const Fq y = F::enter(p.y);
            Affine{F::enter(p.x), y}.store(out + kPointLimbs * i);
            Affine{F::enter(p.x * kBeta), y}.store(out + kPointLimbs * (count + i));
        }
    });
}

// The points of every bucket of every window: entries, and where each bucket's begin.
struct Buckets {
    std::vector<Entry> entries;
    std::vector<size_t> offsets;
};

Buckets sort_into_buckets(const Windows& cut, const u128* halves, size_t count) {
    const size_t buckets = cut.buckets();
    Buckets sorted{{}, std::vector<size_t>(cut.windows * buckets + 1)};
    size_t* const counts = sorted.offsets.data() + 1;
    const auto each_digit = [&](unsigned window, auto visit) {
        for (size_t i = 0; i < count; ++i) {
            const int digit = cut.digit(halves[i] & ~kSign, window);
            if (digit != 0) visit(i, window * buckets + static_cast<size_t>(std::abs(digit)) - 1, digit < 0);
        }
    };
    parallel_for(cut.windows, 1, [&](size_t window, size_t) {
        each_digit(static_cast<unsigned>(window), [&](size_t, size_t bucket, bool) { ++counts[bucket]; });
    });
    for (size_t b = 1; b < sorted.offsets.size(); ++b) sorted.offsets[b] += sorted.offsets[b - 1];
    sorted.entries.resize(sorted.offsets.back());
    std::vector<size_t> next(sorted.offsets.begin(), sorted.offsets.end() - 1);
    parallel_for(cut.windows, 1, [&](size_t window, size_t) {
        each_digit(static_cast<unsigned>(window), [&](size_t i, size_t bucket, bool negative) {
            const bool sign = negative != ((halves[i] & kSign) != 0);
            sorted.entries[next[bucket]++] = static_cast<Entry>(2 * i + sign);
        });
    });
    return sorted;
}

// Rows of all windows, then columns of all windows.
struct Grid {
    size_t rows, columns;

    explicit Grid(const Windows& cut) : rows(size_t{1} << (cut.bits - 1) / 2), columns(cut.buckets() / rows) {}
};

template <class F>
std::vector<u64> sum_rows_and_columns(const Windows& cut, const Grid& grid, const u64* buckets) {
    std::vector<Entry> entries;
    std::vector<size_t> offsets{0};
    entries.reserve(2 * cut.windows * cut.buckets());
    const auto segment = [&](size_t start, size_t step, size_t length) {
        for (size_t i = 0; i < length; ++i) entries.push_back(static_cast<Entry>(2 * (start + i * step)));
        offsets.push_back(entries.size());
    };
    for (size_t w = 0; w < cut.windows; ++w) {
        for (size_t b = 0; b < grid.rows; ++b) segment(w * cut.buckets() + b * grid.columns, 1, grid.columns);
    }
    for (size_t w = 0; w < cut.windows; ++w) {
        for (size_t a = 0; a < grid.columns; ++a) segment(w * cut.buckets() + a, grid.columns, grid.rows);
    }
    std::vector<u64> sums(kPointLimbs * (offsets.size() - 1));
    sum_segments<F>(buckets, entries.data(), offsets, sums.data());
    return sums;
}

// The sum of (k + first) points[k].
template <class F>
Jacobian weighted_sum(const u64* points, size_t count, bool first) {
    Jacobian running = Jacobian::infinity(), sum = Jacobian::infinity();
    for (size_t k = count; k-- > 0;) {
        const Affine p = Affine::load(points + kPointLimbs * k);
        if (!first) sum = sum + running;
        running = running + Jacobian::from({F::leave(p.x), F::leave(p.y)});
        if (first) sum = sum + running;
    }
    return sum;
}

template <class F>
Affine multiply_sum(const u64* points, const u64* scalars, size_t count) {
    const Windows cut = choose_windows(2 * count);
    const Scratch halves = make_scratch(4 * count);
    auto* const biased = reinterpret_cast<u128*>(halves.get());
    split_scalars(scalars, count, cut.bias(), biased);
    const Buckets sorted = sort_into_buckets(cut, biased, 2 * count);
    const Scratch buckets = make_scratch(kPointLimbs * cut.windows * cut.buckets());
    {
        const Scratch entered = make_scratch(2 * kPointLimbs * count);
        enter_points<F>(points, count, entered.get());
        sum_segments<F>(entered.get(), sorted.entries.data(), sorted.offsets, buckets.get());
    }
    const Grid grid(cut);
    const std::vector<u64> sums = sum_rows_and_columns<F>(cut, grid, buckets.get());
    std::vector<Jacobian> windows(cut.windows);
    parallel_for(cut.windows, 1, [&](size_t w, size_t) {
        Jacobian rows = weighted_sum<F>(sums.data() + kPointLimbs * grid.rows * w, grid.rows, false);
        for (size_t step = 1; step < grid.columns; step *= 2) rows = rows.doubled();
        const size_t columns_at = grid.rows * cut.windows + grid.columns * w;
        windows[w] = rows + weighted_sum<F>(sums.data() + kPointLimbs * columns_at, grid.columns, true);
    });
    Jacobian sum = Jacobian::infinity();
    for (size_t w = cut.windows; w-- > 0;) {
        for (unsigned i = 0; i < cut.bits; ++i) sum = sum.doubled();
        sum = sum + windows[w];
    }
    return sum.to_affine();
}

}  // namespace

// The sum of scalars[i] points[i]: scalars (count, 4) of Fr, points (count, 8), all canonical in Montgomery form and on the
// curve, at most 2^30.
extern "C" HM_EXPORT void HM_NAME(hm_bn254_msm)(const u64* points, const u64* scalars, size_t count, u64* out) {
    multiply_sum<Wide<Fq>>(points, scalars, count).store(out);
}
