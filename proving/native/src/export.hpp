// Linkage of the C interface. HM_NAME gives a function of src/multi the name of the instruction set it is compiled for.
#pragma once

#define HM_EXPORT __attribute__((visibility("default")))

#if defined(HM_ISA_avx512)
#define HM_NAME(name) name##_avx512
#elif defined(HM_ISA_avx2)
#define HM_NAME(name) name##_avx2
#elif defined(HM_ISA_portable)
#define HM_NAME(name) name##_portable
#endif
