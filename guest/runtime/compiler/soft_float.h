/* IEEE 754 arithmetic in integers, round to nearest even, for one format. The including file defines
 *   BITS, MANTISSA, EXPONENT  the format's widths,
 *   word, signed_word, value  an unsigned and a signed integer of its width, and the floating type,
 *   multiply_high(a, b, low)  the upper word of a product; *low is its lower word,
 *   take_digit(rest, divisor)  *rest / divisor, which is below 2^EXPONENT; *rest becomes the remainder.
 * Every NaN that is made is the positive quiet one, as on RISC-V hardware. */
#define SIGN ((word)1 << (BITS - 1))
#define IMPLICIT ((word)1 << MANTISSA)
#define FRACTION (IMPLICIT - 1)
#define EXPONENT_MAX ((1 << EXPONENT) - 1)
#define BIAS (EXPONENT_MAX >> 1)
#define INFINITE ((word)EXPONENT_MAX << MANTISSA)
#define QUIET_NAN (INFINITE | IMPLICIT >> 1)
/* While a result is made its mantissa has three more bits: two of precision and one that gathers everything below. */
#define EXTRA 3

static inline word bits_of(value x) {
    union {
        value as_value;
        word as_word;
    } both = {.as_value = x};
    return both.as_word;
}

static inline value value_of(word x) {
    union {
        word as_word;
        value as_value;
    } both = {.as_word = x};
    return both.as_value;
}

static inline int leading_zeros(word x) { return BITS == 64 ? __builtin_clzll(x) : __builtin_clz((uint32_t)x); }

static inline word magnitude_of(word x) { return x & ~SIGN; }

/* Shifts right; what falls out stays visible in the lowest bit. */
static inline word shift_sticky(word x, int count) {
    if (count == 0) return x;
    if (count >= BITS) return x != 0;
    return x >> count | (x << (BITS - count) != 0);
}

/* The mantissa of a number that is neither zero nor special, with its implicit bit set, and its biased exponent, which is
 * zero or less for a subnormal number. */
static inline word normalize(word x, int *exponent) {
    word fraction = x & FRACTION;
    *exponent = (int)(magnitude_of(x) >> MANTISSA);
    if (*exponent != 0) return fraction | IMPLICIT;
    int shift = leading_zeros(fraction) - EXPONENT;
    *exponent = 1 - shift;
    return fraction << shift;
}

/* Rounds and packs. `mantissa` has EXTRA bits more and is below 2 IMPLICIT << EXTRA; without an implicit bit the exponent is
 * 1 or less. */
static word round_pack(word sign, int exponent, word mantissa) {
    if (exponent >= EXPONENT_MAX) return sign | INFINITE;
    if (exponent < 1) {
        mantissa = shift_sticky(mantissa, 1 - exponent);
        exponent = 1;
    }
    word below = mantissa & 7;
    mantissa >>= EXTRA;
    mantissa += below > 4 || (below == 4 && (mantissa & 1));
    /* The implicit bit adds one to the exponent, and so does a carry of the rounding, up to infinity. */
    return sign | (((word)(exponent - 1) << MANTISSA) + mantissa);
}

static value add(value left, value right) {
    word a = bits_of(left), b = bits_of(right);
    if (magnitude_of(a) < magnitude_of(b)) {
        word larger = b;
        b = a;
        a = larger;
    }
    if (magnitude_of(a) >= INFINITE) {
        int is_nan = magnitude_of(a) > INFINITE || (magnitude_of(b) == INFINITE && a != b);
        return value_of(is_nan ? QUIET_NAN : a);
    }
    if (magnitude_of(b) == 0) return value_of(magnitude_of(a) == 0 ? a & b : a);
    int exponent, smaller;
    word x = normalize(a, &exponent) << EXTRA, y = normalize(b, &smaller) << EXTRA;
    y = shift_sticky(y, exponent - smaller);
    if (((a ^ b) & SIGN) == 0) {
        x += y;
        if (x >> (MANTISSA + EXTRA + 1)) {
            x = shift_sticky(x, 1);
            exponent++;
        }
    } else {
        x -= y;
        if (x == 0) return value_of(0);
        int shift = leading_zeros(x) - (EXPONENT - EXTRA);
        x <<= shift;
        exponent -= shift;
    }
    return value_of(round_pack(a & SIGN, exponent, x));
}

