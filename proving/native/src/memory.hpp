// Memory for large arrays that stays with the process: pages are touched once, not once for every phase of a proof.
#pragma once

#include <cstddef>

namespace hm {

// Uninitialised memory at the start of a huge page, or nullptr when there is none.
void* take_memory(std::size_t bytes);

// Gives back what take_memory returned; its pages stay with the process for the next taker.
void give_memory(void* memory);

}  // namespace hm
