// Constraint bytecode (proving/backend/program.py) of any program, interpreted: a thread per row, registers in shared
// memory. All threads of a block run the same instruction at the same time.
//
// A step is two words: operation | extension << 4 | number of terms << 8 | target << 32, and operands a | b << 32, of which
// the second one is the first term where there are terms. A term of a dot product is a word: vector | factor << 32. An
// operand is kind << 28 | number. `cuda/bytecode.py` says what they are and makes them.
#include "constraints.cuh"
#include "products.cuh"

namespace {

using namespace gpu;

// Points whose distances a thread inverts with one exponentiation.
constexpr u32 kTogether = 8;

enum Kind : u32 {
    kRegister, kMain, kMainNext, kPreprocessed, kPeriodic, kFirst, kLast, kTransition, kPool,
    kExtensionRegister, kBus, kBusNext, kExtensionPool, kPower
};

enum Operation : u32 { kAdd, kSubtract, kMultiply, kSubtractDot, kSumDot, kSumProduct, kOutput };

struct Program {
    const u64* code;
    u64 steps;
    const u64* terms;
    u64 base_registers;
};

template <class Row>
class Machine {
  public:
    __device__ __forceinline__ Machine(const Program& program, const Uniforms& uniforms, const Row& row)
        : program_(program), uniforms_(uniforms), row_(row), registers_(shared_words() + threadIdx.x) {}

    // Runs the program; returns the sum of constraints where it makes one.
    __device__ __forceinline__ Ext run() const {
        Ext sum;
        for (u64 at = 0; at < program_.steps; ++at) {
            const u64 head = program_.code[2 * at];
            const u64 operands = program_.code[2 * at + 1];
            const u32 operation = low_half(head) & 0xf;
            const u32 target = high_half(head);
            const u32 a = low_half(operands);
            const u32 b = high_half(operands);
            if ((head & 0x10) == 0 && operation <= kMultiply) {
                const Fp x = base(a);
                const Fp y = base(b);
                *base_register(target) = (operation == kAdd ? x + y : operation == kSubtract ? x - y : x * y).value;
                continue;
            }
            const u32 count = low_half(head) >> 8;
            if constexpr (Row::kSums) {
                if (operation == kSumDot) {
                    sum = sum + dot(uniforms_.powers, b, count);
                    continue;
                }
            }
            const Ext x = any(a);
            if (operation == kSubtractDot) {
                (x - dot(uniforms_.extension, b, count)).store(extension_register(target), blockDim.x);
                continue;
            }
            if constexpr (!Row::kSums) {
                if (operation == kOutput) {
                    row_.put(target, x);
                    continue;
                }
            }
            if (operation == kMultiply && !(is_extension(a) && is_extension(b))) {
                const Ext product = is_extension(a) ? x * base(b) : any(b) * x.c[0];
                product.store(extension_register(target), blockDim.x);
                continue;
            }
            const Ext y = any(b);
            const Ext value = operation == kAdd ? x + y : operation == kSubtract ? x - y : multiply(x, y);
            if (Row::kSums && operation == kSumProduct) {
                sum = sum + value;
            } else {
                value.store(extension_register(target), blockDim.x);
            }
        }
        return sum;
    }

  private:
    static __device__ __forceinline__ bool is_extension(u32 operand) { return operand >> 28 >= kExtensionRegister; }

    // Registers are a block's width apart: base ones, then three words for each extension one.
    __device__ __forceinline__ u64* base_register(u32 number) const {
        return registers_ + static_cast<u64>(number) * blockDim.x;
    }
    __device__ __forceinline__ u64* extension_register(u32 number) const {
        return registers_ + (program_.base_registers + 3 * static_cast<u64>(number)) * blockDim.x;
    }

