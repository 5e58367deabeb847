// The copies are a few instructions between two labels, without a stack frame; a handler for SIGSEGV and
// SIGBUS moves a thread that faults between them to the instruction that returns -EFAULT. Where that is not
// written for the CPU, the kernel copies (process_vm_readv(2)).
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fault_unsafe.hpp"
#include "base/user_copy.hpp"

namespace ring3 {

#if defined(__x86_64__)

// long ring3_copy(void* to, const void* from, size_t size): 0 or -EFAULT.
// long ring3_copy_string(char* to, const char* from, size_t size): bytes with the NUL, or -EFAULT; size > 0.
// Short copies go by words and then bytes; from a few hundred bytes on, the CPU's own copy is the fastest.
asm(R"(
    .text
    .p2align 4
    .globl ring3_copy, ring3_copy_string, ring3_copy_end, ring3_copy_fault
    .hidden ring3_copy, ring3_copy_string, ring3_copy_end, ring3_copy_fault
    .type ring3_copy, @function
    .type ring3_copy_string, @function
ring3_copy:
    .cfi_startproc
    mov %rdx, %rcx
    cmp $256, %rdx
    jae 3f
    shr $3, %rcx
    jz 2f
1:  mov (%rsi), %rax
    mov %rax, (%rdi)
    add $8, %rsi
    add $8, %rdi
    dec %rcx
    jnz 1b
2:  mov %edx, %ecx
    and $7, %ecx
    jz 5f
4:  movb (%rsi), %al
    movb %al, (%rdi)
    inc %rsi
    inc %rdi
    dec %ecx
    jnz 4b
    jmp 5f
3:  rep movsb
5:  xor %eax, %eax
    ret
    .cfi_endproc
    .size ring3_copy, . - ring3_copy
    .p2align 4
ring3_copy_string:
    .cfi_startproc
    xor %eax, %eax
6:  cmp %rdx, %rax
    jae 7f
    movb (%rsi,%rax), %cl
    movb %cl, (%rdi,%rax)
    inc %rax
    test %cl, %cl
    jnz 6b
    ret
7:  movb $0, -1(%rdi,%rax)
    ret
    .cfi_endproc
    .size ring3_copy_string, . - ring3_copy_string
ring3_copy_end:
ring3_copy_fault:
    mov $-14, %rax
    ret
)");

extern "C" {
long ring3_copy(void* to, const void* from, size_t size);
long ring3_copy_string(char* to, const char* from, size_t size);
extern const char ring3_copy_end[], ring3_copy_fault[];
}

bool resume_fault(void* opaque) {
  auto& registers = static_cast<ucontext_t*>(opaque)->uc_mcontext.gregs;
  auto& pc = reinterpret_cast<uintptr_t&>(registers[REG_RIP]);
  if (pc < reinterpret_cast<uintptr_t>(&ring3_copy) || pc >= reinterpret_cast<uintptr_t>(ring3_copy_end))
    return resume_contained(pc, reinterpret_cast<uintptr_t&>(registers[REG_RSP]));
  pc = reinterpret_cast<uintptr_t>(ring3_copy_fault);
  return true;
}

void ensure_fault_handler() { install_fault_handler(); }

int copy_from_user(void* destination, uint64_t source, size_t size) {
  require_fault_handler();
  return static_cast<int>(ring3_copy(destination, reinterpret_cast<const void*>(source), size));
}

int copy_to_user(uint64_t destination, const void* source, size_t size) {
  require_fault_handler();
  return static_cast<int>(ring3_copy(reinterpret_cast<void*>(destination), source, size));
}

int copy_between_users(uint64_t destination, uint64_t source, size_t size) {
  return copy_to_user(destination, reinterpret_cast<const void*>(source), size);
}

long copy_string_from_user(char* destination, uint64_t source, size_t size) {
  if (size == 0) return 0;
  require_fault_handler();
  return ring3_copy_string(destination, reinterpret_cast<const char*>(source), size);
}

#else

namespace {

using Transfer = ssize_t (*)(pid_t, const iovec*, unsigned long, const iovec*, unsigned long, unsigned long);

// A transfer may stop early; only one that gets nowhere has met a bad address.
int transfer(Transfer how, void* ours, uint64_t theirs, size_t size) {
  for (size_t done = 0; done < size;) {
    const iovec local = {static_cast<char*>(ours) + done, size - done};
    const iovec remote = {reinterpret_cast<void*>(theirs + done), size - done};
    const ssize_t moved = how(getpid(), &local, 1, &remote, 1, 0);
    if (moved <= 0) return -EFAULT;
    done += static_cast<size_t>(moved);
  }
  return 0;
}

}  // namespace

bool resume_fault(void*) { return false; }

void ensure_fault_handler() {}

int copy_from_user(void* destination, uint64_t source, size_t size) {
  return transfer(process_vm_readv, destination, source, size);
}

int copy_to_user(uint64_t destination, const void* source, size_t size) {
  return transfer(process_vm_writev, const_cast<void*>(source), destination, size);
}

int copy_between_users(uint64_t destination, uint64_t source, size_t size) {
  return transfer(process_vm_writev, reinterpret_cast<void*>(source), destination, size);
}

long copy_string_from_user(char* destination, uint64_t source, size_t size) {
  // Never across a page at once: the string may end before memory that can't be read.
  constexpr size_t kStep = 4096;
  for (size_t done = 0; done < size;) {
    const size_t step = std::min(size - done, kStep - (source + done) % kStep);
    if (transfer(process_vm_readv, destination + done, source + done, step) != 0) return -EFAULT;
    for (const size_t end = done + step; done < end; ++done)
      if (destination[done] == 0) return static_cast<long>(done + 1);
  }
  if (size > 0) destination[size - 1] = 0;
  return static_cast<long>(size);
}

#endif

}  // namespace ring3
