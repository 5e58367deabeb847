// The operations' two halves, by family: what the table in operations.cpp is made of.
#pragma once

#include "backend/threads/engine.hpp"

namespace ring3::backend::threads {

// Files (file_operations.cpp, transfer.cpp).
int prepare_transfer(Request& request);
int prepare_transfer_vector(Request& request);
int prepare_transfer_fixed(Request& request);
int perform_read(Run& run, Request& request);
int perform_write(Run& run, Request& request);
int prepare_fsync(Request& request);
int perform_fsync(Run& run, Request& request);
int prepare_openat(Request& request);
int perform_openat(Run& run, Request& request);
int prepare_close(Request& request);
int perform_close(Run& run, Request& request);
int prepare_statx(Request& request);
int perform_statx(Run& run, Request& request);
int prepare_fallocate(Request& request);
int perform_fallocate(Run& run, Request& request);
int prepare_ftruncate(Request& request);
int perform_ftruncate(Run& run, Request& request);

// Sockets (socket_operations.cpp, message_operations.cpp) and readiness.
int prepare_accept(Request& request);
int perform_accept(Run& run, Request& request);
int prepare_connect(Request& request);
int perform_connect(Run& run, Request& request);
int prepare_send(Request& request);
int prepare_receive(Request& request);
int prepare_sendmsg(Request& request);
int prepare_receivemsg(Request& request);
int perform_send(Run& run, Request& request);
int perform_receive(Run& run, Request& request);
int prepare_shutdown(Request& request);
int perform_shutdown(Run& run, Request& request);
int prepare_socket(Request& request);
int perform_socket(Run& run, Request& request);
int prepare_poll(Request& request);
int perform_poll(Run& run, Request& request);

// Shared helpers.
// `fd`'s events of `events` that are there now, or 0. POLLNVAL counts as ready: the operation will say EBADF.
uint32_t ready_now(int fd, uint32_t events);
// Says that the request waits for its file, also for one that is O_NONBLOCK, as io_uring does.
int block_on(Request& request, uint32_t events);
// Copies an iovec array: 0, -EINVAL (or `too_many`) for more than IOV_MAX, -EFAULT.
int copy_vectors(Request& request, uint64_t address, uint64_t count, int too_many);
// Drops the first `bytes` of what is left to move.
void consume(Request& request, size_t bytes);
// A new descriptor's way to the application: as a number, or into a registered slot.
int deliver_descriptor(Run& run, const Request& request, long fd);

}  // namespace ring3::backend::threads
