// Constraint bytecode (proving/backend/program.py) over blocks of rows: the quotient on a table's evaluation coset, and
// the bus columns on its trace.
//
// A slot of the register machine is a pointer to kRows consecutive values; slots of columns point into the columns
// themselves, so nothing is copied to read a column. On the coset, which is stored bit-reversed, the rows that follow a
// block of kRows rows are again such a block in the same order, but for one block per sub-coset, which is gathered.
#include <cstring>
#include <vector>

#include "export.hpp"
#include "field/extension.hpp"
#include "field/packed.hpp"
#include "field/extension_product.hpp"
#include "field/wide.hpp"
#include "parallel.hpp"

namespace {

using namespace hm;

using PackedExt = Ext<Packed>;

constexpr unsigned kLogRows = 5;
constexpr std::size_t kRows = 1 << kLogRows;
constexpr std::size_t kLanes = Packed::kLanes;

// The same layout as `_Machine` in proving/backend/native_air.py.
struct Machine {
    const std::int32_t* code;
    std::size_t instructions;
    std::size_t base_registers;
    std::size_t extension_registers;
    const std::int32_t* base_leaves;
    std::size_t base_leaf_count;
    const std::int32_t* extension_leaves;
    std::size_t extension_leaf_count;
    const std::uint64_t* base_pool;
    const std::uint64_t* extension_pool;
    const std::int32_t* terms;
    const std::uint64_t* powers;
    const std::uint64_t* periodic;
    const std::uint64_t* periodic_offsets;
    const std::uint64_t* periodic_masks;
};

// The values of Op that are leaves.
enum Leaf : std::int32_t { kMain = 1, kPreprocessed = 2, kPeriodic = 3, kFirst = 4, kLast = 5, kTransition = 6 };

// The second factors of all dot products, term by term, ready for the sums.
class TermCoefficients {
  public:
    static constexpr std::size_t kTerm = 3 * Coefficient::kParts;

    explicit TermCoefficients(const Machine& machine) {
        for (std::size_t i = 0; i < machine.instructions; ++i) {
            const std::int32_t* instruction = machine.code + 5 * i;
            if (instruction[0] < kFirstDot || instruction[0] > kLastDot) continue;
            const std::uint64_t* elements = instruction[0] == kLastDot ? machine.powers : machine.extension_pool;
            const auto start = static_cast<std::size_t>(instruction[3]);
            const std::size_t end = start + static_cast<std::size_t>(instruction[4]);
            if (parts_.size() < end * kTerm) parts_.resize(end * kTerm);
            for (std::size_t term = start; term < end; ++term) {
                const std::uint64_t* element = elements + 3 * static_cast<std::size_t>(machine.terms[2 * term + 1]);
                for (std::size_t k = 0; k < 3; ++k)
                    store_parts(element[k], parts_.data() + term * kTerm + k * Coefficient::kParts);
            }
        }
    }

    const std::uint64_t* of(std::size_t term) const { return parts_.data() + term * kTerm; }

  private:
    // The instructions with dot products; the last one's are with powers of the constraint challenge.
    static constexpr std::int32_t kFirstDot = 20;
    static constexpr std::int32_t kLastDot = 22;

    std::vector<std::uint64_t> parts_;
};

struct BaseSlot {
    const std::uint64_t* data;
};

struct ExtensionSlot {
    const std::uint64_t* data;
    std::size_t stride;
};

// Registers and slots of one thread.
class Workspace {
  public:
    Workspace(const Machine& machine, const TermCoefficients& coefficients)
        : machine_(machine),
          coefficients_(coefficients),
          memory_(kRows * (machine.base_registers + machine.base_leaf_count +
                           3 * (machine.extension_registers + machine.extension_leaf_count)) + 8),
          base_(machine.base_registers + machine.base_leaf_count),
          extension_(machine.extension_registers + machine.extension_leaf_count) {
        // Registers start on a cache line.
        auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
        std::uint64_t* next = memory_.data() + ((64 - address % 64) % 64) / 8;
        for (std::size_t i = 0; i < base_.size(); ++i, next += kRows) {
            if (i >= machine.base_registers) base_buffers_.push_back(next);
            base_[i].data = next;
        }
        for (std::size_t i = 0; i < extension_.size(); ++i, next += 3 * kRows) {
            if (i >= machine.extension_registers) extension_buffers_.push_back(next);
            extension_[i] = {next, kRows};
        }
    }

