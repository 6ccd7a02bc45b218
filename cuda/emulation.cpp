// The scheduler behind emulation.hpp, and the functions through which Python allocates and launches.
#include "emulation.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

#define EXPORT extern "C" __attribute__((visibility("default")))

EmulatedIndex gridDim;
EmulatedIndex blockDim;
EmulatedIndex blockIdx;
EmulatedIndex threadIdx;

namespace emulation {
namespace {

using Word = std::uint64_t;

constexpr unsigned kWarp = 32;
constexpr std::size_t kMaxThreads = 1024;
constexpr std::size_t kMaxParameters = 20;
constexpr std::size_t kStackBytes = 256 << 10;

// A place to continue from: the stack pointer under which the registers lie, or a whole context elsewhere.
struct Context {
#if defined(__x86_64__)
    void* stack_pointer = nullptr;
#else
    ucontext_t context;
#endif
    void* fake_stack = nullptr;
};

enum class State { fresh, ready, at_block_barrier, at_warp_barrier, ended };

struct Thread {
    Context context;
    char* stack = nullptr;
    EmulatedIndex index;
    State state = State::fresh;
    const char* file = nullptr;
    int line = 0;
    unsigned mask = 0;
    unsigned source = 0;
    Word value = 0;
};

struct Launch {
    void* kernel = nullptr;
    const Word* arguments = nullptr;
    std::size_t count = 0;
};

std::mutex launch_mutex;
std::mt19937_64 random_source(1);
std::string skipped_file;
int skipped_line = 0;
std::vector<Thread> threads;
// Stacks that no thread is on. A thread that ends leaves its own to the next one, so few are ever touched where a kernel
// has no barrier.
std::vector<char*> free_stacks;
Context scheduler;
const void* scheduler_stack = nullptr;
std::size_t scheduler_stack_size = 0;
std::size_t current = 0;
void* shared = nullptr;
Launch launched;
std::string failure;

#if defined(__x86_64__)
extern "C" void emulation_switch(void** save, void* load);
asm(R"(
.text
.globl emulation_switch
.hidden emulation_switch
.type emulation_switch, @function
emulation_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size emulation_switch, .-emulation_switch
)");

void jump(Context& from, Context& to) { emulation_switch(&from.stack_pointer, to.stack_pointer); }

// The first switch to the context pops six registers and returns into `entry`, on a stack aligned as after a call.
void prepare(Context& context, char* stack, void (*entry)()) {
    auto** top = reinterpret_cast<void**>(stack + kStackBytes) - 2;
    *top = reinterpret_cast<void*>(entry);
    std::fill(top - 6, top, nullptr);
    context.stack_pointer = top - 6;
    context.fake_stack = nullptr;
}
#else
void jump(Context& from, Context& to) { swapcontext(&from.context, &to.context); }

void prepare(Context& context, char* stack, void (*entry)()) {
    getcontext(&context.context);
    context.context.uc_stack.ss_sp = stack;
    context.context.uc_stack.ss_size = kStackBytes;
    context.context.uc_link = nullptr;
    makecontext(&context.context, entry, 0);
    context.fake_stack = nullptr;
}
#endif

// The address sanitizer must know which stack is in use.
void announce_switch([[maybe_unused]] void** fake_stack, [[maybe_unused]] const void* bottom,
                     [[maybe_unused]] std::size_t size) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(fake_stack, bottom, size);
#endif
}

void finish_switch([[maybe_unused]] void* fake_stack, [[maybe_unused]] const void** bottom,
                   [[maybe_unused]] std::size_t* size) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake_stack, bottom, size);
#endif
}

void run_thread();

// Runs a thread up to its next barrier or its end.
void resume(std::size_t number) {
    current = number;
    Thread& thread = threads[number];
    if (thread.state == State::fresh) {
        thread.stack = free_stacks.back();
        free_stacks.pop_back();
        prepare(thread.context, thread.stack, run_thread);
    }
    thread.state = State::ready;
    threadIdx = thread.index;
    announce_switch(&scheduler.fake_stack, thread.stack, kStackBytes);
    jump(scheduler, thread.context);
    finish_switch(scheduler.fake_stack, nullptr, nullptr);
    if (thread.state == State::ended) free_stacks.push_back(thread.stack);
}

