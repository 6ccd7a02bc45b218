// Plain execution at full speed, and the C interface to a loaded machine.
#include <new>

#include "executor_interpreter.hpp"
#include "export.hpp"
#include "memory_tree.hpp"

namespace hm {

namespace {

// Nothing is recorded; only the limit on written pages is kept.
struct PlainMode {
    static constexpr bool kCountsEveryCycle = false;
    Stop stop = kStopMemoryLimit;
    Observer observer = nullptr;
    std::uint64_t* requests = nullptr;

    void observe(std::uint32_t pc, std::uint64_t cycles) { observer(pc, cycles); }
    // The interpreter itself keeps loads out of the guard.
    bool access(Memory& memory, const Op*, Family, std::uint32_t address, bool) {
        if (memory.claim(address)) return true;
        stop = memory.refusal(address);
        return false;
    }
    bool access_call(Memory& memory, const Op* op, std::uint32_t address) {
        return access(memory, op, kFamilyPoseidon2, address, true);
    }
    bool access_request(Memory& memory, const Request&, std::uint32_t first, std::uint32_t others) {
        if (memory.guarded(others)) {
            stop = kStopGuard;
            return false;
        }
        return access(memory, nullptr, kFamilyRequest, first, true);
    }
    // The words are in one page.
    bool access_keccak(Memory& memory, std::uint32_t state) {
        return access(memory, nullptr, kFamilyKeccak, state, true);
    }
    void abandon() {}
    void cycle(const Op*, Family, std::uint32_t, std::uint32_t, std::uint32_t) {}
    void branch(const Op*, Family, std::uint32_t, std::uint32_t) {}
    void load(const Memory&, const Op*, Family, std::uint32_t, std::uint32_t, std::uint32_t) {}
    void before_store(const Memory&, std::uint32_t) {}
    void store(const Memory&, const Op*, Family, std::uint32_t, std::uint32_t, std::uint32_t) {}
    void before_call(const Op*, std::uint32_t, const std::uint32_t*) {}
    void before_request(const Op* op, std::uint32_t, std::uint32_t, const std::uint32_t*, const std::uint32_t*) {
        ++requests[op->immediate];
    }
    void before_keccak(const Op* op, std::uint32_t, const std::uint32_t*, const std::uint32_t*) {
        ++requests[op->immediate];
    }
};

}  // namespace

bool Memory::claim_slowly(std::uint32_t address) {
    std::uint8_t& page = pages[address >> kPageBits];
    if (page == kPageGuard) return false;
    if (page == kPageFresh) {
        if (written == page_limit) return false;
        ++written;
        page = kPageOpen;
    } else if (page == kPageCode && code.contains(address & ~3u)) {
        if (code_stores++ == 0) first_code_store = address;
    }
    return true;
}

void Memory::set_guard(std::uint32_t address, std::uint32_t size) {
    std::memset(&pages[address >> kPageBits], kPageGuard, size >> kPageBits);
    guard_begin = address;
    guard_size = size;
}

void Memory::mark_code(std::uint32_t address, std::size_t size) {
    for (std::size_t page = address >> kPageBits; page <= (address + size - 1) >> kPageBits; ++page) {
        pages[page] = kPageCode;
    }
}

}  // namespace hm

using hm::LoadedMachine;

