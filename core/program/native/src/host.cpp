// Runs the C code of the state-transition program on this machine: its input, output and precompile, as guest/runtime has
// them. A thread has one run at a time; what a run leaves in the regions stays until the thread's next one.
#include <sys/mman.h>

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hash/poseidon2.hpp"
#include "keccak.hpp"
#include "modular.hpp"

extern "C" {
thread_local uint32_t* host_region_input;
thread_local uint32_t* host_region_nodes;
thread_local uint32_t* host_region_transactions;
thread_local uint32_t* host_region_journal;
thread_local uint32_t* host_region_changes;
thread_local uint32_t* host_region_hints;
thread_local uint32_t* host_region_messages;

int guest_main(void);
}

namespace {

constexpr std::uint64_t prime = 0xffffffff00000001ull;
constexpr std::size_t megabyte = std::size_t{1} << 20;

enum Outcome : int { halted = 0, trapped = 1, no_memory = 2 };

struct Region {
    uint32_t** start;
    std::size_t bytes;
};

// The memory of one thread's runs: regions as far apart as in the machine, or as far as the program ever reaches. What is
// not written to takes no memory.
class Memory {
   public:
    bool ready() {
        if (base_ != nullptr) return true;
        const Region regions[] = {
            {&host_region_input, 256 * megabyte},       {&host_region_nodes, 128 * megabyte},
            {&host_region_transactions, 64 * megabyte}, {&host_region_journal, 4 * megabyte},
            {&host_region_changes, 4 * megabyte},       {&host_region_hints, 64 * megabyte},
            {&host_region_messages, megabyte},
        };
        for (const Region& region : regions) size_ += region.bytes;
        void* found = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (found == MAP_FAILED) {
            size_ = 0;
            return false;
        }
        base_ = static_cast<std::uint8_t*>(found);
        std::uint8_t* at = base_;
        for (const Region& region : regions) {
            *region.start = reinterpret_cast<uint32_t*>(at);
            at += region.bytes;
        }
        return true;
    }

    ~Memory() {
        if (base_ != nullptr) munmap(base_, size_);
    }

   private:
    std::uint8_t* base_ = nullptr;
    std::size_t size_ = 0;
};

thread_local Memory memory;
thread_local const std::uint32_t* advice;
thread_local const std::uint32_t* advice_end;
thread_local std::uint32_t* output;
thread_local std::jmp_buf end;

}  // namespace

extern "C" uint32_t hallmark_read_word(void) {
    if (advice == advice_end) std::longjmp(end, trapped + 1);
    return *advice++;
}

extern "C" void hallmark_poseidon2_compress(uint32_t buffer[32]) {
    std::uint64_t state[16];
    std::memcpy(state, buffer, sizeof state);
    bool trap = reinterpret_cast<std::uintptr_t>(buffer) % 128 != 0;
    for (std::uint64_t element : state) trap = trap || element >= prime;
    if (trap) std::longjmp(end, trapped + 1);
    std::uint64_t result[4];
    hm::compress16(state, result);
    std::memcpy(buffer, result, sizeof result);
}

extern "C" void hallmark_arith256(uint32_t a[8], const uint32_t bcm[24]) {
    const bool aligned =
        reinterpret_cast<std::uintptr_t>(a) % 32 == 0 && reinterpret_cast<std::uintptr_t>(bcm) % 128 == 0;
    if (!aligned) std::longjmp(end, trapped + 1);
    const auto found = hm::modular::remainder(a, bcm, bcm + 8, bcm + 16);
    std::memcpy(a, found.data(), 32);
}

extern "C" void hallmark_keccak_f(uint32_t state[50]) {
    if (reinterpret_cast<std::uintptr_t>(state) % 256 != 0) std::longjmp(end, trapped + 1);
    hm::keccak::permute(state, state);
}

extern "C" void hallmark_exit(const uint32_t words[8]) {
    std::memcpy(output, words, 32);
    std::longjmp(end, halted + 1);
}

#define STF_EXPORT extern "C" __attribute__((visibility("default")))

// SHA-256 (hex) of the program that was committed with these sources.
STF_EXPORT const char* stf_program() { return STF_SHA256; }

// Runs on advice of `count` words; returns an Outcome. After a halt `result` has the output, and `journal` and `hints`
// lead to what the run left there.
STF_EXPORT int stf_run(const std::uint32_t* words, std::size_t count, std::uint32_t result[8],
                       const std::uint32_t** journal, const std::uint32_t** hints) {
    if (!memory.ready()) return no_memory;
    // Whatever else the program reads it has written before; these it expects to be zero.
    std::memset(host_region_nodes, 0, 128);
    std::memset(host_region_journal, 0, 16);
    host_region_hints[0] = 0;
    advice = words;
    advice_end = words + count;
    output = result;
    *journal = host_region_journal;
    *hints = host_region_hints;
    const int reason = setjmp(end);
    if (reason == 0) guest_main();
    return reason - 1;
}