    // Leaf slots, in order; `buffer` is room for kRows values (3 kRows for extension slots).
    std::uint64_t* base_buffer(std::size_t leaf) { return base_buffers_[leaf]; }
    std::uint64_t* extension_buffer(std::size_t leaf) { return extension_buffers_[leaf]; }
    void set_base(std::size_t leaf, const std::uint64_t* data) { base_[machine_.base_registers + leaf].data = data; }
    void set_extension(std::size_t leaf, const std::uint64_t* data, std::size_t stride) {
        extension_[machine_.extension_registers + leaf] = {data, stride};
    }

    // Runs the code on the current rows; sums go to `sum` (3 x kRows), output k to outputs + k * output_size with
    // components output_stride apart.
    void run(std::uint64_t* sum, std::uint64_t* outputs, std::size_t output_size, std::size_t output_stride);

  private:
    // sum of B * e over a range of terms.
    class DotProduct {
      public:
        DotProduct(const Workspace& workspace, std::size_t start, std::size_t count)
            : workspace_(workspace),
              terms_(workspace.machine_.terms + 2 * start),
              coefficients_(workspace.coefficients_.of(start)),
              count_(count) {}

        PackedExt operator()(std::size_t i) const {
            Wide sums[3];
            for (std::size_t term = 0; term < count_; ++term) {
                const Factor value(Packed::load(workspace_.base_[static_cast<std::size_t>(terms_[2 * term])].data + i));
                const std::uint64_t* parts = coefficients_ + term * TermCoefficients::kTerm;
                for (std::size_t k = 0; k < 3; ++k)
                    sums[k].add(value, broadcast_coefficient(parts + k * Coefficient::kParts));
            }
            return {{sums[0].reduce(), sums[1].reduce(), sums[2].reduce()}};
        }

      private:
        const Workspace& workspace_;
        const std::int32_t* terms_;
        const std::uint64_t* coefficients_;
        std::size_t count_;
    };

