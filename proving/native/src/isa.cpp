#include "export.hpp"

// The best instruction set of this CPU: 0 portable, 1 AVX2 (with BMI2 and ADX), 2 AVX-512 (F, DQ, VL, BW, IFMA).
extern "C" HM_EXPORT int hm_cpu_isa() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
                      __builtin_cpu_supports("adx");
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512ifma");
    if (avx2 && avx512) return 2;
    return avx2 ? 1 : 0;
#else
    return 0;
#endif
}
