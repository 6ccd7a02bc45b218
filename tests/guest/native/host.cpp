// The runtime of proven programs on an ordinary machine: serves the state-transition program's C code for tests.
//
// Reads requests from standard input until it ends, each a kind (one 32-bit word), a length (one word) and that many
// bytes, and answers each on standard output:
//   kind 0, run: the bytes are advice, its length word included. Answer: 32 bytes of output, one word with the size of
//           the journal in bytes, the journal.
//   kind 1, recover: r, s, hash (32 big-endian bytes each, below n) and a parity byte, any number of times. Answer: for
//           each a byte that says whether a key was recovered, then x and y (32 bytes each).
//   kind 2, field: a and b (32 little-endian bytes each), any number of times. Answer: for each a + b, a - b, -a - b and
//           a b + b (32 bytes each), and a byte that says whether a + b is the modulus.
//   kind 3, given: r, s, hash and parity as in kind 1, once, then the words of its hints. Answer: a byte that says whether
//           they were taken, then x and y of the key (32 bytes each).
//   kind 4, digits: two scalars (32 big-endian bytes each). Answer: four rows of 132 digits of 16 bits.
// What would trap in the machine aborts here, and so does what the sanitizers find.
#include <algorithm>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "hash/poseidon2.hpp"

extern "C" {
#include "endomorphism.h"
#include "recover.h"

thread_local uint32_t* host_region_input;
thread_local uint32_t* host_region_nodes;
thread_local uint32_t* host_region_transactions;
thread_local uint32_t* host_region_journal;
thread_local uint32_t* host_region_changes;
thread_local uint32_t* host_region_hints;
thread_local uint32_t* host_region_messages;

int guest_main(void);
}

namespace {

const std::uint8_t* advice;
std::size_t advice_left;
std::uint32_t output[8];
std::jmp_buf halt;

// A region of exactly this size, aligned as the nodes of the tree need it, so that the sanitizer sees its ends.
struct Region {
    explicit Region(std::size_t bytes) : memory(static_cast<std::uint32_t*>(std::aligned_alloc(128, bytes))) {
        if (memory == nullptr) std::abort();
    }
    ~Region() { std::free(memory); }
    std::uint32_t* memory;
};

bool read_exactly(void* target, std::size_t size) { return std::fread(target, 1, size, stdin) == size; }

void write_exactly(const void* source, std::size_t size) {
    if (std::fwrite(source, 1, size, stdout) != size) std::abort();
}

void run(const std::vector<std::uint8_t>& bytes) {
    // The program reads its input into this region; its end is where the advice ends.
    std::size_t words = bytes.size() < 8 ? 1 : bytes.size() / 4 - 1;
    std::vector<std::uint32_t> input(words);
    host_region_input = input.data();
    std::memset(host_region_nodes, 0, 128);
    std::memset(host_region_journal, 0, 16);
    advice = bytes.data();
    advice_left = bytes.size() / 4;
    if (setjmp(halt) == 0) guest_main();
    std::uint32_t size = 16 + 64 * (host_region_journal[0] + host_region_journal[1]);
    write_exactly(output, 32);
    write_exactly(&size, 4);
    write_exactly(host_region_journal, size);
}

constexpr std::size_t kItem = 97;

recovery item_at(const std::uint8_t* at) {
    recovery item = {};
    u256_from_bytes(&item.r, at, 32);
    u256_from_bytes(&item.s, at + 32, 32);
    u256_from_bytes(&item.e, at + 64, 32);
    item.parity = at[96];
    return item;
}

void answer_with(const recovery& item) {
    std::uint8_t answer[65] = {};
    answer[0] = item.recovered != 0;
    if (item.recovered) {
        u256_to_bytes(answer + 1, &item.key.x);
        u256_to_bytes(answer + 33, &item.key.y);
    }
    write_exactly(answer, sizeof answer);
}

void recover(const std::vector<std::uint8_t>& bytes) {
    std::size_t count = bytes.size() / kItem;
    std::vector<recovery> items(count);
    for (std::size_t i = 0; i < count; i++) items[i] = item_at(bytes.data() + kItem * i);
    hints given = {};
    hints made = {};
    made.made = host_region_hints;
    std::vector<recovery> again = items;
    if (recover_batch(items.data(), static_cast<std::uint32_t>(count), &made) != 1) std::abort();
    given.at = host_region_hints;
    given.end = given.at + made.made_words;
    // The same with the hints just made, which must not change anything.
    if (recover_batch(again.data(), static_cast<std::uint32_t>(count), &given) != 1) std::abort();
    for (std::size_t i = 0; i < count; i++) {
        bool same = items[i].recovered == again[i].recovered;
        if (items[i].recovered) same = same && std::memcmp(&items[i].key, &again[i].key, sizeof items[i].key) == 0;
        if (!same) std::abort();
    }
    for (const recovery& item : items) answer_with(item);
}

void recover_as_told(const std::vector<std::uint8_t>& bytes) {
    if (bytes.size() < kItem) std::abort();
    recovery item = item_at(bytes.data());
    std::vector<std::uint32_t> words((bytes.size() - kItem) / 4);
    std::memcpy(words.data(), bytes.data() + kItem, 4 * words.size());
    hints given = {};
    given.at = words.data();
    given.end = words.data() + words.size();
    if (recover_batch(&item, 1, &given) != 1) item.recovered = 0;
    answer_with(item);
}

void recode(const std::vector<std::uint8_t>& bytes) {
    if (bytes.size() != 64) std::abort();
    scalar a, b;
    std::int16_t digits[4][DIGITS];
    u256_from_bytes(&a, bytes.data(), 32);
    u256_from_bytes(&b, bytes.data() + 32, 32);
    split_and_recode(digits, &a, &b);
    write_exactly(digits, sizeof digits);
}

void calculate(const std::vector<std::uint8_t>& bytes) {
    for (std::size_t at = 0; at + 64 <= bytes.size(); at += 64) {
        alignas(32) field a, b, results[4];
        field_factors by = {};
        by.p = FIELD_PRIME;
        std::memcpy(&a, bytes.data() + at, 32);
        std::memcpy(&b, bytes.data() + at + 32, 32);
        field_add(&results[0], &a, &b);
        field_sub(&results[1], &a, &b);
        field_negated_sum(&results[2], &a, &b);
        by.b = by.c = b;
        results[3] = a;
        field_multiply_add(&results[3], &by);
        const std::uint8_t opposite = field_opposite(&a, &b) != 0;
        write_exactly(results, sizeof results);
        write_exactly(&opposite, 1);
    }
}

}  // namespace

