// Sums of many points, by segments: affine additions in batches, whose denominators are inverted together.
//
// A segment's points are added in pairs, then the sums in pairs, until one is left. Segments of any lengths share the
// batches, so that neither many short segments nor a single long one is slow.
#pragma once

#include <algorithm>
#include <vector>

#include "bn254/curve.hpp"
#include "bn254/wide.hpp"
#include "parallel.hpp"

namespace hm::bn254 {

// A point of the array, or its negative: 2 place + (1 if negative).
using Entry = std::uint32_t;

// Affine additions left[k] + right[k] -> out[k], all in the form of `F`.
template <class F>
class PairAdder {
  public:
    static constexpr size_t kLanes = F::kLanes;

    explicit PairAdder(size_t most_pairs)
        : blocks_(most_pairs / kLanes + 1), denominators_(blocks_), prefixes_(blocks_), special_(blocks_) {}

    // Lists of whole blocks of kLanes; the sources and the targets do not overlap.
    void add(const u64* points, const Entry* left, const Entry* right, u64* targets, const std::uint32_t* out,
             size_t blocks) {
        if (blocks == 0) return;
        F product = F::one();
        for (size_t b = 0; b < blocks; ++b) {
            const Entry* const l = left + b * kLanes;
            const Entry* const r = right + b * kLanes;
            prefetch(points, l, r, std::min(kAhead, (blocks - b) * kLanes) - kLanes);
            const F x1 = abscissas(points, l), x2 = abscissas(points, r);
            F d = x1 - x2;
            // No point that is met in practice has x = 0 but infinity; one that has takes the way of the exceptions too.
            special_[b] = F::bits(F::equal(x1, x2)) | F::bits(F::is_zero(x1)) | F::bits(F::is_zero(x2));
            if (special_[b] != 0) d = exceptional_denominator(points, l, r, special_[b], d);
            denominators_[b] = d.carried();
            prefixes_[b] = product;
            product = (product * denominators_[b]).carried();
        }
        F inverse = product.inverse();
        for (size_t b = blocks; b-- > 0;) {
            const F quotient = (inverse * prefixes_[b]).carried();
            inverse = (inverse * denominators_[b]).carried();
            finish(points, left + b * kLanes, right + b * kLanes, quotient, special_[b], targets, out + b * kLanes);
        }
    }

  private:
    enum class Kind { sum, twice, left, right, zero };

    // Points lie anywhere in memory, so they are asked for this many lanes before they are needed.
    static constexpr size_t kAhead = 32;

    static void prefetch(const u64* points, const Entry* left, const Entry* right, size_t ahead) {
        for (size_t i = 0; i < kLanes; ++i) {
            __builtin_prefetch(place(points, left[ahead + i]));
            __builtin_prefetch(place(points, right[ahead + i]));
        }
    }

    static const u64* place(const u64* points, Entry entry) { return points + kPointLimbs * (entry >> 1); }

    struct Places {
        const u64* at[kLanes];

        Places(const u64* points, const Entry* entries) {
            for (size_t i = 0; i < kLanes; ++i) at[i] = place(points, entries[i]);
        }
    };

    static F abscissas(const u64* points, const Entry* entries) {
        return F::gather(Places(points, entries).at);
    }

    static F::Mask signs(const Entry* entries) {
        unsigned bits = 0;
        for (size_t i = 0; i < kLanes; ++i) bits |= (entries[i] & 1) << i;
        return F::mask(bits);
    }

    static Kind kind(const u64* points, Entry left, Entry right) {
        const Affine p = Affine::load(place(points, left)), q = Affine::load(place(points, right));
        if (p.is_infinity()) return q.is_infinity() ? Kind::zero : Kind::right;
        if (q.is_infinity()) return Kind::left;
        if (!(p.x == q.x)) return Kind::sum;
        return (p.y == q.y) == (((left ^ right) & 1) == 0) ? Kind::twice : Kind::zero;
    }

    static unsigned lanes_of(const u64* points, const Entry* left, const Entry* right, unsigned among, Kind wanted) {
        unsigned bits = 0;
        for (size_t i = 0; i < kLanes; ++i) {
            if (among >> i & 1 && kind(points, left[i], right[i]) == wanted) bits |= 1u << i;
        }
        return bits;
    }

