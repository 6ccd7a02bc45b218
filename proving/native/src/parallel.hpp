// parallel_for over a process-wide pool of threads.
#pragma once

#include <cstddef>
#include <type_traits>

namespace hm {

using RangeFunction = void (*)(void* context, std::size_t begin, std::size_t end);

// Runs function over [0, count) in pieces of at most `grain`, on the pool and on the calling thread; returns when all
// are done. A call from inside a running piece runs in that thread. Pieces must not throw.
void run_ranges(std::size_t count, std::size_t grain, RangeFunction function, void* context);

// Number of threads that run_ranges uses, the caller included.
std::size_t thread_count();

template <class Body>
void parallel_for(std::size_t count, std::size_t grain, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    run_ranges(
        count, grain,
        [](void* context, std::size_t begin, std::size_t end) { (*static_cast<Plain*>(context))(begin, end); },
        const_cast<void*>(static_cast<const void*>(&body)));
}

}  // namespace hm
