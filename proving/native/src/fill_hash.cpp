// The columns of recursion's hash table (proving/recursion/hash_table.py): one compression a row.
#include <cstddef>
#include <cstdint>

#include "export.hpp"
#include "field/extension.hpp"
#include "hash/poseidon2.hpp"
#include "parallel.hpp"

namespace {

using hm::Fp;

constexpr unsigned kWidth = 16;

// Writes one row's columns, `stride` words apart, in the table's order.
class Row {
public:
    Row(std::uint64_t* first, std::size_t stride) : next_(first), stride_(stride) {}
    void put(Fp value) {
        *next_ = value.value;
        next_ += stride_;
    }
    void put(const Fp* values, unsigned count) {
        for (unsigned i = 0; i < count; ++i) put(values[i]);
    }

private:
    std::uint64_t* next_;
    std::size_t stride_;
};

void fill_row(const std::uint64_t* input, const std::uint64_t* digits, const std::uint64_t* challenge,
              const std::uint64_t* combined, Row row) {
    using Constants = hm::Poseidon2Constants<kWidth>;
    static constexpr auto diagonal = hm::internal_diagonal<kWidth>();
    Fp state[kWidth];
    for (unsigned i = 0; i < kWidth; ++i) state[i] = Fp(input[i]);
    row.put(state, kWidth);
    Fp inner[22];
    Fp full[7][kWidth];
    hm::external_layer<kWidth>(state);
    for (unsigned r = 0; r < 8; ++r) {
        if (r == 4) {
            for (unsigned k = 0; k < 22; ++k) {
                inner[k] = state[0] = hm::seventh_power(state[0] + Fp(Constants::kInternal[k]));
                Fp sum;
                for (unsigned i = 0; i < kWidth; ++i) sum += state[i];
                for (unsigned i = 0; i < kWidth; ++i) state[i] = state[i] * diagonal[i] + sum;
            }
        }
        const std::uint64_t* constants = r < 4 ? Constants::kInitial[r] : Constants::kFinal[r - 4];
        for (unsigned i = 0; i < kWidth; ++i) {
            state[i] = hm::seventh_power(state[i] + Fp(constants[i]));
            if (r < 7) full[r][i] = state[i];
        }
        hm::external_layer<kWidth>(state);
    }
    for (const auto& round : full) row.put(round, kWidth);
    row.put(inner, 22);
    for (unsigned i = 0; i < 4; ++i) row.put(state[i] + Fp(input[i]));
    row.put(Fp(digits[0]));
    row.put(Fp(digits[1]));
    hm::Ext<Fp> power{{Fp(challenge[0]), Fp(challenge[1]), Fp(challenge[2])}};
    row.put(power.c, 3);
    power = power * power;
    power = power * power;
    row.put(power.c, 3);
    for (unsigned i = 0; i < 3; ++i) row.put(Fp(combined[i]));
}

}  // namespace

// states (rows, 16), digits (rows, 2), challenges (rows, 3), combined (rows, 3), row-major -> columns (165, rows).
extern "C" HM_EXPORT void hm_fill_hash16(const std::uint64_t* states, const std::uint64_t* digits,
                                         const std::uint64_t* challenges, const std::uint64_t* combined,
                                         std::size_t rows, std::uint64_t* columns) {
    hm::parallel_for(rows, 64, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i)
            fill_row(states + kWidth * i, digits + 2 * i, challenges + 3 * i, combined + 3 * i, Row(columns + i, rows));
    });
}
