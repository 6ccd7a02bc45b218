//! The guest kit for Rust: `no_std` with the kit's heap as global allocator and its panic as panic handler.
//!
//! A program names its main function with [`entry!`] and is built as a static library:
//! `crate-type = ["staticlib"]`. The functions below stand for those of `guest/runtime`, which it is linked with.
#![no_std]

extern crate alloc;

use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::fmt::{self, Write};
use core::panic::PanicInfo;

mod kit {
    extern "C" {
        pub fn hallmark_input_left() -> u32;
        pub fn hallmark_read_bytes(target: *mut u8, count: u32);
        pub fn hallmark_write_bytes(bytes: *const u8, count: u32);
        pub fn hallmark_finish() -> !;
        pub fn hallmark_print_bytes(text: *const u8, length: usize);
        pub fn hallmark_cycles_begin_bytes(name: *const u8, length: usize);
        pub fn hallmark_cycles_end_bytes(name: *const u8, length: usize);
        pub fn hallmark_panic_bytes(text: *const u8, length: usize) -> !;
        pub fn aligned_alloc(alignment: usize, size: usize) -> *mut u8;
        pub fn calloc(count: usize, size: usize) -> *mut u8;
        pub fn realloc(block: *mut u8, size: usize) -> *mut u8;
        pub fn free(block: *mut u8);
    }
}

/// Names the program's main function, of type `fn()`. What it returns from is the end of the program: see [`finish`].
#[macro_export]
macro_rules! entry {
    ($function:path) => {
        #[no_mangle]
        pub extern "C" fn main() -> i32 {
            let run: fn() = $function;
            run();
            $crate::finish()
        }
    };
}

/// Bytes of the input that have not been read.
pub fn input_left() -> usize {
    unsafe { kit::hallmark_input_left() as usize }
}

/// Fills a slice from the input. Reading past its end is a panic.
pub fn read_bytes(target: &mut [u8]) {
    unsafe { kit::hallmark_read_bytes(target.as_mut_ptr(), target.len() as u32) }
}

/// Reads the rest of the input.
pub fn read_rest() -> Vec<u8> {
    let mut rest = alloc::vec![0; input_left()];
    read_bytes(&mut rest);
    rest
}

/// A number that is read and written as little-endian bytes.
pub trait Number: Sized {
    /// Reads one from the input.
    fn read() -> Self;
    /// Appends it to the output.
    fn write(self);
}

macro_rules! numbers {
    ($($kind:ty),*) => {$(
        impl Number for $kind {
            fn read() -> Self {
                let mut bytes = [0; core::mem::size_of::<$kind>()];
                read_bytes(&mut bytes);
                <$kind>::from_le_bytes(bytes)
            }
            fn write(self) {
                write_bytes(&self.to_le_bytes());
            }
        }
    )*};
}
numbers!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128);

/// Reads a number, such as `read::<u32>()`.
pub fn read<T: Number>() -> T {
    T::read()
}

/// Appends a number to the output.
pub fn write<T: Number>(value: T) {
    value.write();
}

/// Appends bytes to the output.
pub fn write_bytes(bytes: &[u8]) {
    unsafe { kit::hallmark_write_bytes(bytes.as_ptr(), bytes.len() as u32) }
}

/// Ends the program; the hash of everything written is its public output.
pub fn finish() -> ! {
    unsafe { kit::hallmark_finish() }
}

/// Text for whoever runs the program; see [`println!`].
pub fn print(text: &str) {
    unsafe { kit::hallmark_print_bytes(text.as_ptr(), text.len()) }
}

/// Where [`println!`] writes; formatting is done by the program and costs cycles, printing does not.
pub struct Host;

impl Write for Host {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        print(text);
        Ok(())
    }
}

/// Prints a formatted line for whoever runs the program.
#[macro_export]
macro_rules! println {
    ($($argument:tt)*) => {{
        use core::fmt::Write as _;
        let _ = writeln!($crate::Host, $($argument)*);
    }};
}

/// Counts the cycles of a call under a name.
pub fn cycles<T>(name: &str, call: impl FnOnce() -> T) -> T {
    unsafe { kit::hallmark_cycles_begin_bytes(name.as_ptr(), name.len()) };
    let result = call();
    unsafe { kit::hallmark_cycles_end_bytes(name.as_ptr(), name.len()) };
    result
}

struct Heap;

/// Alignment that every block of the kit's heap has.
const ALIGNMENT: usize = 16;

unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        kit::aligned_alloc(layout.align(), layout.size())
    }
    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        kit::free(block)
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= ALIGNMENT {
            return kit::calloc(1, layout.size());
        }
        let block = self.alloc(layout);
        if !block.is_null() {
            core::ptr::write_bytes(block, 0, layout.size());
        }
        block
    }
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if layout.align() <= ALIGNMENT {
            return kit::realloc(block, size);
        }
        let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
        if !moved.is_null() {
            core::ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
            self.dealloc(block, layout);
        }
        moved
    }
}

#[global_allocator]
static HEAP: Heap = Heap;

/// A panic's text, cut when it is longer.
struct Reason {
    bytes: [u8; 512],
    used: usize,
}

impl Write for Reason {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let count = text.len().min(self.bytes.len() - self.used);
        self.bytes[self.used..self.used + count].copy_from_slice(&text.as_bytes()[..count]);
        self.used += count;
        Ok(())
    }
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    let mut reason = Reason { bytes: [0; 512], used: 0 };
    let _ = write!(reason, "{}", info);
    unsafe { kit::hallmark_panic_bytes(reason.bytes.as_ptr(), reason.used) }
}
