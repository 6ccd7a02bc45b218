// Execution that counts cycles by call path: a tree of functions, built from the calls and returns that are executed.
#include <new>
#include <unordered_map>
#include <vector>

#include "executor_interpreter.hpp"
#include "export.hpp"

namespace hm {

namespace {

// A function on one call path. cycles: spent in the function itself; calls: how often it was entered on this path.
struct CallNode {
    std::uint32_t parent;
    std::uint32_t function;
    std::uint64_t cycles;
    std::uint64_t calls;
};

// A return goes through ra or t0, a call leaves its link there.
bool is_link(unsigned number) { return number == 1 || number == 5; }

struct ProfileMode {
    static constexpr bool kCountsEveryCycle = true;
    static constexpr std::uint32_t kNoFunction = 0xffffffff;
    // Paths deeper than this are counted at their 1,024th function; trees larger than this grow no further.
    static constexpr std::uint32_t kDepth = 1024;
    static constexpr std::size_t kNodes = std::size_t{1} << 20;

    // function_of: for each instruction the number of its function.
    ProfileMode(const LoadedMachine& loaded, const std::uint32_t* function_of)
        : first(loaded.code.ops.data()),
          words(loaded.code.words.data()),
          functions(function_of, function_of + loaded.code.count),
          observer(loaded.observer) {
        nodes.push_back({0, kNoFunction, 0, 0});
    }

    bool begin(const Op* op, Family) {
        if (__builtin_expect(cycles == limit, 0)) return false;
        const std::uint32_t function = functions[static_cast<std::size_t>(op - first)];
        if (__builtin_expect(step != Step::kNext || function != nodes[current].function, 0)) enter(function);
        ++nodes[current].cycles;
        ++cycles;
        return true;
    }
    bool begin_halt(const Op*) { return true; }
    bool access(Memory& memory, const Op*, Family, std::uint32_t address, bool write) {
        if (write ? memory.claim(address) : !memory.guarded(address)) return true;
        abandon();
        stop = memory.refusal(address);
        return false;
    }
    bool access_call(Memory& memory, const Op* op, std::uint32_t address) {
        return access(memory, op, kFamilyPoseidon2, address, true);
    }
    bool access_keccak(Memory& memory, std::uint32_t state) {
        return access(memory, nullptr, kFamilyKeccak, state, true);
    }
    bool access_request(Memory& memory, const Request&, std::uint32_t own, std::uint32_t others) {
        return access(memory, nullptr, kFamilyRequest, others, false) &&
               access(memory, nullptr, kFamilyRequest, own, true);
    }
    void abandon() {
        --nodes[current].cycles;
        --cycles;
    }
    void cycle(const Op* op, Family, std::uint32_t, std::uint32_t, std::uint32_t) {
        if (op->handler == kObserved || op->handler == kJal || op->handler == kJalr) note_jump(op);
    }
    void branch(const Op*, Family, std::uint32_t, std::uint32_t) {}
    void load(const Memory&, const Op*, Family, std::uint32_t, std::uint32_t, std::uint32_t) {}
    void before_store(const Memory&, std::uint32_t) {}
    void store(const Memory&, const Op*, Family, std::uint32_t, std::uint32_t, std::uint32_t) {}
    void before_call(const Op*, std::uint32_t, const std::uint32_t*) {}
    void before_request(const Op*, std::uint32_t, std::uint32_t, const std::uint32_t*, const std::uint32_t*) {}
    void before_keccak(const Op*, std::uint32_t, const std::uint32_t*, const std::uint32_t*) {}
    void observe(std::uint32_t pc, std::uint64_t) { observer(pc, cycles); }

    // kNext: no call and no return was executed just before; a change of function is a jump.
    enum class Step { kNext, kCall, kReturn };

    void note_jump(const Op* op) {
        const std::uint32_t word = words[op - first];
        const std::uint32_t opcode = word & 0x7f;
        if (opcode != 0x6f && opcode != 0x67) return;
        if (is_link((word >> 7) & 31)) {
            step = Step::kCall;
        } else if (opcode == 0x67 && is_link((word >> 15) & 31)) {
            step = Step::kReturn;
        }
    }

