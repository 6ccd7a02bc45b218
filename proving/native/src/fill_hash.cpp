// Recursion's hash table.
#include "expand/recursion_rows.hpp"
#include "export.hpp"
#include "parallel.hpp"

// inputs (rows, 24), row-major: state, digits, challenge, combination -> columns (165, rows).
extern "C" HM_EXPORT void hm_fill_hash16(const std::uint64_t* inputs, std::size_t rows, std::uint64_t* columns) {
    const hm::expand::Table table{columns, rows};
    hm::parallel_for(rows, 64, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i)
            hm::expand::recursion::fill_row(inputs + hm::expand::recursion::kInput * i, i, hm::rows::kConstants, table);
    });
}
