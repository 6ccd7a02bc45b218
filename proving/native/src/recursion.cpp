// Runs the steps of a witness program (proving/recursion/program.py) on the values of its wires.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "export.hpp"
#include "field/extension.hpp"

namespace {

using hm::Fp;
using Ext = hm::Ext<Fp>;

constexpr int kNone = -1;
constexpr std::size_t kWidth = 16;
constexpr std::size_t kDigest = 4;
constexpr unsigned kBits = 64;

enum Kind : std::int32_t { kMultiplyAdd, kInvert, kHash, kFold, kCopy, kBitsOf, kUnpack };

struct Step {
    std::int32_t kind, first, end, challenge;
};
struct Operation {
    std::int32_t a, b, c, d;
};
struct Row {
    std::int32_t previous, digits[2], digest, head, combined;
};
struct Pair {
    std::int32_t from, to;
};

}  // namespace

extern "C" {

// What a program consists of, and what its run fills: the values of the wires (4 words each), and of every recorded row
// of the hash table the state (16), a node's digits (2), the challenge (3), the digest (4) and the combination (3).
struct HmRecursion {
    const Step* steps;
    const Operation* operations;
    const std::int32_t* blocks;
    const Row* rows;
    const Pair* copies;
    const Pair* bits;
    const Pair* unpacked;
    std::uint64_t* values;
    std::uint64_t* states;
    std::uint64_t* digits;
    std::uint64_t* challenges;
    std::uint64_t* digests;
    std::uint64_t* combined;
    void (*compress)(const std::uint64_t* states, std::uint64_t* digests, std::size_t count);
};
}

namespace {

class Run {
public:
    explicit Run(const HmRecursion& program) : p_(program) {}

    void field(const Step& step) const {
        for (std::int32_t i = step.first; i < step.end; ++i) {
            const Operation& row = p_.operations[i];
            const Ext a = load(wire(row.a));
            store(wire(row.d), step.kind == kInvert ? a.inverse() : a * load(wire(row.b)) + load(wire(row.c)));
        }
    }

    void hash(const Step& step) const {
        for (std::int32_t i = step.first; i < step.end; ++i) gather(i);
        p_.compress(p_.states + kWidth * step.first, p_.digests + kDigest * step.first,
                    static_cast<std::size_t>(step.end - step.first));
        const Ext challenge = step.challenge == kNone ? Ext::zero() : load(wire(step.challenge));
        for (std::int32_t i = step.first; i < step.end; ++i) finish(i, challenge);
    }

    void copy(const Step& step) const {
        for (std::int32_t i = step.first; i < step.end; ++i)
            for (std::size_t k = 0; k < kDigest; ++k) wire(p_.copies[i].to)[k] = wire(p_.copies[i].from)[k];
    }

    void bits(const Step& step) const {
        for (std::int32_t i = step.first; i < step.end; ++i) {
            const std::uint64_t element = *wire(p_.bits[i].from);
            for (unsigned k = 0; k < kBits; ++k)
                *wire(p_.bits[i].to + static_cast<std::int32_t>(k)) = element >> k & 1;
        }
    }

    void unpack(const Step& step) const {
        for (std::int32_t i = step.first; i < step.end; ++i)
            for (std::int32_t k = 0; k < static_cast<std::int32_t>(kDigest); ++k)
                *wire(p_.unpacked[i].to + k) = wire(p_.unpacked[i].from)[k];
    }

private:
    std::uint64_t* wire(std::int32_t number) const { return p_.values + kDigest * static_cast<std::size_t>(number); }
    static Ext load(const std::uint64_t* words) { return Ext::load(words, 1); }
    static void store(std::uint64_t* words, const Ext& value) { value.store(words, 1); }

    // Lays out what a row compresses. A node's child stands among its three siblings, at the place that its digits say.
    void gather(std::int32_t number) const {
        const Row& row = p_.rows[number];
        const std::int32_t* block = p_.blocks + kWidth * number;
        std::uint64_t* state = p_.states + kWidth * number;
        if (row.digits[0] == kNone) {
            for (std::size_t i = 0; i < kWidth; ++i) state[i] = p_.values[block[i]];
            return;
        }
        std::uint64_t* digits = p_.digits + 2 * number;
        for (unsigned i = 0; i < 2; ++i) digits[i] = *wire(row.digits[i]);
        // A digit that is no bit breaks the circuit's constraints; here it must not break more.
        const std::size_t own = (digits[0] + 2 * digits[1]) % kDigest;
        const std::uint64_t* child = p_.digests + kDigest * row.previous;
        std::size_t next = kDigest;
        for (std::size_t i = 0; i < kWidth; ++i)
            state[i] = i / kDigest == own ? child[i % kDigest] : p_.values[block[next++]];
    }

    // Hands a row's digest on, and combines its last twelve elements with those of the rows that it continues.
    void finish(std::int32_t number, const Ext& challenge) const {
        const Row& row = p_.rows[number];
        const std::uint64_t* digest = p_.digests + kDigest * number;
        for (std::size_t k = 0; k < kDigest; ++k) wire(row.digest)[k] = digest[k];
        if (row.head != kNone) store(wire(row.head), load(digest));
        store(p_.challenges + 3 * number, challenge);
        const std::uint64_t* state = p_.states + kWidth * number;
        Ext total = Ext::zero();
        for (std::size_t i = kDigest; i < kWidth; ++i) total = total * challenge + Fp(state[i]);
        if (row.previous != kNone && row.digits[0] == kNone) {
            Ext power = load(p_.challenges + 3 * row.previous).square().square();
            power = power.square() * power;
            total += load(p_.combined + 3 * row.previous) * power;
        }
        store(p_.combined + 3 * number, total);
        if (row.combined != kNone) store(wire(row.combined), total);
    }

    const HmRecursion& p_;
};

}  // namespace

// Runs steps from `step` on, up to the next one that folds or to `end`; returns where it stopped.
extern "C" HM_EXPORT std::size_t hm_run_recursion(const HmRecursion* program, std::size_t step, std::size_t end) {
    const Run run(*program);
    for (; step < end; ++step) {
        const Step& next = program->steps[step];
        switch (next.kind) {
            case kMultiplyAdd:
            case kInvert: run.field(next); break;
            case kHash: run.hash(next); break;
            case kCopy: run.copy(next); break;
            case kBitsOf: run.bits(next); break;
            case kUnpack: run.unpack(next); break;
            default: return step;
        }
    }
    return end;
}
