// Copies from and to addresses that nobody vouches for: those a BPF program or an SQE names. A bad address
// ends the copy with -EFAULT; the process lives. Works whatever another thread does to the memory meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ring3 {

// Copies `size` bytes from the untrusted address `source`. Returns 0, or -EFAULT if any byte could not be
// read (the destination is then partly written). Any thread; no allocation, no lock, no system call unless it
// faults.
int copy_from_user(void* destination, uint64_t source, size_t size);

// The same towards an untrusted address: 0, or -EFAULT.
int copy_to_user(uint64_t destination, const void* source, size_t size);

// Between two untrusted addresses: 0, or -EFAULT.
int copy_between_users(uint64_t destination, uint64_t source, size_t size);

// Copies a NUL-terminated string of at most size - 1 bytes and its NUL, cutting a longer one. Returns the
// bytes written including the NUL, or -EFAULT.
long copy_string_from_user(char* destination, uint64_t source, size_t size);

// Faults are caught by handlers for SIGSEGV and SIGBUS that the first copy installs; faults elsewhere go on
// to whatever handled them before. An application that installs its own handlers later hides ours: this puts
// them back in front (and chains to the application's). Costs two system calls; loops call it once an
// enter().
//
// Callers must not copy with SIGSEGV or SIGBUS blocked: the kernel kills a process that faults then.
void ensure_fault_handler();

}  // namespace ring3