// Gives the processor back until the scheduler resumes this thread.
void wait(State state) {
    Thread& thread = threads[current];
    thread.state = state;
    announce_switch(state == State::ended ? nullptr : &thread.context.fake_stack, scheduler_stack,
                    scheduler_stack_size);
    jump(thread.context, scheduler);
    finish_switch(thread.context.fake_stack, nullptr, nullptr);
}

template <std::size_t... I>
void call_with(const Launch& launch, std::index_sequence<I...>) {
    reinterpret_cast<void (*)(decltype(static_cast<Word>(I))...)>(launch.kernel)(launch.arguments[I]...);
}

template <std::size_t count = 0>
void call(const Launch& launch) {
    if (launch.count == count) {
        call_with(launch, std::make_index_sequence<count>());
    } else if constexpr (count < kMaxParameters) {
        call<count + 1>(launch);
    }
}

__attribute__((no_sanitize("address"))) void run_thread() {
    finish_switch(nullptr, &scheduler_stack, &scheduler_stack_size);
    call(launched);
    wait(State::ended);
    std::abort();
}

std::string place(const Thread& thread) { return std::string(thread.file) + ":" + std::to_string(thread.line); }

// Releases the warps all of whose threads wait at one place, after giving each thread the value it asked for.
bool release_warps() {
    bool released = false;
    for (std::size_t first = 0; first < threads.size(); first += kWarp) {
        const std::size_t size = std::min<std::size_t>(kWarp, threads.size() - first);
        for (std::size_t at = 0; at < size; ++at) {
            const Thread& leader = threads[first + at];
            if (leader.state != State::at_warp_barrier || (leader.mask >> at & 1) == 0) continue;
            std::vector<std::size_t> members;
            bool complete = true;
            for (std::size_t lane = 0; lane < size; ++lane) {
                if ((leader.mask >> lane & 1) == 0) continue;
                const Thread& other = threads[first + lane];
                complete &= other.state == State::at_warp_barrier && other.mask == leader.mask &&
                            other.line == leader.line && std::string_view(other.file) == leader.file;
                members.push_back(lane);
            }
            if (!complete) continue;
            std::array<Word, kWarp> brought{};
            for (const std::size_t lane : members) brought[lane] = threads[first + lane].value;
            for (const std::size_t lane : members) {
                Thread& thread = threads[first + lane];
                const bool inside = thread.source < size && (leader.mask >> thread.source & 1) != 0;
                thread.value = brought[inside ? thread.source : lane];
                thread.state = State::ready;
            }
            released = true;
        }
    }
    return released;
}

// Releases the block when all its threads wait at the same barrier; false when they never will.
bool release_block() {
    const Thread& first = threads.front();
    for (const Thread& thread : threads) {
        if (thread.state != State::at_block_barrier || thread.line != first.line ||
            std::string_view(thread.file) != first.file) {
            const auto waits = [](const Thread& one) {
                if (one.state == State::ended) return std::string("has ended");
                return "waits at " + place(one);
            };
            failure = "diverged barriers: thread 0 " + waits(first) + ", thread " +
                      std::to_string(&thread - threads.data()) + " " + waits(thread);
            return false;
        }
    }
    for (Thread& thread : threads) thread.state = State::ready;
    return true;
}

bool run_block(std::size_t shared_bytes) {
    auto* bytes = static_cast<unsigned char*>(std::malloc(std::max<std::size_t>(shared_bytes, 1)));
    const auto garbage = static_cast<unsigned char>(random_source());
    for (std::size_t i = 0; i < shared_bytes; ++i) bytes[i] = static_cast<unsigned char>(garbage + 151 * i);
    shared = bytes;
    for (Thread& thread : threads) thread.state = State::fresh;
    std::vector<std::size_t> order(threads.size());
    std::iota(order.begin(), order.end(), 0);
    std::size_t ended = 0;
    while (failure.empty() && ended < threads.size()) {
        std::shuffle(order.begin(), order.end(), random_source);
        bool ran = false;
        for (const std::size_t number : order) {
            if (threads[number].state != State::ready && threads[number].state != State::fresh) continue;
            ran = true;
            resume(number);
            ended += threads[number].state == State::ended;
        }
        if (!ran && !release_warps()) release_block();
    }
    std::free(bytes);
    return failure.empty();
}

