/* The same ring for C, in the shape of the three system calls: a drop-in for io_uring_setup/enter/register(2).
 * All return a negative errno on failure. The structures are <linux/io_uring.h>'s. */
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct io_uring_params;

/* Returns a descriptor of the ring: mmap(2) it at the offsets of io_uring, pass it to the functions below, and end it
 * with ring3_close(), not close(2). The back-end is chosen as BackendKind::Auto does. */
int ring3_setup(unsigned entries, struct io_uring_params* params);
int ring3_enter(int fd, unsigned to_submit, unsigned min_complete, unsigned flags, const void* argument,
                size_t argument_size);
int ring3_register(int fd, unsigned opcode, void* argument, unsigned count);
/* Cancels what is in flight, waits for it, and frees the ring. -EBADF if fd is not a ring. */
int ring3_close(int fd);

#ifdef __cplusplus
}
#endif
