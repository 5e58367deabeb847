// A run saves its context, and a fault in contained code goes back to that. Single accesses are instructions
// between two labels without a stack frame, as the copies of user_copy_unsafe.cpp are.
#include <algorithm>

#include "base/contained.hpp"
#include "base/fault_unsafe.hpp"
#include "base/user_copy.hpp"

#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace ring3 {

namespace {

// Pages of code, one word each so that a handler sees all of one or nothing: the address of the first and, in
// the bits below that are 0, their number. 0: free. Never deleted, because a handler may be on its way
// through them.
struct Pages {
  std::atomic<uint64_t> range;
  Pages* next;
};
std::atomic<Pages*> made_code{nullptr};
constexpr uint64_t kPage = 4096, kPagesMax = kPage - 1;

bool in_made_code(uintptr_t pc) {
  for (const Pages* pages = made_code.load(std::memory_order_acquire); pages; pages = pages->next) {
    const uint64_t range = pages->range.load(std::memory_order_acquire);
    if (pc >= (range & -kPage) && pc < (range & -kPage) + (range & kPagesMax) * kPage) return true;
  }
  return false;
}

std::atomic<uint64_t>* add_made_code(uint64_t range) {
  for (Pages* pages = made_code.load(); pages; pages = pages->next) {
    uint64_t free = 0;
    if (pages->range.compare_exchange_strong(free, range)) return &pages->range;
  }
  auto* const pages = new Pages{range, made_code.load()};
  while (!made_code.compare_exchange_weak(pages->next, pages)) {
  }
  return &pages->range;
}

}  // namespace

ContainedCode::ContainedCode(std::span<const std::byte> pages) {
  const auto start = reinterpret_cast<uint64_t>(pages.data());
  const uint64_t count = (pages.size() + kPage - 1) / kPage;
  for (uint64_t done = 0; done < count; done += kPagesMax)
    ranges_.push_back(add_made_code(start + done * kPage + std::min(kPagesMax, count - done)));
}

ContainedCode::~ContainedCode() {
  for (std::atomic<uint64_t>* range : ranges_) range->store(0);
}

#if defined(__x86_64__)

// Landed ring3_land(void* object, uint64_t argument, const void* function, uint64_t* stack): calls function(object,
// argument), with the stack pointer that a fault goes back to, at ring3_land_fault, in *stack. Landed
// ring3_load8(uint64_t address), …; Landed ring3_store8(uint64_t address, uint64_t value), …
asm(R"(
    .macro ring3_push what:vararg
    push \what
    .cfi_adjust_cfa_offset 8
    .endm
    .macro ring3_pop what:vararg
    pop \what
    .cfi_adjust_cfa_offset -8
    .endm
    .section .text.hot,"ax",@progbits
    .p2align 4
    .globl ring3_land, ring3_land_fault
    .hidden ring3_land, ring3_land_fault
    .type ring3_land, @function
ring3_land:
    .cfi_startproc
    ring3_push %rbp
    .cfi_rel_offset %rbp, 0
    ring3_push %rbx
    .cfi_rel_offset %rbx, 0
    ring3_push %r12
    .cfi_rel_offset %r12, 0
    ring3_push %r13
    .cfi_rel_offset %r13, 0
    ring3_push %r14
    .cfi_rel_offset %r14, 0
    ring3_push %r15
    .cfi_rel_offset %r15, 0
    ring3_push (%rcx)
    ring3_push %rcx
    sub $8, %rsp
    .cfi_adjust_cfa_offset 8
    mov %rsp, (%rcx)
    call *%rdx
    xor %edx, %edx
1:  add $8, %rsp
    .cfi_remember_state
    .cfi_adjust_cfa_offset -8
    ring3_pop %rcx
    ring3_pop (%rcx)
    ring3_pop %r15
    ring3_pop %r14
    ring3_pop %r13
    ring3_pop %r12
    ring3_pop %rbx
    ring3_pop %rbp
    ret
ring3_land_fault:
    .cfi_restore_state
    xor %eax, %eax
    mov $1, %edx
    jmp 1b
    .cfi_endproc
    .size ring3_land, . - ring3_land

    .text
    .p2align 4
    .globl ring3_access, ring3_access_end, ring3_access_fault
    .hidden ring3_access, ring3_access_end, ring3_access_fault
    .macro ring3_access_function name, instruction:vararg
    .globl \name
    .hidden \name
    .type \name, @function
    .p2align 3
\name:
    .cfi_startproc
    \instruction
    xor %edx, %edx
    ret
    .cfi_endproc
    .size \name, . - \name
    .endm
ring3_access:
    ring3_access_function ring3_load8, movzbl (%rdi), %eax
    ring3_access_function ring3_load16, movzwl (%rdi), %eax
    ring3_access_function ring3_load32, movl (%rdi), %eax
    ring3_access_function ring3_load64, movq (%rdi), %rax
    ring3_access_function ring3_store8, movb %sil, (%rdi)
    ring3_access_function ring3_store16, movw %si, (%rdi)
    ring3_access_function ring3_store32, movl %esi, (%rdi)
    ring3_access_function ring3_store64, movq %rsi, (%rdi)
    ring3_access_function ring3_touch, lock orb $0, (%rdi)
ring3_access_end:
ring3_access_fault:
    xor %eax, %eax
    mov $1, %edx
    ret
)");

