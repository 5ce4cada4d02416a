# The innermost loops of four of XNNPACK's kernels, which compute convolutions and linear layers in float32 on x86
# processors with AVX2 and without AVX-512: 5 rows x 16 columns, and 10 x 8 for fewer columns, one input channel a turn.
#
# The compiler of ExecuTorch's wheel keeps sums or inputs of these loops on the stack, though the registers suffice: most
# turns wait for the store of the turn before (https://github.com/google/XNNPACK/issues/6480). replace_loops.py puts
# each section `replacement` in the place of the section `compiled` of the same number. Products and sums and their order
# stay, so the results are the same bits. Every loop leaves in registers and memory what the code behind it reads.

# xnn_f32_igemm_minmax_ukernel_5x16__fma3_broadcast: convolutions.
# rax is bytes of input channels, r11 rbx r12 r13 r15 are the ends of the inputs, rdx the packed weights; ymm11 8 9 10 and
# 40(%rsp) the sums of columns 0 to 7, ymm7 12 13 14 15 those of columns 8 to 15.

    .section compiled_1, "ax", @progbits
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

    .section replacement_1, "ax", @progbits
    neg %rax
    vmovaps 0x28(%rsp), %ymm2
    .byte 0x66, 0x90  # a nop of two bytes: the loop begins at a multiple of 32 here
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

# xnn_f32_gemm_minmax_ukernel_5x16__fma3_broadcast: linear layers and convolutions of 1 x 1.
# rax rcx rsi rdx r8 are the inputs, r15 is the end of the first, r9 the packed weights; ymm2 11 9 10 and -24(%rsp) are the
# sums of columns 0 to 7, ymm3 12 13 14 15 those of columns 8 to 15.

    .section compiled_2, "ax", @progbits
    .byte 0x0f, 0x1f, 0x80, 0, 0, 0, 0  # a nop
1:  vmovaps (%r9), %ymm1
    vbroadcastss (%rax), %ymm8
    add $0x4, %rax
    add $0x4, %rcx
    vbroadcastss (%rsi), %ymm6
    vbroadcastss (%rdx), %ymm5
    add $0x4, %rsi
    add $0x4, %rdx
    vbroadcastss -0x4(%rcx), %ymm7
    vbroadcastss (%r8), %ymm4
    vfmadd231ps %ymm1, %ymm8, %ymm2
    add $0x4, %r8
    vfmadd231ps %ymm1, %ymm6, %ymm9
    vfmadd231ps %ymm1, %ymm5, %ymm10
    vmovaps 0x20(%r9), %ymm0
    add $0x40, %r9
    vfmadd231ps %ymm1, %ymm7, %ymm11
    vfmadd213ps -0x18(%rsp), %ymm4, %ymm1
    vfmadd231ps %ymm0, %ymm8, %ymm3
    vfmadd231ps %ymm0, %ymm7, %ymm12
    vfmadd231ps %ymm0, %ymm6, %ymm13
    vfmadd231ps %ymm0, %ymm5, %ymm14
    vfmadd231ps %ymm0, %ymm4, %ymm15
    vmovaps %ymm1, -0x18(%rsp)
    cmp %rax, %r15
    jne 1b

    .section replacement_2, "ax", @progbits
    vmovaps -0x18(%rsp), %ymm4
    nop
1:  vmovaps (%r9), %ymm1
    vmovaps 0x20(%r9), %ymm0
    vbroadcastss (%rax), %ymm8
    add $4, %rax
    vbroadcastss (%rcx), %ymm7
    add $4, %rcx
    vbroadcastss (%rsi), %ymm6
    add $4, %rsi
    vfmadd231ps %ymm1, %ymm8, %ymm2
    vfmadd231ps %ymm0, %ymm8, %ymm3
    vbroadcastss (%rdx), %ymm5
    add $4, %rdx
    vfmadd231ps %ymm1, %ymm7, %ymm11
    vfmadd231ps %ymm0, %ymm7, %ymm12
    vbroadcastss (%r8), %ymm8
    add $4, %r8
    vfmadd231ps %ymm1, %ymm6, %ymm9
    vfmadd231ps %ymm0, %ymm6, %ymm13
    add $0x40, %r9
    vfmadd231ps %ymm1, %ymm5, %ymm10
    vfmadd231ps %ymm0, %ymm5, %ymm14
    vfmadd231ps %ymm1, %ymm8, %ymm4
    vfmadd231ps %ymm0, %ymm8, %ymm15
    cmp %rax, %r15
    jne 1b
    vmovaps %ymm4, -0x18(%rsp)

