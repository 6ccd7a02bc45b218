# Calls that only an observing host answers, by the symbol that is reached: `hallmark execute` prints and counts, the
# proven machine executes nothing but the return. A panic is a trap, and its text is in a0 and a1 for who looks.
    .macro host_call name
    .section .text.\name, "ax", @progbits
    .globl \name
    .type \name, @function
\name:
    ret
    .size \name, . - \name
    .endm

    host_call hallmark_print_bytes
    host_call hallmark_printf
    host_call hallmark_cycles_begin_bytes
    host_call hallmark_cycles_end_bytes

    .section .text.hallmark_panic_bytes, "ax", @progbits
    .globl hallmark_panic_bytes
    .type hallmark_panic_bytes, @function
hallmark_panic_bytes:
    ebreak
    .size hallmark_panic_bytes, . - hallmark_panic_bytes
