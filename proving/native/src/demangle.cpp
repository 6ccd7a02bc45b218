// Names of C++ and Rust symbols as their programmers wrote them.
#include <cxxabi.h>

#include <cstdlib>
#include <cstring>

#include "export.hpp"

// Writes the name that a symbol stands for, cut to fit; 0 when the symbol is no mangled name.
extern "C" HM_EXPORT int hm_demangle(const char* symbol, char* out, std::size_t size) {
    int status = 0;
    char* name = abi::__cxa_demangle(symbol, nullptr, nullptr, &status);
    if (status != 0 || name == nullptr) return 0;
    std::strncpy(out, name, size - 1);
    out[size - 1] = 0;
    std::free(name);
    return 1;
}
