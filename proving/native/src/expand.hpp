// Expansion of execution records to the columns of main_vm on the host: counts of several threads, decoded instructions
// by pc. What a row holds is said in expand/.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "expand/row.hpp"
#include "parallel.hpp"

namespace hm::expand {

inline constexpr std::size_t kGrain = 1 << 13;

// Lookups made by one thread at a time.
struct CountVectors {
    std::vector<std::uint32_t> of_range = std::vector<std::uint32_t>(kRangeRows);
    std::vector<std::uint32_t> of_conjunctions = std::vector<std::uint32_t>(kByteRows);
    std::vector<std::uint32_t> of_pairs = std::vector<std::uint32_t>(kByteRows);
    std::vector<std::uint32_t> of_constants = std::vector<std::uint32_t>(kConstantRows);

    void range(std::size_t row) { ++of_range[row]; }
    void conjunctions(std::size_t row) { ++of_conjunctions[row]; }
    void pairs(std::size_t row) { ++of_pairs[row]; }
    void constants(std::size_t row) { ++of_constants[row]; }
};
using Counts = Lookups<CountVectors>;

// Counts of all threads: one set for each piece that runs at a time.
class CountPool {
  public:
    std::unique_ptr<Counts> take() {
        const std::lock_guard lock(mutex_);
        if (free_.empty()) return std::make_unique<Counts>();
        std::unique_ptr<Counts> counts = std::move(free_.back());
        free_.pop_back();
        return counts;
    }
    void give(std::unique_ptr<Counts> counts) {
        const std::lock_guard lock(mutex_);
        free_.push_back(std::move(counts));
    }
    const std::vector<std::unique_ptr<Counts>>& all() const { return free_; }

  private:
    std::mutex mutex_;
    std::vector<std::unique_ptr<Counts>> free_;
};

// Finds decoded instructions by pc.
class Fetch {
  public:
    explicit Fetch(const std::vector<Decoded>& rows) : rows_(rows) {
        std::size_t size = 64;
        while (size < 4 * rows.size()) size *= 2;
        mask_ = size - 1;
        slots_.assign(size, 0);
        for (std::size_t i = 0; i < rows.size(); ++i) {
            std::size_t slot = start(rows[i].pc);
            while (slots_[slot] != 0) slot = (slot + 1) & mask_;
            slots_[slot] = static_cast<std::uint32_t>(i + 1);
        }
    }
    const Decoded* find(std::uint32_t pc) const {
        for (std::size_t slot = start(pc); slots_[slot] != 0; slot = (slot + 1) & mask_)
            if (rows_[slots_[slot] - 1].pc == pc) return &rows_[slots_[slot] - 1];
        return nullptr;
    }

  private:
    std::size_t start(std::uint32_t pc) const { return (pc >> 2) & mask_; }

    const std::vector<Decoded>& rows_;
    std::vector<std::uint32_t> slots_;
    std::size_t mask_;
};

// What the expansion of one segment shares.
struct Context {
    const Fetch& fetch;
    const Compressions& compressions;
    CountPool& pool;
    std::atomic<bool>& failed;
};

// Replaces the first `count` cells of a column by their inverses, zero by zero, where the flag's column is not zero.
void invert(const Table& table, std::size_t column, std::size_t flag, std::size_t count);

// Fills the rows of `count` records of a family, whose first two words are clk and pc; stops the expansion when an
// instruction has no decode row.
template <class Rows>
void fill_records(const Context& context, const std::uint32_t* records, std::size_t count, const Table& table) {
    parallel_for(count, kGrain, [&](std::size_t begin, std::size_t end) {
        std::unique_ptr<Counts> counts = context.pool.take();
        for (std::size_t number = begin; number < end; ++number) {
            const std::uint32_t* record = records + number * Rows::kWidth;
            const Decoded* decoded = context.fetch.find(record[1]);
            if (decoded == nullptr) {
                context.failed = true;
                break;
            }
            Rows::fill(record, number, *decoded, context.compressions, *counts, table);
        }
        context.pool.give(std::move(counts));
    });
    Rows::inverted(
        [&](std::size_t column, std::size_t flag = kEveryRow) { invert(table, column, flag, count); });
}

}  // namespace hm::expand
