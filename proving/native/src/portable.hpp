// What runs natively, and on the device where a file is compiled for one.
#pragma once

// Before a function that does.
#ifdef __CUDACC__
#define HM_PORTABLE __device__
#else
#define HM_PORTABLE
#endif
