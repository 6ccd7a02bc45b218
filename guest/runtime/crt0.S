# Entry: set the stack, run the constructors, main and the destructors, end. A main that returns gives its value as the
# first output word and seven zeros.
    .section .text.start, "ax", @progbits
    .globl _start
_start:
    lui   sp, %hi(__stack_top)
    addi  sp, sp, %lo(__stack_top)

    lui   s0, %hi(__init_array_start)
    addi  s0, s0, %lo(__init_array_start)
    lui   s1, %hi(__init_array_end)
    addi  s1, s1, %lo(__init_array_end)
1:  beq   s0, s1, 2f
    lw    t0, 0(s0)
    addi  s0, s0, 4
    jalr  ra, 0(t0)
    j     1b

2:  jal   ra, main
    mv    s2, a0

    # Destructors run in the opposite order.
    lui   s0, %hi(__fini_array_start)
    addi  s0, s0, %lo(__fini_array_start)
    lui   s1, %hi(__fini_array_end)
    addi  s1, s1, %lo(__fini_array_end)
3:  beq   s0, s1, 4f
    addi  s1, s1, -4
    lw    t0, 0(s1)
    jalr  ra, 0(t0)
    j     3b

4:  mv    a0, s2
    li    a1, 0
    li    a2, 0
    li    a3, 0
    li    a4, 0
    li    a5, 0
    li    a6, 0
    li    a7, 0
    .word 0x0000006f