// Stacks live as long as the process; the kernel gives pages only to those that are used.
void make_threads(std::size_t count) {
    static std::vector<char*> stacks;
    while (stacks.size() < count) {
        void* const made = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
        if (made == MAP_FAILED) {
            failure = "no memory for the stacks of the threads";
            return;
        }
        stacks.push_back(static_cast<char*>(made));
    }
    // A launch that failed left threads behind in the middle; their stacks are free again as well.
    free_stacks = stacks;
    threads.assign(count, Thread{});
    for (std::size_t number = 0; number < count; ++number) {
        threads[number].index.x = static_cast<unsigned>(number % blockDim.x);
        threads[number].index.y = static_cast<unsigned>(number / blockDim.x);
    }
}

}  // namespace

void block_barrier(const char* file, int line) {
    if (line == skipped_line && std::string_view(file).ends_with(skipped_file)) return;
    threads[current].file = file;
    threads[current].line = line;
    wait(State::at_block_barrier);
}

Word warp_exchange(unsigned mask, Word value, unsigned source, const char* file, int line) {
    Thread& thread = threads[current];
    if (line == skipped_line && std::string_view(file).ends_with(skipped_file)) return value;
    thread.file = file;
    thread.line = line;
    thread.mask = mask;
    thread.source = source;
    thread.value = value;
    wait(State::at_warp_barrier);
    return thread.value;
}

unsigned lane() { return static_cast<unsigned>(current % kWarp); }

void* shared_memory() { return shared; }

}  // namespace emulation

// Memory whose content a kernel must not rely on.
EXPORT void* emulation_allocate(std::uint64_t bytes) {
    void* const made = std::malloc(std::max<std::uint64_t>(bytes, 1));
    if (made != nullptr) std::memset(made, 0xa5, bytes);
    return made;
}

EXPORT void emulation_free(void* memory) { std::free(memory); }

EXPORT void emulation_seed(std::uint64_t seed) { emulation::random_source.seed(seed); }

// Makes the barrier at this place do nothing, to show that a test fails without it; an empty file makes all work.
EXPORT void emulation_skip_barrier(const char* file, int line) {
    emulation::skipped_file = file;
    emulation::skipped_line = *file == 0 ? 0 : line;
}

// Runs a kernel; 0, or 1 with a sentence in `error`.
EXPORT int emulation_launch(void* kernel, const std::uint64_t* grid, const std::uint64_t* block,
                            std::uint64_t shared_bytes, const std::uint64_t* arguments, std::uint64_t count,
                            char* error, std::uint64_t error_size) {
    using namespace emulation;
    const std::lock_guard lock(launch_mutex);
    failure.clear();
    const std::uint64_t size = block[0] * block[1];
    if (size == 0 || size > kMaxThreads || count > kMaxParameters) failure = "impossible launch";
    gridDim = {static_cast<unsigned>(grid[0]), static_cast<unsigned>(grid[1]), 1};
    blockDim = {static_cast<unsigned>(block[0]), static_cast<unsigned>(block[1]), 1};
    launched = {kernel, arguments, count};
    if (failure.empty()) make_threads(size);
    std::vector<std::uint64_t> blocks(grid[0] * grid[1]);
    std::iota(blocks.begin(), blocks.end(), 0);
    std::shuffle(blocks.begin(), blocks.end(), random_source);
    for (const std::uint64_t number : blocks) {
        blockIdx = {static_cast<unsigned>(number % grid[0]), static_cast<unsigned>(number / grid[0]), 0};
        if (!failure.empty() || !run_block(shared_bytes)) break;
    }
    std::snprintf(error, error_size, "%s", failure.c_str());
    return failure.empty() ? 0 : 1;
}