# xnn_f32_igemm_minmax_ukernel_10x8__fma3_broadcast: convolutions with fewer than 16 channels.
# rax is bytes of input channels, r13, r14 and 128(%rsp) down to 72(%rsp) are the ends of the inputs, r15 the packed weights;
# ymm6 7 8 9 10 1 2 3 4 5 are the sums. What follows reads the sixth in ymm1 alone.

    .section compiled_3, "ax", @progbits
    .byte 0x0f, 0x1f, 0x44, 0, 0  # a nop
1:  mov 0x68(%rsp), %r8
    mov 0x60(%rsp), %rdi
    mov %r14, %rbx
    mov %r13, %r12
    mov 0x70(%rsp), %r9
    mov 0x78(%rsp), %r10
    sub %rax, %rbx
    sub %rax, %r12
    sub %rax, %r8
    mov 0x58(%rsp), %rsi
    sub %rax, %rdi
    vbroadcastss (%rbx), %ymm14
    vbroadcastss (%r8), %ymm1
    sub %rax, %r9
    sub %rax, %r10
    mov 0x50(%rsp), %rcx
    mov 0x80(%rsp), %r11
    vbroadcastss (%r12), %ymm15
    sub %rax, %rsi
    add $0x20, %r15
    vbroadcastss (%r10), %ymm12
    vbroadcastss (%r9), %ymm11
    sub %rax, %rcx
    sub %rax, %r11
    mov 0x48(%rsp), %rdx
    vmovaps -0x20(%r15), %ymm0
    vbroadcastss (%r11), %ymm13
    vmovaps %ymm1, 0x108(%rsp)
    vbroadcastss (%rdi), %ymm1
    vfmadd231ps %ymm0, %ymm15, %ymm6
    vfmadd231ps %ymm0, %ymm14, %ymm7
    sub %rax, %rdx
    vmovaps %ymm1, 0xe8(%rsp)
    vbroadcastss (%rsi), %ymm1
    vfmadd231ps %ymm0, %ymm13, %ymm8
    vfmadd231ps %ymm0, %ymm12, %ymm9
    vfmadd231ps 0xe8(%rsp), %ymm0, %ymm2
    vfmadd231ps %ymm0, %ymm11, %ymm10
    vmovaps %ymm1, 0xc8(%rsp)
    vbroadcastss (%rcx), %ymm1
    vfmadd231ps 0xc8(%rsp), %ymm0, %ymm3
    vmovaps %ymm1, 0xa8(%rsp)
    vbroadcastss (%rdx), %ymm1
    vfmadd231ps 0xa8(%rsp), %ymm0, %ymm4
    vmovaps %ymm1, 0x88(%rsp)
    vmovaps 0x108(%rsp), %ymm1
    vfmadd213ps 0x128(%rsp), %ymm0, %ymm1
    vfmadd231ps 0x88(%rsp), %ymm0, %ymm5
    vmovaps %ymm1, 0x128(%rsp)
    sub $0x4, %rax
    jne 1b

    .section replacement_3, "ax", @progbits
    mov 0x80(%rsp), %r11
    mov 0x78(%rsp), %r10
    mov 0x70(%rsp), %r9
    mov 0x68(%rsp), %r8
    mov 0x60(%rsp), %rdi
    mov 0x58(%rsp), %rsi
    mov 0x50(%rsp), %rcx
    mov 0x48(%rsp), %rdx
    neg %rax
    .byte 0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0  # nops, so that the loop begins at a multiple of 32
    .byte 0x66, 0x0f, 0x1f, 0x44, 0, 0
1:  vmovaps (%r15), %ymm0
    add $0x20, %r15
    vbroadcastss (%r13,%rax), %ymm11
    vbroadcastss (%r14,%rax), %ymm12
    vbroadcastss (%r11,%rax), %ymm13
    vbroadcastss (%r10,%rax), %ymm14
    vbroadcastss (%r9,%rax), %ymm15
    vfmadd231ps %ymm0, %ymm11, %ymm6
    vbroadcastss (%r8,%rax), %ymm11
    vfmadd231ps %ymm0, %ymm12, %ymm7
    vbroadcastss (%rdi,%rax), %ymm12
    vfmadd231ps %ymm0, %ymm13, %ymm8
    vbroadcastss (%rsi,%rax), %ymm13
    vfmadd231ps %ymm0, %ymm14, %ymm9
    vbroadcastss (%rcx,%rax), %ymm14
    vfmadd231ps %ymm0, %ymm15, %ymm10
    vbroadcastss (%rdx,%rax), %ymm15
    vfmadd231ps %ymm0, %ymm11, %ymm1
    vfmadd231ps %ymm0, %ymm12, %ymm2
    vfmadd231ps %ymm0, %ymm13, %ymm3
    vfmadd231ps %ymm0, %ymm14, %ymm4
    vfmadd231ps %ymm0, %ymm15, %ymm5
    add $4, %rax
    jne 1b