extern "C" {

// A machine whose code lies in [code_base, code_base + 4 * code_count); null when memory cannot be reserved.
HM_EXPORT LoadedMachine* hm_machine_new(std::uint32_t code_base, std::size_t code_count, std::uint64_t page_limit) {
    try {
        auto* loaded = new LoadedMachine(code_base, code_count);
        loaded->memory.page_limit = page_limit;
        return loaded;
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

HM_EXPORT void hm_machine_free(LoadedMachine* loaded) { delete loaded; }

// The same bytes were loaded as data before.
HM_EXPORT void hm_machine_load_code(LoadedMachine* loaded, std::uint32_t address, const std::uint32_t* words,
                                    std::size_t count) {
    loaded->code.set(address, words, count);
    loaded->memory.mark_code(address, 4 * count);
}

// Whole pages that nothing was loaded into.
HM_EXPORT void hm_machine_set_guard(LoadedMachine* loaded, std::uint32_t address, std::uint32_t size) {
    loaded->memory.set_guard(address, size);
}

HM_EXPORT void hm_machine_decode(LoadedMachine* loaded, std::uint32_t address, std::size_t count) {
    loaded->code.decode(address, count);
}

// Copies an initial image into memory; 0 when it exceeds the page limit.
HM_EXPORT int hm_machine_load_data(LoadedMachine* loaded, std::uint32_t address, const std::uint8_t* bytes,
                                   std::size_t size) {
    for (std::size_t at = 0; at < size;) {
        const auto target = static_cast<std::uint32_t>(address + at);
        const std::size_t in_page = (std::size_t{1} << hm::kPageBits) - (target & ((1u << hm::kPageBits) - 1));
        const std::size_t piece = in_page < size - at ? in_page : size - at;
        if (!loaded->memory.claim(target)) return 0;
        std::memcpy(loaded->memory.bytes.data() + target, bytes + at, piece);
        at += piece;
    }
    return 1;
}

// The advice stays the caller's and must outlive the runs.
HM_EXPORT void hm_machine_start(LoadedMachine* loaded, std::uint32_t pc, const std::uint32_t* advice,
                                std::size_t advice_words) {
    loaded->machine = hm::Machine{};
    loaded->machine.pc = pc;
    loaded->machine.advice = advice;
    loaded->machine.advice_words = advice_words;
}

HM_EXPORT void hm_machine_run(LoadedMachine* loaded, std::int64_t cycle_limit, hm::Outcome* outcome) {
    hm::PlainMode mode;
    mode.observer = loaded->observer;
    mode.requests = loaded->machine.requests;
    *outcome = hm::interpret(mode, loaded->machine, loaded->code, loaded->memory, cycle_limit);
}

// The observer is called before the instruction at each address that hm_machine_observe has marked.
HM_EXPORT void hm_machine_set_observer(LoadedMachine* loaded, hm::Observer observer) { loaded->observer = observer; }

// 0 when there is no code at the address.
HM_EXPORT int hm_machine_observe(LoadedMachine* loaded, std::uint32_t address) {
    return loaded->code.observe(address) ? 1 : 0;
}

HM_EXPORT void hm_machine_registers(const LoadedMachine* loaded, std::uint32_t* out) {
    std::memcpy(out, loaded->machine.x, 32 * sizeof(std::uint32_t));
}

// By type, the requests that hm_machine_run has made since hm_machine_start, 4 counts.
HM_EXPORT void hm_machine_requests(const LoadedMachine* loaded, std::uint64_t* out) {
    std::memcpy(out, loaded->machine.requests, sizeof loaded->machine.requests);
}

HM_EXPORT std::uint64_t hm_machine_advice_position(const LoadedMachine* loaded) {
    return loaded->machine.advice_position;
}

HM_EXPORT std::uint64_t hm_machine_pages(const LoadedMachine* loaded) { return loaded->memory.written; }

// Stores to code so far; *first: where the first went.
HM_EXPORT std::uint64_t hm_machine_code_stores(const LoadedMachine* loaded, std::uint32_t* first) {
    *first = loaded->memory.first_code_store;
    return loaded->memory.code_stores;
}

// The caller keeps address + size within the address space.
HM_EXPORT void hm_machine_read(const LoadedMachine* loaded, std::uint32_t address, std::size_t size,
                               std::uint8_t* out) {
    std::memcpy(out, loaded->memory.bytes.data() + address, size);
}

// Root of the tree over the whole memory, hashed from the words; 0 when out of memory.
HM_EXPORT int hm_machine_memory_root(const LoadedMachine* loaded, hm::BatchCompress compress, std::uint64_t* root) {
    try {
        const hm::Digest digest = hm::root_of_memory(loaded->memory, compress);
        std::memcpy(root, digest.data(), sizeof digest);
        return 1;
    } catch (const std::bad_alloc&) {
        return 0;
    }
}

// Root of the tree over `count` blocks of 16 words with ascending indices and a guard, zero elsewhere; 0 when out of
// memory.
HM_EXPORT int hm_blocks_root(const std::uint32_t* indices, const std::uint32_t* words, std::size_t count,
                             std::uint32_t guard_first, std::uint32_t guard_count,
                             hm::BatchCompress compress, std::uint64_t* root) {
    try {
        const hm::Digest digest = hm::root_of_blocks({indices, count}, words, {guard_first, guard_count}, compress);
        std::memcpy(root, digest.data(), sizeof digest);
        return 1;
    } catch (const std::bad_alloc&) {
        return 0;
    }
}

}  // extern "C"
