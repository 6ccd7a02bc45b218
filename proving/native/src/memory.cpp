#include "memory.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <map>
#include <mutex>
#include <unordered_map>

#include "export.hpp"
#include "parallel.hpp"

namespace hm {
namespace {

constexpr std::size_t kPage = std::size_t{1} << 21;
// Address space to try for; halved until the system grants it.
constexpr std::size_t kLeast = std::size_t{1} << 30;

// One range of address space, in huge pages. The lowest free place that fits is taken, so that what is in use stays
// together and a process touches little more than its peak.
class Arena {
  public:
    Arena() {
        std::size_t bytes = 2 * static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) *
                            static_cast<std::size_t>(sysconf(_SC_PAGE_SIZE));
        for (bytes = std::max(bytes, kLeast); bytes >= kLeast; bytes /= 2) {
            void* start = mmap(nullptr, bytes + kPage, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
            if (start == MAP_FAILED) continue;
            const auto address = (reinterpret_cast<std::uintptr_t>(start) + kPage - 1) / kPage * kPage;
            base_ = reinterpret_cast<char*>(address);
            madvise(base_, bytes, MADV_HUGEPAGE);
            free_[0] = bytes / kPage;
            return;
        }
    }

    void* take(std::size_t bytes) {
        const std::size_t pages = std::max<std::size_t>((bytes + kPage - 1) / kPage, 1);
        const auto found = std::find_if(free_.begin(), free_.end(), [&](const auto& gap) { return gap.second >= pages; });
        if (found == free_.end()) return nullptr;
        const auto [place, length] = *found;
        free_.erase(found);
        if (length > pages) free_[place + pages] = length - pages;
        taken_[place] = pages;
        touched_ = std::max(touched_, place + pages);
        return base_ + place * kPage;
    }

    void give(void* memory) {
        const std::size_t place = static_cast<std::size_t>(static_cast<char*>(memory) - base_) / kPage;
        const auto taken = taken_.find(place);
        auto gap = free_.emplace(place, taken->second).first;
        taken_.erase(taken);
        if (const auto next = std::next(gap); next != free_.end() && gap->first + gap->second == next->first) {
            gap->second += next->second;
            free_.erase(next);
        }
        if (gap == free_.begin()) return;
        if (const auto before = std::prev(gap); before->first + before->second == gap->first) {
            before->second += gap->second;
            free_.erase(gap);
        }
    }

    // Returns the pages of all gaps to the system.
    void release() {
        for (const auto& [place, length] : free_) {
            if (place >= touched_) break;
            madvise(base_ + place * kPage, std::min(length, touched_ - place) * kPage, MADV_DONTNEED);
        }
        touched_ = 0;
        for (const auto& [place, length] : taken_) touched_ = std::max(touched_, place + length);
    }

  private:
    char* base_ = nullptr;
    std::map<std::size_t, std::size_t> free_;
    std::unordered_map<std::size_t, std::size_t> taken_;
    std::size_t touched_ = 0;  // pages from here on were never taken since the last release
};

std::mutex arena_mutex;

// Leaked on purpose: arrays may outlive the library's own objects.
Arena& arena() {
    static Arena* const only = [] {
        pthread_atfork([] { arena_mutex.lock(); }, [] { arena_mutex.unlock(); }, [] { arena_mutex.unlock(); });
        return new Arena;
    }();
    return *only;
}

}  // namespace

void* take_memory(std::size_t bytes) {
    Arena& from = arena();
    std::lock_guard lock(arena_mutex);
    return from.take(bytes);
}

void give_memory(void* memory) {
    Arena& to = arena();
    std::lock_guard lock(arena_mutex);
    to.give(memory);
}

}  // namespace hm

extern "C" HM_EXPORT void* hm_memory_take(std::size_t bytes) { return hm::take_memory(bytes); }

extern "C" HM_EXPORT void hm_memory_give(void* memory) { hm::give_memory(memory); }

// Returns all memory that is not taken to the system.
extern "C" HM_EXPORT void hm_memory_release() {
    hm::Arena& from = hm::arena();
    std::lock_guard lock(hm::arena_mutex);
    from.release();
}

// Sets bytes to zero on all threads: on first touch the time goes into the pages.
extern "C" HM_EXPORT void hm_memory_clear(void* memory, std::size_t bytes) {
    char* const start = static_cast<char*>(memory);
    hm::parallel_for(bytes, hm::kPage, [=](std::size_t begin, std::size_t end) { std::memset(start + begin, 0, end - begin); });
}

// Copies bytes that do not overlap on all threads.
extern "C" HM_EXPORT void hm_memory_copy(void* target, const void* source, std::size_t bytes) {
    char* const to = static_cast<char*>(target);
    const char* const from = static_cast<const char*>(source);
    hm::parallel_for(bytes, hm::kPage / 4, [=](std::size_t begin, std::size_t end) {
        std::memcpy(to + begin, from + begin, end - begin);
    });
}