    const Machine& machine_;
    const TermCoefficients& coefficients_;
    std::vector<std::uint64_t> memory_;
    std::vector<BaseSlot> base_;
    std::vector<ExtensionSlot> extension_;
    std::vector<std::uint64_t*> base_buffers_;
    std::vector<std::uint64_t*> extension_buffers_;
};

template <class Function>
inline void each_vector(Function function) {
    for (std::size_t i = 0; i < kRows; i += kLanes) function(i);
}

inline PackedExt load_extension(const std::uint64_t* element) {
    return {{Packed::broadcast(element[0]), Packed::broadcast(element[1]), Packed::broadcast(element[2])}};
}

// e * B
inline PackedExt scale(const PackedExt& e, Packed b) { return e * b; }

void Workspace::run(std::uint64_t* sum, std::uint64_t* outputs, std::size_t output_size, std::size_t output_stride) {
    const std::int32_t* instruction = machine_.code;
    const std::int32_t* end = instruction + 5 * machine_.instructions;
    const Packed zero = Packed::broadcast(std::uint64_t{0});
    for (; instruction != end; instruction += 5) {
        const auto target = static_cast<std::size_t>(instruction[1]);
        const auto a = static_cast<std::size_t>(instruction[2]);
        const auto b = static_cast<std::size_t>(instruction[3]);
        const auto c = static_cast<std::size_t>(instruction[4]);
        const auto base = [&](std::size_t slot, std::size_t i) { return Packed::load(base_[slot].data + i); };
        const auto ext = [&](std::size_t slot, std::size_t i) {
            return PackedExt::load(extension_[slot].data + i, extension_[slot].stride);
        };
        // Only register slots are written, and registers are this object's own memory.
        const auto put_base = [&](auto value) {
            auto* out = const_cast<std::uint64_t*>(base_[target].data);
            each_vector([&](std::size_t i) { value(i).store(out + i); });
        };
        const auto put_ext = [&](auto value) {
            auto* out = const_cast<std::uint64_t*>(extension_[target].data);
            each_vector([&](std::size_t i) { value(i).store(out + i, kRows); });
        };
        const auto put_output = [&](auto value) {
            std::uint64_t* out = outputs + target * output_size;
            each_vector([&](std::size_t i) { value(i).store(out + i, output_stride); });
        };
        const auto add_to_sum = [&](auto value) {
            each_vector([&](std::size_t i) { (PackedExt::load(sum + i, kRows) + value(i)).store(sum + i, kRows); });
        };
        const auto pool = [&](std::size_t entry) { return Packed::broadcast(machine_.base_pool[entry]); };
        const auto extension_pool = [&](std::size_t entry) { return load_extension(machine_.extension_pool + 3 * entry); };
        switch (instruction[0]) {
            case 0: put_base([&](std::size_t i) { return base(a, i) + base(b, i); }); break;
            case 1: { const Packed k = pool(b); put_base([&](std::size_t i) { return base(a, i) + k; }); break; }
            case 2: put_base([&](std::size_t i) { return base(a, i) - base(b, i); }); break;
            case 3: { const Packed k = pool(b); put_base([&](std::size_t i) { return k - base(a, i); }); break; }
            case 4: put_base([&](std::size_t i) { return base(a, i) * base(b, i); }); break;
            case 5: { const Packed k = pool(b); put_base([&](std::size_t i) { return base(a, i) * k; }); break; }
            case 6: put_ext([&](std::size_t i) { return ext(a, i) + ext(b, i); }); break;
            case 7: put_ext([&](std::size_t i) { return ext(a, i) + base(b, i); }); break;
            case 8: { const PackedExt k = extension_pool(b); put_ext([&](std::size_t i) { return ext(a, i) + k; }); break; }
            case 9: { const PackedExt k = extension_pool(b); put_ext([&](std::size_t i) { return k + base(a, i); }); break; }
            case 10: put_ext([&](std::size_t i) { return ext(a, i) - ext(b, i); }); break;
            case 11: put_ext([&](std::size_t i) { return ext(a, i) - base(b, i); }); break;
            case 12:
                put_ext([&](std::size_t i) { return PackedExt{{base(a, i), zero, zero}} - ext(b, i); });
                break;
            case 13: { const PackedExt k = extension_pool(b); put_ext([&](std::size_t i) { return k - ext(a, i); }); break; }
            case 14: { const PackedExt k = extension_pool(b); put_ext([&](std::size_t i) { return k - base(a, i); }); break; }
            case 15: put_ext([&](std::size_t i) { return multiply(ext(a, i), ext(b, i)); }); break;
            case 16: put_ext([&](std::size_t i) { return ext(a, i) * base(b, i); }); break;
            case 17: { const PackedExt k = extension_pool(b); put_ext([&](std::size_t i) { return ext(a, i) * k; }); break; }
            case 18: { const Packed k = pool(b); put_ext([&](std::size_t i) { return ext(a, i) * k; }); break; }
            case 19: { const PackedExt k = extension_pool(b); put_ext([&](std::size_t i) { return scale(k, base(a, i)); }); break; }
            case 20: {
                const DotProduct dot(*this, b, c);
                put_ext([&](std::size_t i) { return ext(a, i) - dot(i); });
                break;
            }
            case 21: {
                const PackedExt first = extension_pool(a);
                const DotProduct dot(*this, b, c);
                put_ext([&](std::size_t i) { return first - dot(i); });
                break;
            }
            case 22: {
                const DotProduct dot(*this, b, c);
                add_to_sum([&](std::size_t i) { return dot(i); });
                break;
            }
            case 23: {
                const PackedExt k = load_extension(machine_.powers + 3 * target);
                add_to_sum([&](std::size_t i) { return multiply(k, ext(a, i)); });
                break;
            }
            case 24: put_output([&](std::size_t i) { return PackedExt{{base(a, i), zero, zero}}; }); break;
            case 25: put_output([&](std::size_t i) { return ext(a, i); }); break;
            case 26: { const PackedExt k = extension_pool(a); put_output([&](std::size_t) { return k; }); break; }
            default: break;
        }
    }
}

// One table's columns on its evaluation coset.
struct Coset {
    const std::uint64_t* main;
    const std::uint64_t* preprocessed;
    const std::uint64_t* bus;
    unsigned log_height;
    unsigned log_blowup;
    Fp shift;

