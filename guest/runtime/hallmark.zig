//! The guest kit for Zig: `const hallmark = @import("hallmark");`. See docs/guest.md.
const std = @import("std");

extern fn hallmark_input_left() u32;
extern fn hallmark_read_bytes(target: [*]u8, count: u32) void;
extern fn hallmark_write_bytes(bytes: [*]const u8, count: u32) void;
extern fn hallmark_finish() noreturn;
extern fn hallmark_print_bytes(text: [*]const u8, length: usize) void;
extern fn hallmark_cycles_begin_bytes(name: [*]const u8, length: usize) void;
extern fn hallmark_cycles_end_bytes(name: [*]const u8, length: usize) void;
extern fn hallmark_panic_bytes(text: [*]const u8, length: usize) noreturn;
extern fn malloc(size: usize) ?[*]u8;
extern fn aligned_alloc(alignment: usize, size: usize) ?[*]u8;
extern fn free(block: ?*anyopaque) void;

/// Bytes of the input that have not been read.
pub fn inputLeft() u32 {
    return hallmark_input_left();
}

/// Fills a slice from the input.
pub fn readBytes(target: []u8) void {
    hallmark_read_bytes(target.ptr, target.len);
}

/// Reads a little-endian integer, such as `read(u32)`.
pub fn read(comptime T: type) T {
    var bytes: [@divExact(@typeInfo(T).Int.bits, 8)]u8 = undefined;
    readBytes(&bytes);
    return std.mem.readInt(T, &bytes, .little);
}

/// Appends bytes to the output, whose hash becomes the public output in `finish`.
pub fn writeBytes(bytes: []const u8) void {
    hallmark_write_bytes(bytes.ptr, bytes.len);
}

/// Appends a little-endian integer to the output.
pub fn write(comptime T: type, value: T) void {
    var bytes: [@divExact(@typeInfo(T).Int.bits, 8)]u8 = undefined;
    std.mem.writeInt(T, &bytes, value, .little);
    writeBytes(&bytes);
}

/// Ends the program with the hash of everything written as its public output.
pub fn finish() noreturn {
    hallmark_finish();
}

/// Ends the program with eight words as its public output.
pub fn exit(output: [8]u32) noreturn {
    asm volatile (".word 0x0000006f"
        :
        : [a0] "{a0}" (output[0]),
          [a1] "{a1}" (output[1]),
          [a2] "{a2}" (output[2]),
          [a3] "{a3}" (output[3]),
          [a4] "{a4}" (output[4]),
          [a5] "{a5}" (output[5]),
          [a6] "{a6}" (output[6]),
          [a7] "{a7}" (output[7]),
        : "memory"
    );
    unreachable;
}

/// Text for whoever runs the program; the host prints it.
pub fn print(text: []const u8) void {
    hallmark_print_bytes(text.ptr, text.len);
}

/// Cycles between begin and end of a name are counted under it.
pub fn cyclesBegin(name: []const u8) void {
    hallmark_cycles_begin_bytes(name.ptr, name.len);
}

pub fn cyclesEnd(name: []const u8) void {
    hallmark_cycles_end_bytes(name.ptr, name.len);
}

/// What a program's root file names as its panic function: `pub const panic = hallmark.panic;`.
pub fn panic(reason: []const u8, _: ?*std.builtin.StackTrace, _: ?usize) noreturn {
    @setCold(true);
    hallmark_panic_bytes(reason.ptr, reason.len);
}

/// The kit's heap.
pub const allocator = std.mem.Allocator{
    .ptr = undefined,
    .vtable = &.{ .alloc = alloc, .resize = resize, .free = release },
};

fn alloc(_: *anyopaque, length: usize, alignment_log2: u8, _: usize) ?[*]u8 {
    const alignment = @as(usize, 1) << @intCast(alignment_log2);
    return if (alignment <= 16) malloc(length) else aligned_alloc(alignment, length);
}

fn resize(_: *anyopaque, block: []u8, _: u8, length: usize, _: usize) bool {
    return length <= block.len;
}

fn release(_: *anyopaque, block: []u8, _: u8, _: usize) void {
    free(block.ptr);
}
