//! Counts the lines of its input. A proof says: whoever made it ran this program to its end, and got this number. The
//! input itself is not part of the statement; a program that must bind it outputs its hash.
const std = @import("std");
const hallmark = @import("hallmark");

pub const panic = hallmark.panic;

export fn main() c_int {
    const bytes = hallmark.inputLeft();
    var lines: u32 = 0;
    hallmark.cyclesBegin("count");
    for (0..bytes) |_| {
        if (hallmark.read(u8) == '\n') lines += 1;
    }
    hallmark.cyclesEnd("count");
    std.debug.assert(lines <= bytes);
    hallmark.print("the lines are counted\n");
    // What main returns is the first word of the public output.
    return @intCast(lines);
}
