#include "field/roots.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

namespace hm {
namespace {

constexpr unsigned kSmallestLog = 12;

class Roots {
  public:
    explicit Roots(bool inverse) : inverse_(inverse) { grow(kSmallestLog); }

    const std::uint64_t* get(unsigned log_size) {
        if (log_size <= log_size_.load(std::memory_order_acquire)) return current_.load(std::memory_order_relaxed);
        std::lock_guard lock(mutex_);
        if (log_size > log_size_.load(std::memory_order_relaxed)) grow(log_size);
        return current_.load(std::memory_order_relaxed);
    }

  private:
    // Readers may hold a smaller table, so all are kept; together they are no larger than the largest.
    void grow(unsigned log_size) {
        const std::size_t size = std::size_t{1} << log_size;
        auto table = std::make_unique<std::uint64_t[]>(size);
        table[0] = 1;
        for (unsigned k = 0; k < log_size; ++k) {
            const Fp root = root_of_unity(k + 2);
            const Fp step = inverse_ ? root.inverse() : root;
            const std::size_t half = std::size_t{1} << k;
            for (std::size_t j = 0; j < half; ++j) table[half + j] = (Fp(table[j]) * step).value;
        }
        current_.store(table.get(), std::memory_order_relaxed);
        tables_.push_back(std::move(table));
        log_size_.store(log_size, std::memory_order_release);
    }

    const bool inverse_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<std::uint64_t[]>> tables_;
    std::atomic<const std::uint64_t*> current_{nullptr};
    std::atomic<unsigned> log_size_{0};
};

}  // namespace

const std::uint64_t* bit_reversed_roots(unsigned log_size, bool inverse) {
    static Roots forward(false);
    static Roots backward(true);
    return (inverse ? backward : forward).get(log_size);
}

}  // namespace hm