    __device__ __forceinline__ Fp base(u32 operand) const {
        const u32 number = operand & 0x0fffffff;
        switch (operand >> 28) {
            case kRegister: return Fp(*base_register(number));
            case kMain: return row_.main(number);
            case kMainNext: return row_.main_next(number);
            case kPreprocessed: return row_.preprocessed(number);
            case kPeriodic: return row_.periodic(number);
            case kFirst: return row_.first();
            case kLast: return row_.last();
            case kTransition: return row_.transition();
            default: return uniforms_.pool(number);
        }
    }
    // Any operand, base ones embedded.
    __device__ __forceinline__ Ext any(u32 operand) const {
        const u32 number = operand & 0x0fffffff;
        switch (operand >> 28) {
            case kExtensionRegister: return Ext::load(extension_register(number), blockDim.x);
            case kExtensionPool: return uniforms_.extension_pool(number);
            default: break;
        }
        if constexpr (Row::kSums) {
            switch (operand >> 28) {
                case kBus: return row_.bus(number);
                case kBusNext: return row_.bus_next(number);
                case kPower: return uniforms_.power(number);
                default: break;
            }
        }
        return Ext(base(operand), Fp(), Fp());
    }
    // The sum of vectors times elements of a table, over a range of terms.
    __device__ __forceinline__ Ext dot(const u64* elements, u32 first, u32 count) const {
        ExtProducts sum;
        for (u32 k = 0; k < count; ++k) {
            const u64 term = program_.terms[first + k];
            sum.add(base(low_half(term)), Ext::load(elements + 3 * (term >> 32), 1));
        }
        return sum.reduce();
    }

    const Program& program_;
    const Uniforms& uniforms_;
    const Row& row_;
    u64* const registers_;
};

}  // namespace

// first_selector
// Computes: the selector of a trace's first row on the evaluation coset: (x^n - 1) / (n (x - 1)).
// Layout:   roots: the table of bit-reversed roots; vanishing: (x^n - 1) / n of every sub-coset of n rows -> out (size),
//           bit-reversed.
// Launch:   8 points per thread, a block's width apart, block of 128.
// Moves:    12 bytes per point.
// Does:     14 products per point.
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(128)
    first_selector(const u64* roots, u64 shift, const u64* vanishing, u64 log_height, u64 size, u64* out) {
    const u64 begin = static_cast<u64>(blockIdx.x) * blockDim.x * kTogether + threadIdx.x;
    Fp distances[kTogether];
    Fp prefixes[kTogether];
    Fp product(1);
#pragma unroll
    for (u32 i = 0; i < kTogether; ++i) {
        const u64 at = begin + static_cast<u64>(i) * blockDim.x;
        distances[i] = at < size ? domain_point(roots, Fp(shift), at) - Fp(1) : Fp(1);
        prefixes[i] = product;
        product *= distances[i];
    }
    Fp suffix = product.inverse();
#pragma unroll
    for (u32 i = kTogether; i-- > 0;) {
        const u64 at = begin + static_cast<u64>(i) * blockDim.x;
        if (at < size) out[at] = (suffix * prefixes[i] * Fp(vanishing[at >> log_height])).value;
        suffix *= distances[i];
    }
}

// quotient_interpreted
// Computes: the sum of a table's constraints with powers of a challenge, over the vanishing polynomial of its trace.
// Layout:   columns (c, size) bit-reversed on the coset, `size` a power of two; code, terms: see above; pools, powers,
//           periodic values and their shape: uniform words; selector: of first_selector, where the program reads it;
//           roots: the table of bit-reversed roots; domain: shift, the inverse generator of the trace's subgroup, and
//           1 / (x^n - 1) of every sub-coset -> out (3, size).
// Launch:   one thread per row, a block of at most 128 threads, 8 bytes of shared memory per register and thread.
// Moves:    8 bytes per column read and 24 per row; registers in shared memory.
// Does:     the program's products, and some 40 instructions per step for decoding.
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(128)
    quotient_interpreted(const u64* main, const u64* preprocessed, const u64* bus, const u64* periodic,
                         const u64* periodic_shape, const u64* selector, const u64* roots, const u64* base_pool,
                         const u64* extension_pool, const u64* powers, const u64* domain, u64 log_height,
                         u64 log_blowup, u64* out, const u64* code, u64 steps, const u64* terms, u64 base_registers) {
    const u64 at = global_thread();
    if (at >> (log_height + log_blowup) != 0) return;
    const CosetRow row(main, preprocessed, bus, {periodic, periodic_shape}, selector, roots, domain, at, log_height,
                       log_blowup);
    const Uniforms uniforms{base_pool, extension_pool, powers};
    const Program program{code, steps, terms, base_registers};
    row.put(Machine<CosetRow>(program, uniforms, row).run(), out);
}

