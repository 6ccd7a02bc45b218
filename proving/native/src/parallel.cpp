#include "parallel.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "export.hpp"

namespace hm {
namespace {

struct Work {
    std::size_t count;
    std::size_t grain;
    RangeFunction function;
    void* context;
    std::atomic<std::size_t> next{0};
    std::size_t helpers = 0;  // guarded by the pool's mutex

    void run() {
        for (;;) {
            const std::size_t begin = next.fetch_add(grain, std::memory_order_relaxed);
            if (begin >= count) return;
            function(context, begin, std::min(begin + grain, count));
        }
    }
};

thread_local bool inside_piece = false;

class Pool {
  public:
    explicit Pool(std::size_t threads) {
        for (std::size_t i = 1; i < threads; ++i) std::thread([this] { serve(); }).detach();
    }

    void run(Work& work) {
        {
            std::lock_guard lock(mutex_);
            queue_.push_back(&work);
        }
        wake_.notify_all();
        inside_piece = true;
        work.run();
        inside_piece = false;
        std::unique_lock lock(mutex_);
        forget(&work);
        done_.wait(lock, [&] { return work.helpers == 0; });
    }

  private:
    void forget(Work* work) {
        const auto found = std::find(queue_.begin(), queue_.end(), work);
        if (found != queue_.end()) queue_.erase(found);
    }

    void serve() {
        inside_piece = true;
        std::unique_lock lock(mutex_);
        for (;;) {
            wake_.wait(lock, [this] { return !queue_.empty(); });
            Work* work = queue_.front();
            ++work->helpers;
            lock.unlock();
            work->run();
            lock.lock();
            forget(work);
            if (--work->helpers == 0) done_.notify_all();
        }
    }

    std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable done_;
    std::deque<Work*> queue_;
};

std::size_t default_threads() { return std::max(1u, std::thread::hardware_concurrency()); }

std::mutex pool_mutex;
std::size_t wanted_threads = 0;
Pool* pool = nullptr;

// The pool is leaked on purpose: its detached threads wait on it until the process ends. After a fork the threads are
// gone, so the child forgets the pool and starts one of its own.
Pool& current_pool() {
    static const int registered = pthread_atfork([] { pool_mutex.lock(); }, [] { pool_mutex.unlock(); },
                                                 [] {
                                                     pool_mutex.unlock();
                                                     pool = nullptr;
                                                     inside_piece = false;
                                                 });
    static_cast<void>(registered);
    std::lock_guard lock(pool_mutex);
    if (pool == nullptr) pool = new Pool(wanted_threads == 0 ? default_threads() : wanted_threads);
    return *pool;
}

}  // namespace

std::size_t thread_count() {
    std::lock_guard lock(pool_mutex);
    return wanted_threads == 0 ? default_threads() : wanted_threads;
}

void run_ranges(std::size_t count, std::size_t grain, RangeFunction function, void* context) {
    if (count == 0) return;
    grain = std::max<std::size_t>(grain, 1);
    if (count <= grain || inside_piece || thread_count() == 1) {
        for (std::size_t begin = 0; begin < count; begin += grain)
            function(context, begin, std::min(begin + grain, count));
        return;
    }
    Work work{count, grain, function, context};
    current_pool().run(work);
}

}  // namespace hm

// Sets the number of threads of pools started from now on; call before the first kernel.
extern "C" HM_EXPORT void hm_set_threads(std::size_t threads) {
    std::lock_guard lock(hm::pool_mutex);
    hm::wanted_threads = threads;
    hm::pool = nullptr;
}