extern "C" {
Landed ring3_land(void* object, uint64_t argument, const void* function, uint64_t* stack);
Landed ring3_load8(uint64_t), ring3_load16(uint64_t), ring3_load32(uint64_t), ring3_load64(uint64_t);
Landed ring3_store8(uint64_t, uint64_t), ring3_store16(uint64_t, uint64_t), ring3_store32(uint64_t, uint64_t),
    ring3_store64(uint64_t, uint64_t);
Landed ring3_touch(uint64_t);
extern const char ring3_land_fault[], ring3_access[], ring3_access_end[], ring3_access_fault[];
// The section of contained code, as the linker names its ends; not there if nothing is in it.
extern const char __start_ring3_contained[] __attribute__((weak, visibility("hidden")));
extern const char __stop_ring3_contained[] __attribute__((weak, visibility("hidden")));
}

namespace {

// The stack pointer that this thread's innermost run goes back to; 0: nothing runs.
__attribute__((tls_model("initial-exec"))) thread_local uint64_t landing_stack = 0;

bool within(uintptr_t pc, const char* start, const char* end) {
  return pc >= reinterpret_cast<uintptr_t>(start) && pc < reinterpret_cast<uintptr_t>(end);
}

}  // namespace

bool resume_contained(uintptr_t& pc, uintptr_t& stack) {
  if (within(pc, ring3_access, ring3_access_end)) {
    pc = reinterpret_cast<uintptr_t>(ring3_access_fault);
    return true;
  }
  if (landing_stack == 0) return false;
  if (!within(pc, __start_ring3_contained, __stop_ring3_contained) && !in_made_code(pc)) return false;
  // The frames that are left leave nothing behind.
  ASAN_UNPOISON_MEMORY_REGION(reinterpret_cast<void*>(stack), landing_stack - stack);
  pc = reinterpret_cast<uintptr_t>(ring3_land_fault);
  stack = landing_stack;
  return true;
}

Landed run_contained(uint64_t (*function)(void*), void* argument) {
  require_fault_handler();
  return ring3_land(argument, 0, reinterpret_cast<const void*>(function), &landing_stack);
}

[[gnu::hot]] Landed land_in_made(const void* code, void* object, uint64_t argument) {
  return ring3_land(object, argument, code, &landing_stack);
}

template <typename T>
bool contained_load(uint64_t address, T& value) {
  constexpr auto load = sizeof(T) == 1   ? ring3_load8
                        : sizeof(T) == 2 ? ring3_load16
                        : sizeof(T) == 4 ? ring3_load32
                                         : ring3_load64;
  require_fault_handler();
  const Landed landed = load(address);
  value = static_cast<T>(landed.result);
  return !landed.faulted;
}

template <typename T>
bool contained_store(uint64_t address, T value) {
  constexpr auto store = sizeof(T) == 1   ? ring3_store8
                         : sizeof(T) == 2 ? ring3_store16
                         : sizeof(T) == 4 ? ring3_store32
                                          : ring3_store64;
  require_fault_handler();
  return !store(address, value).faulted;
}

bool is_writable(uint64_t address) {
  require_fault_handler();
  return !ring3_touch(address).faulted;
}

#else

Landed run_contained(uint64_t (*function)(void*), void* argument) { return {function(argument), 0}; }

Landed land_in_made(const void* code, void* object, uint64_t argument) {
  using Made = uint64_t (*)(void*, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
  return {reinterpret_cast<Made>(const_cast<void*>(code))(object, argument, 0, 0, 0, 0), 0};
}

template <typename T>
bool contained_load(uint64_t address, T& value) {
  if (copy_from_user(&value, address, sizeof value) == 0) return true;
  value = 0;
  return false;
}

template <typename T>
bool contained_store(uint64_t address, T value) {
  return copy_to_user(address, &value, sizeof value) == 0;
}

// Not in one piece: who writes to the byte between the two loses.
bool is_writable(uint64_t address) {
  uint8_t byte;
  return contained_load(address, byte) && contained_store(address, byte);
}

#endif

template bool contained_load(uint64_t, uint8_t&);
template bool contained_load(uint64_t, uint16_t&);
template bool contained_load(uint64_t, uint32_t&);
template bool contained_load(uint64_t, uint64_t&);
template bool contained_store(uint64_t, uint8_t);
template bool contained_store(uint64_t, uint16_t);
template bool contained_store(uint64_t, uint32_t);
template bool contained_store(uint64_t, uint64_t);

}  // namespace ring3
