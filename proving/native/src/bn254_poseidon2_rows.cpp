// Poseidon2 over BN254's Fr, width 3, laid out in the SNARK's rows: the state that each row holds, written to variables.
#include <cstddef>
#include <cstdint>

#include "bn254/field.hpp"
#include "export.hpp"
#include "parallel.hpp"

namespace {

using hm::bn254::Fr;
using hm::bn254::kLimbs;
using hm::bn254::u64;
using std::size_t;

constexpr size_t kWidth = 3;
constexpr size_t kWires = 4;
constexpr size_t kHalfFull = 4;
constexpr size_t kPartial = 56;
constexpr size_t kRounds = 2 * kHalfFull + kPartial;
constexpr size_t kRows = 2 * kHalfFull + kPartial / 2 + 1;

Fr fifth_power(const Fr& x) {
    const Fr square = x.square();
    return square.square() * x;
}

void external_layer(Fr (&x)[kWidth]) {
    const Fr sum = x[0] + x[1] + x[2];
    for (Fr& element : x) element += sum;
}

void internal_layer(Fr (&x)[kWidth]) {
    const Fr sum = x[0] + x[1] + x[2];
    x[2] += x[2];
    for (Fr& element : x) element += sum;
}

}  // namespace

// Values are (variables, 4), in and out. Cells are (37, 4, lanes): the variables of each row's wires, those of the first
// row's three given. Constants are (64, 3, 4), those of partial rounds in the first place and zeros behind it.
extern "C" HM_EXPORT void hm_bn254_poseidon2_rows(u64* values, const std::int64_t* cells, size_t lanes,
                                                  const u64* constants) {
    hm::parallel_for(lanes, 16, [=](size_t begin, size_t end) {
        for (size_t lane = begin; lane < end; ++lane) {
            const auto variable = [=](size_t row, size_t wire) {
                return values + kLimbs * static_cast<size_t>(cells[(row * kWires + wire) * lanes + lane]);
            };
            const auto constant = [=](size_t round, size_t i) {
                return round < kRounds ? Fr::load(constants + kLimbs * (round * kWidth + i)) : Fr::zero();
            };
            Fr x[kWidth];
            for (size_t i = 0; i < kWidth; ++i) x[i] = Fr::load(variable(0, i));
            for (size_t row = 0, round = 0; row + 1 < kRows; ++row) {
                if (row == 0) {
                    external_layer(x);
                    for (size_t i = 0; i < kWidth; ++i) x[i] += constant(0, i);
                }
                if (round < kHalfFull || round >= kHalfFull + kPartial) {
                    for (Fr& element : x) element = fifth_power(element);
                    external_layer(x);
                    round += 1;
                } else {
                    x[0] = fifth_power(x[0]);
                    internal_layer(x);
                    x[0] += constant(round + 1, 0);
                    x[0].store(variable(row, kWidth));
                    x[0] = fifth_power(x[0]);
                    internal_layer(x);
                    round += 2;
                }
                for (size_t i = 0; i < kWidth; ++i) {
                    x[i] += constant(round, i);
                    x[i].store(variable(row + 1, i));
                }
            }
        }
    });
}
