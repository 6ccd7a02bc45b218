// Tables of roots of unity in bit-reversed order, shared by every kernel.
#pragma once

#include <cstdint>

#include "field/goldilocks.hpp"

namespace hm {

// A table R of at least 2^log_size entries, R[j] = product over the bits k of j of w_{k+2} (or its inverse), where w_m
// generates the subgroup of order 2^m. So R[j] = w_{log m}^(reversed j) runs over half of <w_m> in bit-reversed order, for
// every m: the twiddle of block j in every layer of a transform, and the even points of a bit-reversed domain.
// The table lives until the process ends.
const std::uint64_t* bit_reversed_roots(unsigned log_size, bool inverse);

}  // namespace hm
