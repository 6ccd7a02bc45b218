// Temporary arrays of field elements.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include "memory.hpp"

namespace hm {

// Arrays of at least a huge page come from the process's memory.
inline constexpr std::size_t kLargeBytes = std::size_t{1} << 21;

struct GiveBack {
    bool large;
    void operator()(void* memory) const {
        if (large) {
            give_memory(memory);
        } else {
            std::free(memory);
        }
    }
};

using Scratch = std::unique_ptr<std::uint64_t[], GiveBack>;

// An uninitialised array.
inline Scratch make_scratch(std::size_t count) {
    const std::size_t bytes = count * sizeof(std::uint64_t);
    const bool large = bytes >= kLargeBytes;
    void* memory = large ? take_memory(bytes) : std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (memory == nullptr) throw std::bad_alloc();
    return Scratch(static_cast<std::uint64_t*>(memory), GiveBack{large});
}

}  // namespace hm
