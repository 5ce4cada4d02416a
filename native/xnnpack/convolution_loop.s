# The innermost loop of XNNPACK's kernel xnn_f32_igemm_minmax_ukernel_5x16__fma3_broadcast, which computes convolutions
# larger than 1 x 1 on x86 processors with AVX2 and without AVX-512: 5 pixels x 16 channels, one input channel a turn.
#
# The compiler of ExecuTorch's wheel keeps one of the ten sums on the stack, so each turn waits for the store of the turn
# before it (https://github.com/google/XNNPACK/issues/6480). replace_loop.py puts the second section in the place of
# the first one. Sums, products and their order are the same, so the results are the same bits.
#
# On entry: rax bytes of input channels, r11 rbx r12 r13 r15 the ends of the 5 pixels' inputs, rdx the packed weights,
# ymm11 8 9 10 and 40(%rsp) the sums of channels 0 to 7, ymm7 12 13 14 15 those of channels 8 to 15. What follows loads
# rcx, rsi, r9, r10 and r14 itself.

    .section compiled, "ax", @progbits
    nopl (%rax)
1:  mov %r13, %rsi
    mov %r12, %r9
    mov %rbx, %r10
    mov %r11, %r14
    sub %rax, %rsi
    sub %rax, %r9
    sub %rax, %r10
    sub %rax, %r14
    vmovaps (%rdx), %ymm1
    vbroadcastss (%r14), %ymm6
    mov %r15, %rcx
    add $0x40, %rdx
    vbroadcastss (%r10), %ymm5
    vbroadcastss (%r9), %ymm4
    sub %rax, %rcx
    vbroadcastss (%rsi), %ymm3
    vbroadcastss (%rcx), %ymm2
    vfmadd231ps %ymm1, %ymm6, %ymm11
    vfmadd231ps %ymm1, %ymm5, %ymm8
    vfmadd231ps %ymm1, %ymm4, %ymm9
    vmovaps -0x20(%rdx), %ymm0
    prefetcht0 0x380(%rdx)
    vfmadd231ps %ymm1, %ymm3, %ymm10
    vfmadd213ps 0x28(%rsp), %ymm2, %ymm1
    vfmadd231ps %ymm0, %ymm6, %ymm7
    vfmadd231ps %ymm0, %ymm5, %ymm12
    vfmadd231ps %ymm0, %ymm4, %ymm13
    vfmadd231ps %ymm0, %ymm3, %ymm14
    vfmadd231ps %ymm0, %ymm2, %ymm15
    vmovaps %ymm1, 0x28(%rsp)
    sub $4, %rax
    jne 1b

    .section replacement, "ax", @progbits
    neg %rax
    vmovaps 0x28(%rsp), %ymm2
    .byte 0x66, 0x90  # a nop of two bytes: the loop begins at a multiple of 32
1:  vmovaps (%rdx), %ymm1
    vmovaps 0x20(%rdx), %ymm0
    vbroadcastss (%r11,%rax), %ymm6
    vbroadcastss (%rbx,%rax), %ymm5
    vbroadcastss (%r12,%rax), %ymm4
    prefetcht0 0x3c0(%rdx)
    vfmadd231ps %ymm1, %ymm6, %ymm11
    vfmadd231ps %ymm0, %ymm6, %ymm7
    vbroadcastss (%r13,%rax), %ymm3
    vfmadd231ps %ymm1, %ymm5, %ymm8
    vfmadd231ps %ymm0, %ymm5, %ymm12
    vbroadcastss (%r15,%rax), %ymm6
    vfmadd231ps %ymm1, %ymm4, %ymm9
    vfmadd231ps %ymm0, %ymm4, %ymm13
    add $0x40, %rdx
    vfmadd231ps %ymm1, %ymm3, %ymm10
    vfmadd231ps %ymm0, %ymm3, %ymm14
    vfmadd231ps %ymm1, %ymm6, %ymm2
    vfmadd231ps %ymm0, %ymm6, %ymm15
    add $4, %rax
    jne 1b
    vmovaps %ymm2, 0x28(%rsp)

    .section .note.GNU-stack, "", @progbits