    // 2 y where a point is doubled, one where nothing is computed.
    static F exceptional_denominator(const u64* points, const Entry* left, const Entry* right, unsigned special,
                                        const F& usual) {
        const unsigned sums = lanes_of(points, left, right, special, Kind::sum);
        const unsigned twice = lanes_of(points, left, right, special, Kind::twice);
        F x, y;
        F::gather_pairs(Places(points, left).at, x, y);
        const F d = F::select(F::mask(twice), y + y, usual);
        return F::select(F::mask(special & ~sums & ~twice), F::one(), d);
    }

    // With the signs s and t: s (x1, y1) + t (x2, y2) = s ((x1, y1) + s t (x2, y2)).
    void finish(const u64* points, const Entry* left, const Entry* right, const F& quotient, unsigned special,
                u64* targets, const std::uint32_t* out) {
        F x1, y1, x2, y2;
        F::gather_pairs(Places(points, left).at, x1, y1);
        F::gather_pairs(Places(points, right).at, x2, y2);
        const auto negative = signs(left);
        Entry differing[kLanes];
        for (size_t i = 0; i < kLanes; ++i) differing[i] = left[i] ^ right[i];
        F numerator = F::select(signs(differing), y1 + y2, y1 - y2);
        if (special != 0) {
            const F square = (x1 * x1).carried();
            const auto twice = F::mask(lanes_of(points, left, right, special, Kind::twice));
            numerator = F::select(twice, square + square + square, numerator);
        }
        const F slope = (numerator.carried() * quotient).carried();
        const F x3 = (slope * slope - (x1 + x2)).canonical();
        const F rise = (x1 - x3).carried() * slope;
        const F y3 = F::select(negative, y1 - rise, rise - y1);
        u64* places[kLanes];
        for (size_t i = 0; i < kLanes; ++i) places[i] = targets + kPointLimbs * out[i];
        F::scatter_pairs(x3, y3.canonical(), places);
        if (special != 0) copy_exceptions(points, left, right, special, targets, out);
    }

    static void copy_exceptions(const u64* points, const Entry* left, const Entry* right, unsigned special,
                                u64* targets, const std::uint32_t* out) {
        for (size_t i = 0; i < kLanes; ++i) {
            if (!(special >> i & 1)) continue;
            const auto copy = [&](Entry entry) {
                const Affine p = Affine::load(place(points, entry));
                (entry & 1 ? -p : p).store(targets + kPointLimbs * out[i]);
            };
            switch (kind(points, left[i], right[i])) {
                case Kind::left: copy(left[i]); break;
                case Kind::right: copy(right[i]); break;
                case Kind::zero: Affine{}.store(targets + kPointLimbs * out[i]); break;
                case Kind::sum:
                case Kind::twice: break;
            }
        }
    }

    size_t blocks_;
    std::vector<F> denominators_;
    std::vector<F> prefixes_;
    std::vector<unsigned> special_;
};

// One tile's worth of segments, summed in rounds between two buffers.
template <class F>
class TileAdder {
  public:
    explicit TileAdder(size_t entries)
        : adder_(entries / 2),
          left_(entries / 2 + 2 * F::kLanes),
          right_(left_.size()),
          out_(left_.size()),
          buffers_{std::vector<u64>(kPointLimbs * (entries + 1)), std::vector<u64>(kPointLimbs * (entries + 1))} {}

    // lengths[s] entries for segment s -> one point for each: infinity for none.
    void sum(const u64* points, const Entry* entries, std::vector<std::uint32_t>& lengths, u64* out) {
        round(points, entries, lengths, buffers_[0]);
        size_t from = 0;
        while (std::any_of(lengths.begin(), lengths.end(), [](std::uint32_t length) { return length > 1; })) {
            round(buffers_[from].data(), nullptr, lengths, buffers_[1 - from]);
            from = 1 - from;
        }
        size_t at = 0;
        for (size_t s = 0; s < lengths.size(); ++s) {
            const Affine sum = lengths[s] == 0 ? Affine{} : Affine::load(buffers_[from].data() + kPointLimbs * at++);
            sum.store(out + kPointLimbs * s);
        }
    }