    std::size_t size() const { return std::size_t{1} << (log_height + log_blowup); }
};

// Points the leaf slots of one block of kRows rows of the coset.
class CosetBlock {
  public:
    CosetBlock(const Machine& machine, const Coset& coset)
        : machine_(machine), coset_(coset), log_high_(coset.log_height - kLogRows) {
        row_root_ = root_of_unity(coset.log_height);
        inverse_root_ = row_root_.inverse();
        inverse_height_ = Fp(std::uint64_t{1} << coset.log_height).inverse();
        const Fp low = root_of_unity(kLogRows);
        for (std::size_t v = 0; v < kRows; ++v) low_powers_[v] = low.pow(reverse_bits(v, kLogRows));
    }

    // x^n - 1, the same on a whole sub-coset.
    Fp vanishing(std::size_t sub_coset) const {
        const std::size_t natural = reverse_bits(sub_coset, coset_.log_blowup);
        Fp power = coset_.shift * root_of_unity(coset_.log_height + coset_.log_blowup).pow(natural);
        for (unsigned i = 0; i < coset_.log_height; ++i) power = power.square();
        return power - Fp(1);
    }

    // `high` is the block's number inside the sub-coset of number `sub_coset`.
    void point(Workspace& workspace, std::size_t sub_coset, std::size_t high, Fp vanishing_value) {
        const std::size_t start = sub_coset << coset_.log_height;
        const std::size_t row = start + (high << kLogRows);
        const std::size_t natural = reverse_bits(high, log_high_);
        const std::size_t following = natural + 1;
        const bool wraps = following == std::size_t{1} << log_high_;
        const std::size_t next_row =
            start + (wraps ? 0 : reverse_bits(following, log_high_) << kLogRows);
        bool have_points = false;
        for (std::size_t leaf = 0; leaf < machine_.base_leaf_count; ++leaf) {
            const std::int32_t* what = machine_.base_leaves + 3 * leaf;
            const std::size_t column = static_cast<std::size_t>(what[1]) * coset_.size();
            std::uint64_t* buffer = workspace.base_buffer(leaf);
            switch (what[0]) {
                case kMain:
                    if (what[2] == 0) {
                        workspace.set_base(leaf, coset_.main + column + row);
                    } else if (!wraps) {
                        workspace.set_base(leaf, coset_.main + column + next_row);
                    } else {
                        gather(coset_.main + column + next_row, buffer);
                        workspace.set_base(leaf, buffer);
                    }
                    break;
                case kPreprocessed: workspace.set_base(leaf, coset_.preprocessed + column + row); break;
                case kPeriodic: periodic(static_cast<std::size_t>(what[1]), sub_coset, natural, buffer); break;
                default:
                    if (!have_points) points(sub_coset, natural);
                    have_points = true;
                    selector(what[0], vanishing_value, buffer);
            }
        }
        for (std::size_t leaf = 0; leaf < machine_.extension_leaf_count; ++leaf) {
            const std::int32_t* what = machine_.extension_leaves + 3 * leaf;
            const std::uint64_t* column = coset_.bus + 3 * static_cast<std::size_t>(what[1]) * coset_.size();
            if (what[2] == 0) {
                workspace.set_extension(leaf, column + row, coset_.size());
            } else if (!wraps) {
                workspace.set_extension(leaf, column + next_row, coset_.size());
            } else {
                std::uint64_t* buffer = workspace.extension_buffer(leaf);
                for (std::size_t k = 0; k < 3; ++k) gather(column + k * coset_.size() + next_row, buffer + k * kRows);
                workspace.set_extension(leaf, buffer, kRows);
            }
        }
    }

