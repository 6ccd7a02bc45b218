// What constraint bytecode (proving/backend/program.py) reads on one row, on a table's evaluation coset and on its trace.
#pragma once

#include "domain.cuh"
#include "extension.cuh"
#include "launch.cuh"

namespace gpu {

// The uniform values of a program.
struct Uniforms {
    const u64* base;
    const u64* extension;
    const u64* powers;

    __device__ __forceinline__ Fp pool(u64 entry) const { return Fp(base[entry]); }
    __device__ __forceinline__ Ext extension_pool(u64 entry) const { return Ext::load(extension + 3 * entry, 1); }
    __device__ __forceinline__ Ext power(u64 number) const { return Ext::load(powers + 3 * number, 1); }
};

// Values of periodic columns: column k is values[offset + (row & mask)], its offset and mask being words 2 k, 2 k + 1 of
// `shape`.
struct Periodic {
    const u64* values;
    const u64* shape;

    __device__ __forceinline__ Fp at(u64 column, u64 row) const {
        return Fp(values[shape[2 * column] + (row & shape[2 * column + 1])]);
    }
};

// A row of the evaluation coset, where constraints are summed, and which is stored bit-reversed: sub-cosets of 2^log_height rows one after the other. The
// last row's selector is the first one's on the next row.
struct CosetRow {
    static constexpr bool kSums = true;

    const u64* columns;
    const u64* preprocessed_columns;
    const u64* bus_columns;
    Periodic periodic_columns;
    const u64* selector;
    u64 size;
    u64 row;
    u64 next_row;
    u64 natural;
    Fp from_last;
    Fp inverse_vanishing;

    // `domain`: shift, the inverse generator of the trace's subgroup, and 1 / (x^n - 1) of every sub-coset.
    __device__ __forceinline__ CosetRow(const u64* main_columns, const u64* preprocessed, const u64* bus,
                                        const Periodic& periodic, const u64* first_selector, const u64* roots,
                                        const u64* domain, u64 at, u64 log_height, u64 log_blowup)
        : columns(main_columns), preprocessed_columns(preprocessed), bus_columns(bus), periodic_columns(periodic),
          selector(first_selector), size(1ULL << (log_height + log_blowup)), row(at) {
        const u64 last = (1ULL << log_height) - 1;
        const u64 step = reversed(at & last, log_height);
        next_row = (at & ~last) | reversed((step + 1) & last, log_height);
        natural = step << log_blowup | reversed(at >> log_height, log_blowup);
        from_last = domain_point(roots, Fp(domain[0]), at) - Fp(domain[1]);
        inverse_vanishing = Fp(domain[2 + (at >> log_height)]);
    }

    // Stores a sum of constraints, divided by the vanishing polynomial, or adds it to what is there.
    __device__ __forceinline__ void put(const Ext& sum, u64* out, bool adding = false) const {
        const Ext value = sum * inverse_vanishing;
        (adding ? value + Ext::load(out + row, size) : value).store(out + row, size);
    }

    __device__ __forceinline__ Fp main(u64 column) const { return Fp(columns[column * size + row]); }
    __device__ __forceinline__ Fp main_next(u64 column) const { return Fp(columns[column * size + next_row]); }
    __device__ __forceinline__ Fp preprocessed(u64 column) const {
        return Fp(preprocessed_columns[column * size + row]);
    }
    __device__ __forceinline__ Fp periodic(u64 column) const { return periodic_columns.at(column, natural); }
    __device__ __forceinline__ Fp first() const { return Fp(selector[row]); }
    __device__ __forceinline__ Fp last() const { return Fp(selector[next_row]); }
    __device__ __forceinline__ Fp transition() const { return from_last; }
    __device__ __forceinline__ Ext bus(u64 column) const {
        return Ext::load(bus_columns + 3 * column * size + row, size);
    }
    __device__ __forceinline__ Ext bus_next(u64 column) const {
        return Ext::load(bus_columns + 3 * column * size + next_row, size);
    }
};

// A row of the trace, in natural order, where fractions are put out. Bus columns are what is computed there, and messages may not use the transition
// selector.
struct TraceRow {
    static constexpr bool kSums = false;

    const u64* columns;
    const u64* preprocessed_columns;
    Periodic periodic_columns;
    u64 height;
    u64 row;
    u64* outputs;

    // Stores output `number`, three words.
    __device__ __forceinline__ void put(u64 number, const Ext& value) const {
        value.store(outputs + 3 * number * height + row, height);
    }

    __device__ __forceinline__ Fp main(u64 column) const { return Fp(columns[column * height + row]); }
    __device__ __forceinline__ Fp main_next(u64 column) const {
        return Fp(columns[column * height + ((row + 1) & (height - 1))]);
    }
    __device__ __forceinline__ Fp preprocessed(u64 column) const {
        return Fp(preprocessed_columns[column * height + row]);
    }
    __device__ __forceinline__ Fp periodic(u64 column) const { return periodic_columns.at(column, row); }
    __device__ __forceinline__ Fp first() const { return Fp(row == 0); }
    __device__ __forceinline__ Fp last() const { return Fp(row == height - 1); }
    __device__ __forceinline__ Fp transition() const { return Fp(); }
};

}  // namespace gpu
