// Which descriptor is which ring: for the C functions, and for programs that name a ring by ring_fd.
#pragma once

namespace ring3::ring {

class Ring;

// Any thread.
void add_to_registry(int fd, Ring* ring);
void remove_from_registry(int fd);

}  // namespace ring3::ring