    // Moves to the node of the function that is executed now, after a call, a return or a jump.
    void enter(std::uint32_t function) {
        const Step taken = step;
        step = Step::kNext;
        if (taken == Step::kCall || current == 0) {
            const std::uint32_t node = depth == kDepth ? 0 : child(current, function);
            if (node == 0) {
                ++hidden;
                return;
            }
            ++depth;
            current = node;
            ++nodes[current].calls;
            return;
        }
        if (hidden != 0) {
            if (taken == Step::kReturn) --hidden;
            return;
        }
        if (taken == Step::kReturn && find_caller(function)) return;
        if (nodes[current].function == function) return;
        // A jump into another function, such as a tail call, takes the place of the one that jumped.
        const std::uint32_t node = child(nodes[current].parent, function);
        if (node == 0) return;
        current = node;
        ++nodes[current].calls;
    }

    bool find_caller(std::uint32_t function) {
        std::uint32_t levels = 1;
        for (std::uint32_t up = nodes[current].parent; up != 0; up = nodes[up].parent, ++levels) {
            if (nodes[up].function == function) {
                current = up;
                depth -= levels;
                return true;
            }
        }
        return false;
    }

    // The node of a function called on a path; 0 when the tree is full.
    std::uint32_t child(std::uint32_t parent, std::uint32_t function) {
        const std::uint64_t path = std::uint64_t{parent} << 32 | function;
        const auto found = children.find(path);
        if (found != children.end()) return found->second;
        if (nodes.size() == kNodes) return 0;
        const auto node = static_cast<std::uint32_t>(nodes.size());
        nodes.push_back({parent, function, 0, 0});
        children.emplace(path, node);
        return node;
    }

    const Op* first;
    const std::uint32_t* words;
    std::vector<std::uint32_t> functions;
    Observer observer;
    // The first node is the parent of the entry's and stands for no function.
    std::vector<CallNode> nodes;
    std::unordered_map<std::uint64_t, std::uint32_t> children;
    std::uint32_t current = 0;
    std::uint32_t depth = 0;
    // Calls that were made but have no node.
    std::uint64_t hidden = 0;
    Step step = Step::kNext;
    std::uint64_t cycles = 0;
    std::uint64_t limit = 0;
    Stop stop = kStopCycleLimit;
};

struct Profile {
    Profile(LoadedMachine& machine, const std::uint32_t* function_of) : loaded(machine), mode(machine, function_of) {}
    LoadedMachine& loaded;
    ProfileMode mode;
};

}  // namespace

}  // namespace hm

using hm::Profile;

extern "C" {

// A profile of a started machine, which must outlive it; null when out of memory. function_of: one number for each
// instruction between the code's first and last address.
HM_EXPORT Profile* hm_profile_new(hm::LoadedMachine* loaded, const std::uint32_t* function_of) {
    try {
        return new Profile(*loaded, function_of);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

HM_EXPORT void hm_profile_free(Profile* profile) { delete profile; }

// Runs on until something stops it or `cycles` have been executed in all; 0 when out of memory.
HM_EXPORT int hm_profile_run(Profile* profile, std::uint64_t cycles, hm::Outcome* outcome) {
    try {
        hm::LoadedMachine& loaded = profile->loaded;
        profile->mode.limit = cycles;
        profile->mode.stop = hm::kStopCycleLimit;
        *outcome = hm::interpret(profile->mode, loaded.machine, loaded.code, loaded.memory, 0);
        outcome->cycles = profile->mode.cycles;
        return 1;
    } catch (const std::bad_alloc&) {
        return 0;
    }
}

HM_EXPORT std::size_t hm_profile_nodes(const Profile* profile) { return profile->mode.nodes.size(); }

// Writes (parent, function, cycles, calls) of every node, parents before children.
HM_EXPORT void hm_profile_read(const Profile* profile, std::uint64_t* rows) {
    for (const hm::CallNode& node : profile->mode.nodes) {
        *rows++ = node.parent;
        *rows++ = node.function;
        *rows++ = node.cycles;
        *rows++ = node.calls;
    }
}

}  // extern "C"
