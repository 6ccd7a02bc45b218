// CUDA's execution model on one CPU thread, to run the kernels without a device.
//
// Each CUDA thread is a fiber. Between two barriers the threads of a block run one at a time in random order, each up
// to the barrier, and blocks run in random order; so a missing barrier shows as a wrong result. Shared memory is random
// when a block starts and exactly as large as the launch says. Threads that wait at different barriers, or that end
// while others wait, stop the launch with an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#define __global__ __attribute__((visibility("default")))
#define __device__
#define __host__
#define __constant__ const
#define __launch_bounds__(...)
#if defined(__SANITIZE_ADDRESS__) || defined(EMULATION_CALLS)
// A kernel of a hundred inlined products with every access checked, or of a thousand, is too much for the compiler.
#define __forceinline__ inline
#else
#define __forceinline__ inline __attribute__((always_inline))
#endif

struct EmulatedIndex {
    unsigned x = 0;
    unsigned y = 0;
    unsigned z = 0;
};

extern EmulatedIndex gridDim;
extern EmulatedIndex blockDim;
extern EmulatedIndex blockIdx;
extern EmulatedIndex threadIdx;

namespace emulation {

// Waits for every thread of the block.
void block_barrier(const char* file, int line);
// Waits for the threads of the warp that `mask` names, and returns what the one in lane `source` brought; a source
// outside the warp returns the thread's own value.
std::uint64_t warp_exchange(unsigned mask, std::uint64_t value, unsigned source, const char* file, int line);
unsigned lane();
void* shared_memory();

template <class T>
T shuffle(unsigned mask, T value, unsigned source, const char* file, int line) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(std::uint64_t));
    std::uint64_t word = 0;
    std::memcpy(&word, &value, sizeof(T));
    word = warp_exchange(mask, word, source, file, line);
    std::memcpy(&value, &word, sizeof(T));
    return value;
}

}  // namespace emulation

inline void __syncthreads(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    emulation::block_barrier(file, line);
}

inline void __syncwarp(unsigned mask = ~0u, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    emulation::warp_exchange(mask, 0, emulation::lane(), file, line);
}

template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, const char* file = __builtin_FILE(),
                 int line = __builtin_LINE()) {
    return emulation::shuffle(mask, value, emulation::lane() - delta, file, line);
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, const char* file = __builtin_FILE(),
                   int line = __builtin_LINE()) {
    return emulation::shuffle(mask, value, emulation::lane() + delta, file, line);
}

// Threads run one at a time, so plain reads and writes are atomic.
inline unsigned long long atomicMin(unsigned long long* address, unsigned long long value) {
    const unsigned long long old = *address;
    if (value < old) *address = value;
    return old;
}

inline unsigned long long atomicAdd(unsigned long long* address, unsigned long long value) {
    const unsigned long long old = *address;
    *address = old + value;
    return old;
}

inline unsigned __brev(unsigned x) {
    unsigned result = 0;
    for (int bit = 0; bit < 32; ++bit) result = result << 1 | (x >> bit & 1);
    return result;
}
