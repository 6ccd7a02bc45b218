// What compiled C++ expects of its runtime: new and delete on the kit's heap, and no exceptions.
#include <new>

#include <stdint.h>
#include <stdlib.h>

#include "hallmark_report.h"

const std::nothrow_t std::nothrow{};

static void* found(void* block) {
    if (block == nullptr) hallmark_panic("operator new: the heap is full");
    return block;
}

void* operator new(size_t size) { return found(malloc(size)); }
void* operator new[](size_t size) { return found(malloc(size)); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return malloc(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return malloc(size); }
void* operator new(size_t size, std::align_val_t alignment) {
    return found(aligned_alloc(static_cast<size_t>(alignment), size));
}
void* operator new[](size_t size, std::align_val_t alignment) { return operator new(size, alignment); }
void operator delete(void* block) noexcept { free(block); }
void operator delete[](void* block) noexcept { free(block); }
void operator delete(void* block, size_t) noexcept { free(block); }
void operator delete[](void* block, size_t) noexcept { free(block); }
void operator delete(void* block, std::align_val_t) noexcept { free(block); }
void operator delete[](void* block, std::align_val_t) noexcept { free(block); }
void operator delete(void* block, size_t, std::align_val_t) noexcept { free(block); }
void operator delete[](void* block, size_t, std::align_val_t) noexcept { free(block); }

// A destructor that runs when main returns; a program that ends with hallmark_exit or hallmark_finish runs none.
struct AtExit {
    void (*call)(void*);
    void* argument;
    AtExit* earlier;
};

static AtExit* last_registered;

__attribute__((destructor)) static void run_registered() {
    while (last_registered != nullptr) {
        AtExit* item = last_registered;
        last_registered = item->earlier;
        item->call(item->argument);
        delete item;
    }
}

extern "C" {

void* __dso_handle = nullptr;

int __cxa_atexit(void (*call)(void*), void* argument, void*) {
    last_registered = new AtExit{call, argument, last_registered};
    return 0;
}

[[noreturn]] void __cxa_pure_virtual() { hallmark_panic("a pure virtual function was called"); }

// There is one thread: the guard of a static object only says whether it is made.
int __cxa_guard_acquire(uint64_t* guard) { return *reinterpret_cast<uint8_t*>(guard) == 0; }
void __cxa_guard_release(uint64_t* guard) { *reinterpret_cast<uint8_t*>(guard) = 1; }

}
