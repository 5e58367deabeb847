/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Integer types by their kernel names, and the attributes and macros that BPF programs are written with. */
#ifndef RING3_BPF_TYPES_H
#define RING3_BPF_TYPES_H

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;
typedef unsigned long size_t;
typedef long ssize_t;
typedef _Bool bool;
enum { false = 0, true = 1 };

#define NULL ((void*)0)

/* Places a program, a map or the license where loaders look for it. Kept even if nothing in C refers to it.
 */
#define SEC(name) __attribute__((section(name), used))
/* A function of the kernel, or of ring3, found by name when the object is loaded. */
#define __ksym __attribute__((section(".ksyms")))
#define __weak __attribute__((weak))
#define __noinline __attribute__((noinline))
#define __always_inline inline __attribute__((always_inline))
#define __aligned(bytes) __attribute__((aligned(bytes)))
#define __hidden __attribute__((visibility("hidden")))

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)
#define offsetof(type, member) __builtin_offsetof(type, member)

#define barrier() __asm__ volatile("" ::: "memory")
/* Hides from the compiler what it knows of a variable, so that a check before its use stays in the program.
 */
#define barrier_var(variable) __asm__ volatile("" : "+r"(variable))

/* Exactly one access, neither split, merged nor repeated. */
#define READ_ONCE(lvalue) (*(const volatile __typeof__(lvalue)*)&(lvalue))
#define WRITE_ONCE(lvalue, value) (*(volatile __typeof__(lvalue)*)&(lvalue) = (value))

/* For the heads and tails of rings. loop_step runs on the task that posts completions and takes submissions,
 * so nothing happens behind its back and the order of the program is enough: only the compiler is held back.
 */
#define smp_load_acquire(pointer)                          \
  ({                                                       \
    __typeof__(*(pointer)) value_ = READ_ONCE(*(pointer)); \
    barrier();                                             \
    value_;                                                \
  })
#define smp_store_release(pointer, value) \
  do {                                    \
    barrier();                            \
    WRITE_ONCE(*(pointer), value);        \
  } while (0)

/* Errors that programs of this kind meet, as the kernel numbers them. */
enum {
  ENOENT = 2,
  EINTR = 4,
  EIO = 5,
  EBADF = 9,
  EAGAIN = 11,
  ENOMEM = 12,
  EFAULT = 14,
  EBUSY = 16,
  EINVAL = 22,
  ENOSPC = 28,
  ERANGE = 34,
  ETIME = 62,
  EOPNOTSUPP = 95,
  ECANCELED = 125,
};

#endif
