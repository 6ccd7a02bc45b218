// What types of requests share on the host: answers of many requests, and tables of several rows for each.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "expand.hpp"
#include "expand/request_rows.hpp"

namespace hm::request {

inline constexpr std::uint32_t kNothing[expand::kLongestRequest] = {};

// Answers `count` requests of so many words each, one behind the other.
template <std::size_t input_words, std::size_t output_words>
void answer_each(const std::uint32_t* inputs, std::size_t count, std::uint32_t* outputs,
                 void (*answer)(const std::uint32_t*, std::uint32_t*)) {
    parallel_for(count, 256, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) answer(inputs + input_words * i, outputs + output_words * i);
    });
}

// fill(request, first, rows) for every turn of a table of this height: its request, its first row, and how many it has.
template <class Fill>
void fill_turns(const std::uint32_t* inputs, std::size_t count, std::size_t words, std::size_t blocks, std::size_t height,
                std::size_t turn, const Fill& fill) {
    parallel_for((height + turn - 1) / turn, 32, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i)
            fill(expand::request_at(inputs, count, words, blocks, i, kNothing), turn * i,
                 std::min(turn, height - turn * i));
    });
}

}  // namespace hm::request