static value multiply(value left, value right) {
    word a = bits_of(left), b = bits_of(right), sign = (a ^ b) & SIGN;
    if (magnitude_of(a) > INFINITE || magnitude_of(b) > INFINITE) return value_of(QUIET_NAN);
    if (magnitude_of(a) == INFINITE || magnitude_of(b) == INFINITE) {
        return value_of(magnitude_of(a) == 0 || magnitude_of(b) == 0 ? QUIET_NAN : sign | INFINITE);
    }
    if (magnitude_of(a) == 0 || magnitude_of(b) == 0) return value_of(sign);
    int exponent, other;
    word x = normalize(a, &exponent) << EXPONENT, y = normalize(b, &other) << (EXTRA + 1), low;
    word product = multiply_high(x, y, &low);
    product |= low != 0;
    exponent += other - BIAS;
    if (product >> (MANTISSA + EXTRA + 1)) {
        product = shift_sticky(product, 1);
        exponent++;
    }
    return value_of(round_pack(sign, exponent, product));
}

static value divide(value left, value right) {
    word a = bits_of(left), b = bits_of(right), sign = (a ^ b) & SIGN;
    if (magnitude_of(a) > INFINITE || magnitude_of(b) > INFINITE) return value_of(QUIET_NAN);
    if (magnitude_of(a) == INFINITE) return value_of(magnitude_of(b) == INFINITE ? QUIET_NAN : sign | INFINITE);
    if (magnitude_of(b) == INFINITE) return value_of(sign);
    if (magnitude_of(b) == 0) return value_of(magnitude_of(a) == 0 ? QUIET_NAN : sign | INFINITE);
    if (magnitude_of(a) == 0) return value_of(sign);
    int exponent, other;
    word x = normalize(a, &exponent), y = normalize(b, &other), quotient = 1;
    exponent += BIAS - other;
    if (x < y) {
        x <<= 1;
        exponent--;
    }
    x -= y;
    for (int left = MANTISSA + EXTRA; left > 0; left -= EXPONENT) {
        int digit = left < EXPONENT ? left : EXPONENT;
        x <<= digit;
        quotient = quotient << digit | take_digit(&x, y);
    }
    return value_of(round_pack(sign, exponent, quotient | (x != 0)));
}

/* -1, 0 or 1 for less, equal, greater; `unordered` when one is a NaN. */
static int compare(value left, value right, int unordered) {
    word a = bits_of(left), b = bits_of(right);
    if (magnitude_of(a) > INFINITE || magnitude_of(b) > INFINITE) return unordered;
    if (a == b || magnitude_of(a | b) == 0) return 0;
    if ((a ^ b) & SIGN) return a & SIGN ? -1 : 1;
    return (a < b) == ((a & SIGN) == 0) ? -1 : 1;
}

static int is_unordered(value left, value right) {
    return magnitude_of(bits_of(left)) > INFINITE || magnitude_of(bits_of(right)) > INFINITE;
}

static value from_integer(int negative, uint64_t magnitude) {
    if (magnitude == 0) return value_of(0);
    int top = 63 - __builtin_clzll(magnitude), shift = top - (MANTISSA + EXTRA);
    word mantissa;
    if (shift <= 0) {
        mantissa = (word)magnitude << -shift;
    } else {
        mantissa = (word)(magnitude >> shift) | (magnitude << (64 - shift) != 0);
    }
    return value_of(round_pack(negative ? SIGN : 0, BIAS + top, mantissa));
}

/* The integer part; what is below `low` or above `high` becomes them, and a NaN becomes `high`, as on RISC-V hardware.
 * `high` and minus `low` are magnitudes. */
static uint64_t to_integer(value from, uint64_t low, uint64_t high) {
    word x = bits_of(from);
    int negative = (x & SIGN) != 0, exponent = (int)(magnitude_of(x) >> MANTISSA) - BIAS;
    if (magnitude_of(x) > INFINITE) return high;
    if (exponent < 0) return 0;
    uint64_t limit = negative ? low : high, result = limit;
    if (exponent < 64) {
        uint64_t mantissa = (x & FRACTION) | IMPLICIT;
        result = exponent >= MANTISSA ? mantissa << (exponent - MANTISSA) : mantissa >> (MANTISSA - exponent);
        if (result > limit) result = limit;
    }
    return negative ? 0 - result : result;
}
