// Transfers to and from provider buffers, which the back-end knows nothing of: it is told where their bytes
// are.
#include <algorithm>

#include "ring/engine.hpp"

namespace ring3::ring {

// What can't be done stays as it is: to the back-end the slot is empty, and it answers -EFAULT.
void Engine::redirect(uint32_t index, abi::Sqe& sqe) {
  const bool reads = sqe.opcode == abi::IORING_OP_READ_FIXED;
  if (!reads && sqe.opcode != abi::IORING_OP_WRITE_FIXED) return;
  const Buffer* const known = buffers.find(sqe.buf_index);
  if (!known || !known->is_provided()) return;
  if (!known->allows(reads ? BufferUse::Destination : BufferUse::Source) || !known->holds(sqe.addr, sqe.len))
    return;

  Transfer transfer{index, buffers.share(sqe.buf_index), {}};
  for (uint64_t done = 0; done < sqe.len;) {
    const Buffer::Segment& segment = known->segment_at(sqe.addr + done);
    const uint64_t skipped = sqe.addr + done - segment.offset;
    const uint64_t bytes = std::min(sqe.len - done, segment.size - skipped);
    transfer.vectors.push_back({reinterpret_cast<void*>(segment.address + skipped), bytes});
    done += bytes;
  }
  if (transfer.vectors.size() > 1) {
    sqe.opcode = reads ? abi::IORING_OP_READV : abi::IORING_OP_WRITEV;
    sqe.addr = reinterpret_cast<uint64_t>(transfer.vectors.data());
    sqe.len = static_cast<uint32_t>(transfer.vectors.size());
  } else {
    sqe.opcode = reads ? abi::IORING_OP_READ : abi::IORING_OP_WRITE;
    sqe.addr = transfer.vectors.empty() ? 0 : reinterpret_cast<uint64_t>(transfer.vectors[0].iov_base);
  }
  sqe.buf_index = 0;
  transfers_.push_back(std::move(transfer));
}

void Engine::end_transfer(uint32_t index) {
  const auto found = std::ranges::find(transfers_, index, &Transfer::index);
  if (found == transfers_.end()) return;
  // The buffer may be given back by this: last, so that the list is in order by then.
  const Transfer ended = std::exchange(*found, std::move(transfers_.back()));
  transfers_.pop_back();
}

}  // namespace ring3::ring
