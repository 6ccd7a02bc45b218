// Columns of tables, in their order. Written by python -m proving.machine.columns.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

// The place of a column, of a struct of a table's columns.
#define HM_COLUMN(table, name) (offsetof(hm::expand::columns::table, name) / sizeof(std::uint64_t))

namespace hm::expand::columns {

struct AddImmediate {
    std::uint64_t clk = 0;
    std::uint64_t pc = 0;
    std::uint64_t is_add = 0;
    std::uint64_t is_advice = 0;
    std::uint64_t rs1 = 0;
    std::uint64_t rd = 0;
    std::uint64_t imm = 0;
    std::uint64_t v1 = 0;
    std::uint64_t old = 0;
    std::uint64_t out = 0;
    std::uint64_t p1 = 0;
    std::uint64_t pd = 0;
    std::uint64_t out_high = 0;
};
static_assert(sizeof(AddImmediate) == 8 * 13);

struct Add {
    std::uint64_t clk = 0;
    std::uint64_t pc = 0;
    std::uint64_t is_add = 0;
    std::uint64_t is_sub = 0;
    std::uint64_t is_sltu = 0;
    std::uint64_t equal = 0;
    std::uint64_t less = 0;
    std::uint64_t negate = 0;
    std::uint64_t rs1 = 0;
    std::uint64_t rs2 = 0;
    std::uint64_t rd = 0;
    std::uint64_t target = 0;
    std::uint64_t v1 = 0;
    std::uint64_t v2 = 0;
    std::uint64_t old = 0;
    std::uint64_t out = 0;
    std::uint64_t p1 = 0;
    std::uint64_t p2 = 0;
    std::uint64_t pd = 0;
    std::uint64_t x = 0;
    std::uint64_t x_high = 0;
    std::uint64_t next_pc = 0;
};
static_assert(sizeof(Add) == 8 * 22);

struct Control {
    std::uint64_t clk = 0;
    std::uint64_t pc = 0;
    std::uint64_t jal = 0;
    std::uint64_t jalr = 0;
    std::uint64_t less = 0;
    std::uint64_t set_signed = 0;
    std::uint64_t set_immediate = 0;
    std::uint64_t negate = 0;
    std::uint64_t rs1 = 0;
    std::uint64_t rs2 = 0;
    std::uint64_t rd = 0;
    std::uint64_t imm = 0;
    std::uint64_t target = 0;
    std::uint64_t v1 = 0;
    std::uint64_t v2 = 0;
    std::uint64_t old = 0;
    std::uint64_t out = 0;
    std::uint64_t p1 = 0;
    std::uint64_t p2 = 0;
    std::uint64_t pd = 0;
    std::uint64_t compare = 0;
    std::uint64_t next_pc = 0;
    std::uint64_t x_low = 0;
    std::uint64_t x_high = 0;
    std::uint64_t sign1 = 0;
    std::uint64_t sign2 = 0;
    std::uint64_t t1 = 0;
    std::uint64_t t2 = 0;
};
static_assert(sizeof(Control) == 8 * 28);

struct Bitwise {
    std::uint64_t clk = 0;
    std::uint64_t pc = 0;
    std::uint64_t is_and = 0;
    std::uint64_t is_or = 0;
    std::uint64_t is_xor = 0;
    std::uint64_t is_sll = 0;
    std::uint64_t is_srl = 0;
    std::uint64_t is_sra = 0;
    std::uint64_t rs1 = 0;
    std::uint64_t rs2 = 0;
    std::uint64_t rd = 0;
    std::uint64_t imm = 0;
    std::uint64_t old = 0;
    std::uint64_t out = 0;
    std::uint64_t p1 = 0;
    std::uint64_t p2 = 0;
    std::uint64_t pd = 0;
    std::array<std::uint64_t, 4> a{};
    std::array<std::uint64_t, 4> b{};
    std::array<std::uint64_t, 4> both{};
    std::uint64_t power = 0;
    std::uint64_t r_low = 0;
    std::uint64_t r_high = 0;
    std::uint64_t o_low = 0;
    std::uint64_t o_high = 0;
    std::uint64_t sign = 0;
};
static_assert(sizeof(Bitwise) == 8 * 35);

struct MulDiv {
    std::uint64_t clk = 0;
    std::uint64_t pc = 0;
    std::uint64_t is_mul = 0;
    std::uint64_t is_mulh = 0;
    std::uint64_t is_mulhu = 0;
    std::uint64_t is_mulhsu = 0;
    std::uint64_t is_div = 0;
    std::uint64_t is_divu = 0;
    std::uint64_t is_rem = 0;
    std::uint64_t is_remu = 0;
    std::uint64_t rs1 = 0;
    std::uint64_t rs2 = 0;
    std::uint64_t rd = 0;
    std::uint64_t v1 = 0;
    std::uint64_t v2 = 0;
    std::uint64_t old = 0;
    std::uint64_t out = 0;
    std::uint64_t p1 = 0;
    std::uint64_t p2 = 0;
    std::uint64_t pd = 0;
    std::uint64_t q_low = 0;
    std::uint64_t q_high = 0;
    std::uint64_t r_low = 0;
    std::uint64_t r_high = 0;
    std::uint64_t s_low = 0;
    std::uint64_t s_high = 0;
    std::uint64_t sign1 = 0;
    std::uint64_t sign2 = 0;
    std::uint64_t t1 = 0;
    std::uint64_t t2 = 0;
    std::uint64_t negative = 0;
    std::uint64_t by_zero = 0;
    std::uint64_t inverse = 0;
    std::uint64_t nonzero = 0;
    std::uint64_t result_inverse = 0;
};
static_assert(sizeof(MulDiv) == 8 * 35);

struct MemoryWord {
    std::uint64_t clk = 0;
    std::uint64_t pc = 0;
    std::uint64_t load = 0;
    std::uint64_t store = 0;
    std::uint64_t rs1 = 0;
    std::uint64_t rs2 = 0;
    std::uint64_t rd = 0;
    std::uint64_t imm = 0;
    std::uint64_t carry = 0;
    std::uint64_t v1 = 0;
    std::uint64_t mem_old = 0;
    std::uint64_t reg_old = 0;
    std::uint64_t value = 0;
    std::uint64_t p1 = 0;
    std::uint64_t pm = 0;
    std::uint64_t pr = 0;
};
static_assert(sizeof(MemoryWord) == 8 * 16);

struct MemorySub {
    std::uint64_t clk = 0;
    std::uint64_t pc = 0;
    std::uint64_t load = 0;
    std::uint64_t store = 0;
    std::uint64_t byte = 0;
    std::uint64_t signed_ = 0;
    std::uint64_t rs1 = 0;
    std::uint64_t rs2 = 0;
    std::uint64_t rd = 0;
    std::uint64_t imm = 0;
    std::uint64_t carry = 0;
    std::uint64_t v1 = 0;
    std::uint64_t o0 = 0;
    std::uint64_t o1 = 0;
    std::uint64_t mem_old = 0;
    std::uint64_t mem_new = 0;
    std::uint64_t reg_old = 0;
    std::uint64_t reg_new = 0;
    std::uint64_t p1 = 0;
    std::uint64_t pm = 0;
    std::uint64_t pr = 0;
    std::uint64_t x0 = 0;
    std::uint64_t x1 = 0;
    std::uint64_t y = 0;
    std::uint64_t c0 = 0;
    std::uint64_t c1 = 0;
    std::uint64_t rest = 0;
    std::uint64_t sign = 0;
    std::uint64_t change = 0;
};
static_assert(sizeof(MemorySub) == 8 * 29);

struct Call {
    std::uint64_t compression = 0;
    std::uint64_t arith256 = 0;
    std::uint64_t keccak_f = 0;
    std::uint64_t sha256 = 0;
    std::uint64_t blake2s = 0;
    std::uint64_t answering = 0;
    std::uint64_t clk = 0;
    std::uint64_t pointer = 0;
    std::uint64_t numbers = 0;
    std::array<std::uint64_t, 16> lane{};
    std::array<std::uint64_t, 2> word{};
    std::array<std::uint64_t, 2> old{};
    std::array<std::uint64_t, 2> previous{};
    std::array<std::uint64_t, 2> upper{};
};
static_assert(sizeof(Call) == 8 * 33);

struct Idle {
    std::uint64_t real = 0;
    std::uint64_t key = 0;
    std::uint64_t value = 0;
    std::uint64_t previous = 0;
    std::uint64_t low = 0;
    std::uint64_t high = 0;
};
static_assert(sizeof(Idle) == 8 * 6);

struct Decode {
    std::uint64_t pc = 0;
    std::uint64_t count = 0;
    std::uint64_t opcode = 0;
    std::uint64_t b7 = 0;
    std::uint64_t b8 = 0;
    std::uint64_t funct3 = 0;
    std::uint64_t rs1_field = 0;
    std::uint64_t b20 = 0;
    std::uint64_t b21 = 0;
    std::uint64_t b25 = 0;
    std::uint64_t b31 = 0;
    std::uint64_t is_register = 0;
    std::uint64_t is_immediate = 0;
    std::uint64_t is_shift = 0;
    std::uint64_t is_store = 0;
    std::uint64_t is_branch = 0;
    std::uint64_t is_upper = 0;
    std::uint64_t is_upper_pc = 0;
    std::uint64_t is_jump = 0;
    std::uint64_t is_jump_register = 0;
    std::uint64_t is_halt = 0;
    std::uint64_t is_advice = 0;
    std::uint64_t is_poseidon2 = 0;
    std::uint64_t is_fence = 0;
    std::uint64_t is_request = 0;
    std::uint64_t operation = 0;
    std::uint64_t funct7 = 0;
    std::uint64_t rd = 0;
    std::uint64_t rs1 = 0;
    std::uint64_t rs2 = 0;
    std::uint64_t imm = 0;
    std::uint64_t target = 0;
    std::uint64_t imm_high = 0;
    std::uint64_t target_high = 0;
    std::uint64_t imm_carry = 0;
    std::uint64_t target_carry = 0;
    std::uint64_t writes = 0;
    std::uint64_t rd_inverse = 0;
    std::uint64_t halt_inverse = 0;
};
static_assert(sizeof(Decode) == 8 * 39);

struct Page {
    std::uint64_t block = 0;
    std::uint64_t node = 0;
    std::uint64_t space = 0;
    std::uint64_t level = 0;
    std::uint64_t index = 0;
    std::array<std::uint64_t, 4> touched{};
    std::array<std::uint64_t, 16> element{};
    std::array<std::uint64_t, 4> digest{};
    std::array<std::uint64_t, 16> time{};
};
static_assert(sizeof(Page) == 8 * 45);

struct Poseidon2 {
    std::array<std::uint64_t, 16> state{};
    std::array<std::uint64_t, 16> cube{};
    std::array<std::uint64_t, 11> inner{};
    std::array<std::uint64_t, 11> inner_cube{};
    std::array<std::uint64_t, 4> output{};
    std::uint64_t count = 0;
};
static_assert(sizeof(Poseidon2) == 8 * 59);

struct Arith256 {
    std::uint64_t real = 0;
    std::uint64_t position = 0;
    std::array<std::uint64_t, 16> a{};
    std::array<std::uint64_t, 16> b{};
    std::array<std::uint64_t, 16> c{};
    std::array<std::uint64_t, 16> m{};
    std::array<std::uint64_t, 16> r{};
    std::array<std::uint64_t, 16> rest{};
    std::array<std::uint64_t, 32> q{};
    std::uint64_t wraps = 0;
    std::array<std::uint64_t, 5> over{};
    std::array<std::uint64_t, 23> carry_low{};
    std::array<std::uint64_t, 23> carry_high{};
};
static_assert(sizeof(Arith256) == 8 * 182);

struct Chain {
    std::array<std::uint64_t, 16> state{};
    std::array<std::uint64_t, 16> cube{};
    std::array<std::uint64_t, 11> inner{};
    std::array<std::uint64_t, 11> inner_cube{};
    std::array<std::uint64_t, 4> digest{};
    std::uint64_t real = 0;
    std::uint64_t position = 0;
};
static_assert(sizeof(Chain) == 8 * 60);

struct KeccakF {
    std::array<std::uint64_t, 48> step{};
    std::uint64_t real = 0;
    std::uint64_t position = 0;
    std::array<std::uint64_t, 25> word{};
    std::array<std::uint64_t, 25> ahead{};
    std::array<std::uint64_t, 25> later{};
    std::array<std::uint64_t, 5> edge{};
    std::array<std::uint64_t, 32> parity0{};
    std::array<std::uint64_t, 32> parity1{};
    std::array<std::uint64_t, 32> parity2{};
    std::array<std::uint64_t, 32> parity3{};
    std::array<std::uint64_t, 32> parity4{};
    std::array<std::uint64_t, 32> mixed0{};
    std::array<std::uint64_t, 32> mixed1{};
    std::array<std::uint64_t, 32> mixed2{};
    std::array<std::uint64_t, 32> mixed3{};
    std::array<std::uint64_t, 32> mixed4{};
    std::array<std::uint64_t, 32> mixed5{};
    std::array<std::uint64_t, 32> mixed6{};
    std::array<std::uint64_t, 32> mixed7{};
    std::array<std::uint64_t, 32> mixed8{};
    std::array<std::uint64_t, 32> mixed9{};
    std::array<std::uint64_t, 32> mixed10{};
    std::array<std::uint64_t, 32> mixed11{};
    std::array<std::uint64_t, 32> mixed12{};
    std::array<std::uint64_t, 32> mixed13{};
    std::array<std::uint64_t, 32> mixed14{};
    std::array<std::uint64_t, 32> mixed15{};
    std::array<std::uint64_t, 32> mixed16{};
    std::array<std::uint64_t, 32> mixed17{};
    std::array<std::uint64_t, 32> mixed18{};
    std::array<std::uint64_t, 32> mixed19{};
    std::array<std::uint64_t, 32> mixed20{};
    std::array<std::uint64_t, 32> mixed21{};
    std::array<std::uint64_t, 32> mixed22{};
    std::array<std::uint64_t, 32> mixed23{};
    std::array<std::uint64_t, 32> mixed24{};
};
static_assert(sizeof(KeccakF) == 8 * 1090);

struct Sha256 {
    std::array<std::uint64_t, 18> step{};
    std::uint64_t real = 0;
    std::uint64_t position = 0;
    std::array<std::uint64_t, 32> a0{};
    std::array<std::uint64_t, 32> a1{};
    std::array<std::uint64_t, 32> a2{};
    std::array<std::uint64_t, 32> a3{};
    std::array<std::uint64_t, 32> e0{};
    std::array<std::uint64_t, 32> e1{};
    std::array<std::uint64_t, 32> e2{};
    std::array<std::uint64_t, 32> e3{};
    std::array<std::uint64_t, 32> w0{};
    std::array<std::uint64_t, 32> w1{};
    std::array<std::uint64_t, 32> w2{};
    std::array<std::uint64_t, 32> w3{};
    std::array<std::uint64_t, 8> start{};
    std::array<std::uint64_t, 8> element{};
    std::array<std::uint64_t, 4> early{};
    std::array<std::uint64_t, 4> middle{};
    std::array<std::uint64_t, 4> late{};
    std::array<std::uint64_t, 4> carry_low{};
    std::array<std::uint64_t, 4> carry_high{};
    std::array<std::uint64_t, 4> carry_a{};
    std::array<std::uint64_t, 4> carry_w{};
};
static_assert(sizeof(Sha256) == 8 * 448);

struct Blake2s {
    std::array<std::uint64_t, 22> step{};
    std::uint64_t real = 0;
    std::uint64_t position = 0;
    std::array<std::uint64_t, 32> b0{};
    std::array<std::uint64_t, 32> b1{};
    std::array<std::uint64_t, 32> b2{};
    std::array<std::uint64_t, 32> b3{};
    std::array<std::uint64_t, 32> d0{};
    std::array<std::uint64_t, 32> d1{};
    std::array<std::uint64_t, 32> d2{};
    std::array<std::uint64_t, 32> d3{};
    std::array<std::uint64_t, 32> sum_a0{};
    std::array<std::uint64_t, 32> sum_a1{};
    std::array<std::uint64_t, 32> sum_a2{};
    std::array<std::uint64_t, 32> sum_a3{};
    std::array<std::uint64_t, 32> sum_c0{};
    std::array<std::uint64_t, 32> sum_c1{};
    std::array<std::uint64_t, 32> sum_c2{};
    std::array<std::uint64_t, 32> sum_c3{};
    std::array<std::uint64_t, 32> next_a0{};
    std::array<std::uint64_t, 32> next_a1{};
    std::array<std::uint64_t, 32> next_a2{};
    std::array<std::uint64_t, 32> next_a3{};
    std::array<std::uint64_t, 32> next_c0{};
    std::array<std::uint64_t, 32> next_c1{};
    std::array<std::uint64_t, 32> next_c2{};
    std::array<std::uint64_t, 32> next_c3{};
    std::array<std::uint64_t, 4> a{};
    std::array<std::uint64_t, 4> c{};
    std::array<std::uint64_t, 8> start{};
    std::array<std::uint64_t, 16> message{};
    std::array<std::uint64_t, 4> carry_sum_a{};
    std::array<std::uint64_t, 4> carry_sum_c{};
    std::array<std::uint64_t, 4> carry_next_a{};
    std::array<std::uint64_t, 4> carry_next_c{};
};
static_assert(sizeof(Blake2s) == 8 * 840);

}  // namespace hm::expand::columns
