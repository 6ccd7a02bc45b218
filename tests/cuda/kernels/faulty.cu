// Kernels with the faults that the emulation must find, each beside its sound twin.
#include "launch.cuh"

using gpu::u64;

// out[i] = the sum of all threads' numbers; `fault` 1 to 3 leaves out what keeps it right.
extern "C" __global__ void block_total(u64* out, u64 fault) {
    u64* const words = gpu::shared_words();
    words[threadIdx.x] = threadIdx.x;
    if (fault != 1) __syncthreads();
    u64 total = 0;
    for (unsigned i = 0; i < blockDim.x; ++i) total += words[i];
    if (fault != 2) __syncthreads();
    words[threadIdx.x] = total + (fault == 2 ? threadIdx.x : 0);
    out[threadIdx.x] = words[threadIdx.x] - (fault == 2 ? threadIdx.x : 0);
}

// Threads that take different branches to different barriers.
extern "C" __global__ void diverging(u64* out, u64 limit) {
    if (threadIdx.x < limit) {
        __syncthreads();
    } else {
        __syncthreads();
    }
    out[threadIdx.x] = threadIdx.x;
}

// Threads that end while others wait.
extern "C" __global__ void leaving(u64* out, u64 limit) {
    if (threadIdx.x >= limit) return;
    __syncthreads();
    out[threadIdx.x] = threadIdx.x;
}

// Shared memory beyond what the launch gave.
extern "C" __global__ void reaching(u64* out, u64 index) {
    out[threadIdx.x] = gpu::shared_words()[threadIdx.x == 0 ? index : 0];
}

// The sum over each warp, by shuffles.
extern "C" __global__ void warp_total(u64* out, u64 count) {
    u64 total = threadIdx.x + count;
    for (unsigned delta = 16; delta > 0; delta /= 2) total += __shfl_down_sync(0xffffffffu, total, delta);
    __syncwarp();
    out[threadIdx.x] = total;
}

// Every thread's place.
extern "C" __global__ void places(u64* out, u64 width) {
    out[blockIdx.y * width + blockIdx.x * blockDim.x + threadIdx.x] =
        (static_cast<u64>(gridDim.x) << 32) + (blockIdx.y << 16) + (blockIdx.x << 8) + threadIdx.x;
}