  private:
    // Entries are the points in their order where there are none.
    void round(const u64* points, const Entry* entries, std::vector<std::uint32_t>& lengths, std::vector<u64>& target) {
        size_t in = 0, pairs = 0;
        std::uint32_t out = 0;
        const auto entry = [&](size_t at) { return entries != nullptr ? entries[at] : static_cast<Entry>(2 * at); };
        for (std::uint32_t& length : lengths) {
            for (std::uint32_t i = 0; i + 1 < length; i += 2) {
                left_[pairs] = entry(in++);
                right_[pairs] = entry(in++);
                out_[pairs++] = out++;
            }
            if (length % 2 == 1) {
                const Entry single = entry(in++);
                const Affine p = Affine::load(points + kPointLimbs * (single >> 1));
                (single & 1 ? -p : p).store(target.data() + kPointLimbs * out++);
            }
            length = (length + 1) / 2;
        }
        // The last block repeats its last pair, into the same place.
        const size_t blocks = (pairs + F::kLanes - 1) / F::kLanes;
        for (size_t k = pairs; k < blocks * F::kLanes; ++k) {
            left_[k] = left_[k - 1];
            right_[k] = right_[k - 1];
            out_[k] = out_[k - 1];
        }
        adder_.add(points, left_.data(), right_.data(), target.data(), out_.data(), blocks);
    }

    PairAdder<F> adder_;
    std::vector<Entry> left_, right_;
    std::vector<std::uint32_t> out_;
    std::vector<u64> buffers_[2];
};

// Entries that are worked on together: the buffers of half as many points stay in the second-level cache.
inline constexpr size_t kTile = 1 << 13;

// The sum of each segment, entries[offsets[s]] up to entries[offsets[s + 1]], into out (segments, 8); all in the form of
// `F`.
template <class F>
void sum_segments(const u64* points, const Entry* entries, const std::vector<size_t>& offsets, u64* out) {
    const size_t segments = offsets.size() - 1, total = offsets.back();
    std::fill(out, out + kPointLimbs * segments, 0);
    const size_t tiles = (total + kTile - 1) / kTile;
    // A segment that tiles share: what the tile that ends inside it, or reaches its end from the left, adds to it.
    struct Part {
        size_t segment = 0;
        Affine point{};
    };
    std::vector<Part> parts(2 * tiles);
    parallel_for(tiles, 1, [&](size_t first_tile, size_t last_tile) {
        TileAdder<F> adder(std::min(kTile, total));
        std::vector<std::uint32_t> lengths;
        std::vector<u64> sums;
        for (size_t tile = first_tile; tile < last_tile; ++tile) {
            const size_t begin = tile * kTile, end = std::min(total, begin + kTile);
            const size_t first = std::upper_bound(offsets.begin(), offsets.end(), begin) - offsets.begin() - 1;
            const size_t last = std::lower_bound(offsets.begin(), offsets.end(), end) - offsets.begin();
            lengths.clear();
            for (size_t s = first; s < last; ++s)
                lengths.push_back(
                    static_cast<std::uint32_t>(std::min(end, offsets[s + 1]) - std::max(begin, offsets[s])));
            sums.resize(kPointLimbs * lengths.size());
            adder.sum(points, entries + begin, lengths, sums.data());
            for (size_t s = first; s < last; ++s) {
                const u64* const sum = sums.data() + kPointLimbs * (s - first);
                if (offsets[s] < begin || offsets[s + 1] > end) {
                    parts[2 * tile + (offsets[s] < begin ? 0 : 1)] = {s, Affine::load(sum)};
                } else {
                    std::copy(sum, sum + kPointLimbs, out + kPointLimbs * s);
                }
            }
        }
    });
    Jacobian sum = Jacobian::infinity();
    for (size_t i = 0; i < parts.size(); ++i) {
        if (parts[i].point.is_infinity()) continue;
        const auto left = [](const Affine& p) { return Affine{F::leave(p.x), F::leave(p.y)}; };
        sum = sum + Jacobian::from(left(parts[i].point));
        size_t next = i + 1;
        while (next < parts.size() && parts[next].point.is_infinity()) ++next;
        if (next < parts.size() && parts[next].segment == parts[i].segment) continue;
        const Affine whole = sum.to_affine();
        Affine{F::enter(whole.x), F::enter(whole.y)}.store(out + kPointLimbs * parts[i].segment);
        sum = Jacobian::infinity();
    }
}

}  // namespace hm::bn254