extern "C" uint32_t hallmark_read_word(void) {
    if (advice_left == 0) {
        std::fputs("trap: advice ended\n", stderr);
        std::abort();
    }
    std::uint32_t word;
    std::memcpy(&word, advice, 4);
    advice += 4;
    advice_left--;
    return word;
}

extern "C" void hallmark_poseidon2_compress(uint32_t buffer[32]) {
    std::uint64_t state[16];
    std::memcpy(state, buffer, sizeof state);
    bool trap = reinterpret_cast<std::uintptr_t>(buffer) % 128 != 0;
    for (std::uint64_t element : state) trap = trap || element >= 0xffffffff00000001ull;
    if (trap) {
        std::fputs("trap: misaligned or not canonical\n", stderr);
        std::abort();
    }
    std::uint64_t result[4];
    hm::compress16(state, result);
    std::memcpy(buffer, result, sizeof result);
}

// In software: the program is not to be tested against the circuit's permutation.
#define keccak_permute software_permute
extern "C" {
#include "../../../guest/example/permutation.c"
}
#undef keccak_permute

extern "C" void hallmark_keccak_f(uint32_t state[50]) {
    if (reinterpret_cast<std::uintptr_t>(state) % 256 != 0) {
        std::fputs("trap: misaligned\n", stderr);
        std::abort();
    }
    software_permute(reinterpret_cast<uint64_t*>(state));
}

// Bit by bit, by a way of its own: the program is not to be tested against the circuit's arithmetic.
extern "C" void hallmark_arith256(uint32_t a[8], const uint32_t bcm[24]) {
    if (reinterpret_cast<std::uintptr_t>(a) % 32 != 0 || reinterpret_cast<std::uintptr_t>(bcm) % 128 != 0) {
        std::fputs("trap: misaligned\n", stderr);
        std::abort();
    }
    std::uint32_t product[16] = {};
    std::memcpy(product, bcm + 8, 32);
    for (int i = 0; i < 8; i++) {
        std::uint64_t carry = 0;
        for (int j = 0; i + j < 16; j++) {
            carry += std::uint64_t{product[i + j]} + (j < 8 ? std::uint64_t{a[i]} * bcm[j] : 0);
            product[i + j] = static_cast<std::uint32_t>(carry);
            carry >>= 32;
        }
    }
    // The modulus, and what is left of the product's upper bits, in nine words; a modulus of zero stands for 2^256.
    std::uint32_t modulus[9] = {}, rest[9] = {};
    std::memcpy(modulus, bcm + 16, 32);
    modulus[8] = std::all_of(modulus, modulus + 8, [](std::uint32_t word) { return word == 0; });
    for (int bit = 511; bit >= 0; bit--) {
        for (int i = 8; i > 0; i--) rest[i] = rest[i] << 1 | rest[i - 1] >> 31;
        rest[0] = rest[0] << 1 | (product[bit / 32] >> bit % 32 & 1);
        int top = 8;
        while (top > 0 && rest[top] == modulus[top]) top--;
        if (rest[top] < modulus[top]) continue;
        std::uint64_t borrow = 0;
        for (int i = 0; i < 9; i++) {
            const std::uint64_t difference = std::uint64_t{rest[i]} - modulus[i] - borrow;
            rest[i] = static_cast<std::uint32_t>(difference);
            borrow = difference >> 63;
        }
    }
    std::memcpy(a, rest, 32);
}

extern "C" void hallmark_exit(const uint32_t words[8]) {
    std::memcpy(output, words, sizeof output);
    std::longjmp(halt, 1);
}

int main() {
    Region nodes(std::size_t{128} << 20), transactions(std::size_t{8} << 20), journal(std::size_t{1} << 20),
        changes(std::size_t{256} << 10),
        made_hints(std::size_t{8} << 20),
        messages(std::size_t{4352} * 32);
    host_region_nodes = nodes.memory;
    host_region_transactions = transactions.memory;
    host_region_journal = journal.memory;
    host_region_changes = changes.memory;
    host_region_hints = made_hints.memory;
    host_region_messages = messages.memory;
    std::uint32_t head[2];
    while (read_exactly(head, sizeof head)) {
        std::vector<std::uint8_t> bytes(head[1]);
        if (!read_exactly(bytes.data(), bytes.size())) return 1;
        switch (head[0]) {
            case 0: run(bytes); break;
            case 1: recover(bytes); break;
            case 2: calculate(bytes); break;
            case 3: recover_as_told(bytes); break;
            default: recode(bytes);
        }
        std::fflush(stdout);
    }
    return 0;
}