  private:
    // The block after the last: first block of the sub-coset, each position moved on by one natural step.
    static void gather(const std::uint64_t* block, std::uint64_t* out) {
        for (std::size_t v = 0; v < kRows; ++v)
            out[v] = block[reverse_bits((reverse_bits(v, kLogRows) + 1) % kRows, kLogRows)];
    }

    void periodic(std::size_t column, std::size_t sub_coset, std::size_t natural, std::uint64_t* out) const {
        const std::uint64_t* values = machine_.periodic + machine_.periodic_offsets[column];
        const std::size_t mask = machine_.periodic_masks[column];
        const std::size_t low = reverse_bits(sub_coset, coset_.log_blowup);
        for (std::size_t v = 0; v < kRows; ++v) {
            const std::size_t row = (reverse_bits(v, kLogRows) << log_high_) | natural;
            out[v] = values[((row << coset_.log_blowup) | low) & mask];
        }
    }

    void points(std::size_t sub_coset, std::size_t natural) {
        const Fp root = root_of_unity(coset_.log_height + coset_.log_blowup);
        const Fp start = coset_.shift * root.pow(reverse_bits(sub_coset, coset_.log_blowup)) * row_root_.pow(natural);
        for (std::size_t v = 0; v < kRows; ++v) points_[v] = start * low_powers_[v];
    }

    void selector(std::int32_t kind, Fp vanishing_value, std::uint64_t* out) const {
        if (kind == kTransition) {
            for (std::size_t v = 0; v < kRows; ++v) out[v] = (points_[v] - inverse_root_).value;
            return;
        }
        const Fp pole = kind == kFirst ? Fp(1) : inverse_root_;
        const Fp scale_by = vanishing_value * inverse_height_ * pole;
        Fp prefixes[kRows];
        Fp product(1);
        for (std::size_t v = 0; v < kRows; ++v) {
            prefixes[v] = product;
            product *= points_[v] - pole;
        }
        Fp inverse = product.inverse() * scale_by;
        for (std::size_t v = kRows; v-- > 0;) {
            out[v] = (inverse * prefixes[v]).value;
            inverse *= points_[v] - pole;
        }
    }

    const Machine& machine_;
    const Coset& coset_;
    unsigned log_high_;
    Fp row_root_;
    Fp inverse_root_;
    Fp inverse_height_;
    Fp low_powers_[kRows];
    Fp points_[kRows];
};

// One table's trace.
struct Trace {
    const std::uint64_t* main;
    const std::uint64_t* preprocessed;
    unsigned log_height;