# xnn_f32_gemm_minmax_ukernel_10x8__fma3_broadcast: linear layers with fewer than 16 outputs.
# r15 rcx rsi rdi r10 r11 r12 r13 rdx r8 are the inputs, rax is the end of the first, r9 the packed weights;
# ymm1 6 7 8 10 2 3 4 5 11 are the sums.

    .section compiled_4, "ax", @progbits
    nopl (%rax)
1:  vbroadcastss (%r10), %ymm0
    vbroadcastss (%r15), %ymm15
    add $0x4, %r15
    add $0x4, %rcx
    add $0x4, %rsi
    add $0x4, %rdi
    add $0x4, %r10
    add $0x4, %r11
    add $0x4, %r12
    add $0x4, %r13
    add $0x4, %rdx
    add $0x4, %r8
    vbroadcastss -0x4(%rcx), %ymm14
    vbroadcastss -0x4(%rsi), %ymm13
    add $0x20, %r9
    vbroadcastss -0x4(%rdi), %ymm12
    vmovaps %ymm0, 0xa8(%rsp)
    vbroadcastss -0x4(%r12), %ymm0
    vbroadcastss -0x4(%r11), %ymm9
    vmovaps %ymm0, 0x88(%rsp)
    vbroadcastss -0x4(%r13), %ymm0
    vmovaps %ymm0, 0x68(%rsp)
    vbroadcastss -0x4(%rdx), %ymm0
    vmovaps %ymm0, 0x48(%rsp)
    vbroadcastss -0x4(%r8), %ymm0
    vmovaps %ymm0, 0x28(%rsp)
    vmovaps -0x20(%r9), %ymm0
    vfmadd231ps 0xa8(%rsp), %ymm0, %ymm10
    vfmadd231ps 0x68(%rsp), %ymm0, %ymm4
    vfmadd231ps 0x48(%rsp), %ymm0, %ymm5
    vfmadd231ps %ymm0, %ymm15, %ymm1
    vfmadd231ps %ymm0, %ymm14, %ymm6
    vfmadd231ps %ymm0, %ymm13, %ymm7
    vfmadd231ps %ymm0, %ymm12, %ymm8
    vfmadd231ps %ymm0, %ymm9, %ymm2
    vfmadd231ps 0x28(%rsp), %ymm0, %ymm11
    vfmadd231ps 0x88(%rsp), %ymm0, %ymm3
    cmp %rax, %r15
    jne 1b

    .section replacement_4, "ax", @progbits
    nopl (%rax)
1:  vmovaps (%r9), %ymm0
    add $0x20, %r9
    vbroadcastss (%r15), %ymm9
    add $4, %r15
    vbroadcastss (%rcx), %ymm12
    add $4, %rcx
    vbroadcastss (%rsi), %ymm13
    add $4, %rsi
    vbroadcastss (%rdi), %ymm14
    add $4, %rdi
    vbroadcastss (%r10), %ymm15
    add $4, %r10
    vfmadd231ps %ymm0, %ymm9, %ymm1
    vbroadcastss (%r11), %ymm9
    add $4, %r11
    vfmadd231ps %ymm0, %ymm12, %ymm6
    vbroadcastss (%r12), %ymm12
    add $4, %r12
    vfmadd231ps %ymm0, %ymm13, %ymm7
    vbroadcastss (%r13), %ymm13
    add $4, %r13
    vfmadd231ps %ymm0, %ymm14, %ymm8
    vbroadcastss (%rdx), %ymm14
    add $4, %rdx
    vfmadd231ps %ymm0, %ymm15, %ymm10
    vbroadcastss (%r8), %ymm15
    add $4, %r8
    vfmadd231ps %ymm0, %ymm9, %ymm2
    vfmadd231ps %ymm0, %ymm12, %ymm3
    vfmadd231ps %ymm0, %ymm13, %ymm4
    vfmadd231ps %ymm0, %ymm14, %ymm5
    vfmadd231ps %ymm0, %ymm15, %ymm11
    cmp %rax, %r15
    jne 1b

    .section .note.GNU-stack, "", @progbits
