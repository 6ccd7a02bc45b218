//! An example in Rust: reads 32-bit numbers and outputs their count, median and mean, then all of them, sorted.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use hallmark_guest as hallmark;

hallmark::entry!(run);

fn run() {
    let mut numbers: Vec<u32> = Vec::new();
    while hallmark::input_left() > 0 {
        numbers.push(hallmark::read());
    }
    assert!(!numbers.is_empty(), "there are no numbers");
    hallmark::cycles("sort", || numbers.sort_unstable());
    let sum: u64 = numbers.iter().map(|&number| u64::from(number)).sum();
    let mean = (sum / numbers.len() as u64) as u32;
    hallmark::println!("{} numbers, their mean is {}", numbers.len(), mean);
    hallmark::write(numbers.len() as u32);
    hallmark::write(numbers[numbers.len() / 2]);
    hallmark::write(mean);
    for number in numbers {
        hallmark::write(number);
    }
}