    std::size_t height() const { return std::size_t{1} << log_height; }
};

void point_trace_block(const Machine& machine, const Trace& trace, Workspace& workspace, std::size_t row) {
    const std::size_t height = trace.height();
    for (std::size_t leaf = 0; leaf < machine.base_leaf_count; ++leaf) {
        const std::int32_t* what = machine.base_leaves + 3 * leaf;
        const std::size_t column = static_cast<std::size_t>(what[1]) * height;
        std::uint64_t* buffer = workspace.base_buffer(leaf);
        switch (what[0]) {
            case kMain:
                if (what[2] == 0) {
                    workspace.set_base(leaf, trace.main + column + row);
                } else if (row + kRows < height) {
                    workspace.set_base(leaf, trace.main + column + row + 1);
                } else {
                    std::memcpy(buffer, trace.main + column + row + 1, (kRows - 1) * sizeof(std::uint64_t));
                    buffer[kRows - 1] = trace.main[column];
                    workspace.set_base(leaf, buffer);
                }
                break;
            case kPreprocessed: workspace.set_base(leaf, trace.preprocessed + column + row); break;
            case kPeriodic: {
                const std::uint64_t* values = machine.periodic + machine.periodic_offsets[what[1]];
                for (std::size_t v = 0; v < kRows; ++v) buffer[v] = values[(row + v) & machine.periodic_masks[what[1]]];
                break;
            }
            default: {
                const std::size_t where = what[0] == kFirst ? 0 : height - 1;
                for (std::size_t v = 0; v < kRows; ++v) buffer[v] = row + v == where ? 1 : 0;
            }
        }
    }
}

Packed inverse(Packed x) {
    Packed result = Packed::broadcast(Fp(1));
    for (std::uint64_t bit = std::uint64_t{1} << 63; bit != 0; bit >>= 1) {
        result = result.square();
        if ((kPrime - 2) & bit) result = result * x;
    }
    return result;
}

// The first column of the adjugate of multiplication by x, and the norm: 1 / x = adjugate / norm.
PackedExt adjugate(const PackedExt& x, Packed& norm) {
    const Packed s = x.c[0] + x.c[2];
    const Packed t = x.c[1] + x.c[2];
    const Packed a0 = s * s - t * x.c[1];
    const Packed a1 = t * x.c[2] - x.c[1] * s;
    const Packed a2 = x.c[1] * x.c[1] - s * x.c[2];
    norm = x.c[0] * a0 + x.c[2] * a1 + x.c[1] * a2;
    return {{a0, a1, a2}};
}

constexpr std::size_t kPiece = 256;

// Fractions of rows [begin, begin + count) into bus columns; the last column gets its own fraction plus all helpers.
// Returns false when a denominator is zero.
bool bus_piece(const Machine& machine, const Trace& trace, std::size_t columns, Workspace& workspace,
               std::vector<std::uint64_t>& fractions, std::vector<std::uint64_t>& prefixes, std::size_t begin,
               std::size_t count, std::uint64_t* out) {
    for (std::size_t row = 0; row < count; row += kRows) {
        point_trace_block(machine, trace, workspace, begin + row);
        workspace.run(nullptr, fractions.data() + row, 3 * kPiece, kPiece);
    }
    const auto numerator = [&](std::size_t column) { return fractions.data() + 2 * column * 3 * kPiece; };
    const auto denominator = [&](std::size_t column) { return numerator(column) + 3 * kPiece; };
    Packed product = Packed::broadcast(Fp(1));
    for (std::size_t column = 0; column < columns; ++column) {
        for (std::size_t i = 0; i < count; i += kLanes) {
            Packed norm;
            const PackedExt top = PackedExt::load(numerator(column) + i, kPiece);
            const PackedExt adjoint = adjugate(PackedExt::load(denominator(column) + i, kPiece), norm);
            (top * adjoint).store(numerator(column) + i, kPiece);
            norm.store(denominator(column) + i);
            product.store(prefixes.data() + column * kPiece + i);
            product *= norm;
        }
    }
    std::uint64_t lanes[kLanes];
    product.store(lanes);
    for (std::size_t lane = 0; lane < kLanes; ++lane)
        if (lanes[lane] == 0) return false;
    Packed suffix = inverse(product);
    const std::size_t height = trace.height();
    std::uint64_t* sums = out + 3 * (columns - 1) * height + begin;
    for (std::size_t column = columns; column-- > 0;) {
        std::uint64_t* helper = out + 3 * column * height + begin;
        for (std::size_t i = count; i > 0;) {
            i -= kLanes;
            const Packed factor = suffix * Packed::load(prefixes.data() + column * kPiece + i);
            suffix *= Packed::load(denominator(column) + i);
            const PackedExt value = PackedExt::load(numerator(column) + i, kPiece) * factor;
            value.store(helper + i, height);
            if (column != columns - 1) (PackedExt::load(sums + i, height) + value).store(sums + i, height);
        }
    }
    return true;
}

}  // namespace

