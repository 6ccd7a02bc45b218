//! An example in Zig: the input is a 32-bit number, the output the primes below it, written one after the other.
const std = @import("std");
const hallmark = @import("hallmark");

pub const panic = hallmark.panic;

export fn main() c_int {
    const limit = hallmark.read(u32);
    const composite = hallmark.allocator.alloc(bool, limit) catch @panic("the heap is full");
    defer hallmark.allocator.free(composite);
    @memset(composite, false);

    hallmark.cyclesBegin("sieve");
    var number: u32 = 2;
    while (number < limit) : (number += 1) {
        if (composite[number]) continue;
        hallmark.write(u32, number);
        var multiple = number;
        while (limit - multiple > number) {
            multiple += number;
            composite[multiple] = true;
        }
    }
    hallmark.cyclesEnd("sieve");
    hallmark.finish();
}