// fractions_interpreted
// Computes: numerators and denominators of a table's bus columns.
// Layout:   columns (c, n) of the trace, natural order, n a power of two; code, terms, pools, periodic values: as
//           quotient_interpreted -> out (3 outputs, n).
// Launch:   as quotient_interpreted.
// Moves:    8 bytes per column read, 24 per output and row.
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(128)
    fractions_interpreted(const u64* main, const u64* preprocessed, const u64* periodic, const u64* periodic_shape,
                          const u64* base_pool, const u64* extension_pool, u64 height, u64* out, const u64* code,
                          u64 steps, const u64* terms, u64 base_registers) {
    const u64 at = global_thread();
    if (at >= height) return;
    const TraceRow row{main, preprocessed, {periodic, periodic_shape}, height, at, out};
    const Uniforms uniforms{base_pool, extension_pool, nullptr};
    const Program program{code, steps, terms, base_registers};
    Machine<TraceRow>(program, uniforms, row).run();
}

// bus_fractions
// Computes: a row's fractions, denominators inverted together, and their sum.
// Layout:   fractions (6 columns, n): numerator and denominator of each, 3 words each; denominators are overwritten
//           -> out (3 columns, n): the fractions, but the sum of all in the place of the last one; poles: 1 where a
//           denominator is zero.
// Launch:   one thread per row, block of 128.
// Moves:    120 bytes per fraction.
// Does:     36 products per fraction and 72 per row.
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(128)
    bus_fractions(u64* fractions, u64 columns, u64 height, u64* out, u64* poles) {
    const u64 row = global_thread();
    if (row >= height) return;
    Fp product(1);
    for (u64 column = 0; column < columns; ++column) {
        const u64* const numerator = fractions + 6 * column * height + row;
        u64* const denominator = fractions + (6 * column + 3) * height + row;
        const Ext value = Ext::load(denominator, height);
        const Ext adjugate = value.adjugate();
        const Fp norm = value.determinant(adjugate);
        multiply(Ext::load(numerator, height), adjugate).store(out + 3 * column * height + row, height);
        denominator[0] = norm.value;
        denominator[height] = product.value;
        product *= norm;
    }
    if (product.value == 0) *poles = 1;
    Fp suffix = product.inverse();
    Ext sum;
    for (u64 column = columns; column-- > 0;) {
        const u64* const denominator = fractions + (6 * column + 3) * height + row;
        u64* const place = out + 3 * column * height + row;
        const Ext value = Ext::load(place, height) * (suffix * Fp(denominator[height]));
        suffix *= Fp(denominator[0]);
        value.store(place, height);
        sum = sum + value;
    }
    sum.store(out + 3 * (columns - 1) * height + row, height);
}

// running_sum
// Computes: the cyclic running sum of a table's fractions: what the rows before hold, less an equal share for each.
// Layout:   prefixes (3, n): inclusive prefix sums of the rows' sums; inverse_height: 1 / n -> out (3, n).
// Launch:   one thread per word, block of 256; a coefficient per blockIdx.y.
// Moves:    16 bytes per word.
// Limit:    memory.
extern "C" __global__ void __launch_bounds__(256)
    running_sum(const u64* prefixes, u64 height, u64 inverse_height, u64* out) {
    const u64 row = global_thread();
    if (row >= height) return;
    const u64* const column = prefixes + blockIdx.y * height;
    const Fp share = Fp(column[height - 1]) * Fp(inverse_height);
    const Fp before(row == 0 ? 0 : column[row - 1]);
    out[blockIdx.y * height + row] = (before - share * Fp(row)).value;
}