// out (3, n << log_blowup): sum_k powers[k] constraint_k(x) / (x^n - 1) for every x of the coset, bit-reversed.
extern "C" HM_EXPORT void HM_NAME(hm_air_quotient)(const void* machine_description, const std::uint64_t* main,
                                                  const std::uint64_t* preprocessed, const std::uint64_t* bus,
                                                  unsigned log_height, unsigned log_blowup, std::uint64_t shift,
                                                  std::uint64_t* out) {
    const Machine& machine = *static_cast<const Machine*>(machine_description);
    const TermCoefficients coefficients(machine);
    const Coset coset{main, preprocessed, bus, log_height, log_blowup, Fp(shift)};
    const std::size_t blocks = coset.size() >> kLogRows;
    const unsigned log_high = log_height - kLogRows;
    parallel_for(blocks, 64, [&](std::size_t begin, std::size_t end) {
        Workspace workspace(machine, coefficients);
        CosetBlock block(machine, coset);
        alignas(64) std::uint64_t sum[3 * kRows];
        std::size_t current = ~std::size_t{0};
        Fp vanishing;
        Packed inverse_vanishing = Packed::broadcast(Fp(0));
        for (std::size_t i = begin; i < end; ++i) {
            const std::size_t sub_coset = i >> log_high;
            if (sub_coset != current) {
                current = sub_coset;
                vanishing = block.vanishing(sub_coset);
                inverse_vanishing = Packed::broadcast(vanishing.inverse());
            }
            block.point(workspace, sub_coset, i & ((std::size_t{1} << log_high) - 1), vanishing);
            std::memset(sum, 0, sizeof sum);
            workspace.run(sum, nullptr, 0, 0);
            each_vector([&](std::size_t v) {
                (PackedExt::load(sum + v, kRows) * inverse_vanishing).store(out + (i << kLogRows) + v, coset.size());
            });
        }
    });
}

// out (3 columns, n) and total (3): helper columns and cyclic running sum. Returns 1 when a denominator is zero.
extern "C" HM_EXPORT int HM_NAME(hm_air_bus)(const void* machine_description, const std::uint64_t* main,
                                            const std::uint64_t* preprocessed, unsigned log_height,
                                            std::size_t columns, std::uint64_t* out, std::uint64_t* total) {
    const Machine& machine = *static_cast<const Machine*>(machine_description);
    const TermCoefficients coefficients(machine);
    const Trace trace{main, preprocessed, log_height};
    const std::size_t height = trace.height();
    const std::size_t piece = height < kPiece ? height : kPiece;
    const std::size_t pieces = height / piece;
    std::vector<unsigned char> failed(pieces, 0);
    std::vector<Ext<Fp>> starts(pieces);
    std::uint64_t* sums = out + 3 * (columns - 1) * height;
    parallel_for(pieces, 16, [&](std::size_t begin, std::size_t end) {
        Workspace workspace(machine, coefficients);
        std::vector<std::uint64_t> fractions(2 * columns * 3 * kPiece);
        std::vector<std::uint64_t> prefixes(columns * kPiece);
        for (std::size_t i = begin; i < end; ++i) {
            if (!bus_piece(machine, trace, columns, workspace, fractions, prefixes, i * piece, piece, out)) {
                failed[i] = 1;
                continue;
            }
            Ext<Fp> sum = Ext<Fp>::zero();
            for (std::size_t row = 0; row < piece; ++row) sum += Ext<Fp>::load(sums + i * piece + row, height);
            starts[i] = sum;
        }
    });
    for (const unsigned char one : failed)
        if (one) return 1;
    Ext<Fp> sum = Ext<Fp>::zero();
    for (const Ext<Fp>& one : starts) sum += one;
    sum.store(total, 1);
    const Ext<Fp> share = sum * Fp(height).inverse();
    Ext<Fp> running = Ext<Fp>::zero();
    for (Ext<Fp>& one : starts) {
        const Ext<Fp> own = one;
        one = running;
        running = running + own - share * Fp(piece);
    }
    parallel_for(pieces, 16, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            Ext<Fp> value = starts[i];
            for (std::size_t row = i * piece; row < (i + 1) * piece; ++row) {
                const Ext<Fp> step = Ext<Fp>::load(sums + row, height) - share;
                value.store(sums + row, height);
                value += step;
            }
        }
    });
    return 0;
}
