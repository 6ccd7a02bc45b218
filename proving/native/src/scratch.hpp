// Large temporary arrays of field elements.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace hm {

struct Free {
    void operator()(void* memory) const { std::free(memory); }
};

using Scratch = std::unique_ptr<std::uint64_t[], Free>;

// An uninitialised array, on huge pages when it is large: first touching 4 KiB pages costs more than a transform.
inline Scratch make_scratch(std::size_t count) {
    constexpr std::size_t huge_page = std::size_t{1} << 21;
    const std::size_t bytes = count * sizeof(std::uint64_t);
    void* memory = nullptr;
    if (posix_memalign(&memory, bytes >= huge_page ? huge_page : 64, bytes) != 0) throw std::bad_alloc();
    if (bytes >= huge_page) madvise(memory, bytes, MADV_HUGEPAGE);
    return Scratch(static_cast<std::uint64_t*>(memory));
}

}  // namespace hm
