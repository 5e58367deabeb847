#include "ring/register.hpp"

#include <cerrno>

#include "base/user_copy.hpp"
#include "ring/engine.hpp"

namespace ring3::ring {

namespace {

using namespace abi;
constexpr RegisterSupport kRing = RegisterSupport::Ring, kBackend = RegisterSupport::Backend,
                          kRefused = RegisterSupport::Refused;

constexpr RegisterRow kRows[] = {
    {IORING_REGISTER_BUFFERS, "BUFFERS", kRing},
    {IORING_UNREGISTER_BUFFERS, "UNREGISTER_BUFFERS", kRing},
    {IORING_REGISTER_FILES, "FILES", kBackend},
    {IORING_UNREGISTER_FILES, "UNREGISTER_FILES", kBackend},
    {IORING_REGISTER_EVENTFD, "EVENTFD", kRing},
    {IORING_UNREGISTER_EVENTFD, "UNREGISTER_EVENTFD", kRing},
    {IORING_REGISTER_FILES_UPDATE, "FILES_UPDATE", kBackend},
    {IORING_REGISTER_EVENTFD_ASYNC, "EVENTFD_ASYNC", kRing},
    {IORING_REGISTER_PROBE, "PROBE", kRing},
    {IORING_REGISTER_PERSONALITY, "PERSONALITY", kRing},
    {IORING_UNREGISTER_PERSONALITY, "UNREGISTER_PERSONALITY", kRing},
    {IORING_REGISTER_RESTRICTIONS, "RESTRICTIONS", kRefused},
    {IORING_REGISTER_ENABLE_RINGS, "ENABLE_RINGS", kRing},
    {IORING_REGISTER_FILES2, "FILES2", kBackend},
    {IORING_REGISTER_FILES_UPDATE2, "FILES_UPDATE2", kBackend},
    {IORING_REGISTER_BUFFERS2, "BUFFERS2", kRing},
    {IORING_REGISTER_BUFFERS_UPDATE, "BUFFERS_UPDATE", kRing},
    {IORING_REGISTER_IOWQ_AFF, "IOWQ_AFF", kBackend},
    {IORING_UNREGISTER_IOWQ_AFF, "UNREGISTER_IOWQ_AFF", kBackend},
    {IORING_REGISTER_IOWQ_MAX_WORKERS, "IOWQ_MAX_WORKERS", kBackend},
    {IORING_REGISTER_RING_FDS, "RING_FDS", kRefused},
    {IORING_UNREGISTER_RING_FDS, "UNREGISTER_RING_FDS", kRefused},
    {IORING_REGISTER_PBUF_RING, "PBUF_RING", kBackend},
    {IORING_UNREGISTER_PBUF_RING, "UNREGISTER_PBUF_RING", kBackend},
    {IORING_REGISTER_SYNC_CANCEL, "SYNC_CANCEL", kRing},
    {IORING_REGISTER_FILE_ALLOC_RANGE, "FILE_ALLOC_RANGE", kBackend},
    {IORING_REGISTER_PBUF_STATUS, "PBUF_STATUS", kBackend},
    {IORING_REGISTER_NAPI, "NAPI", kBackend},
    {IORING_UNREGISTER_NAPI, "UNREGISTER_NAPI", kBackend},
    {IORING_REGISTER_CLOCK, "CLOCK", kRefused},
    {IORING_REGISTER_CLONE_BUFFERS, "CLONE_BUFFERS", kRefused},
    {IORING_REGISTER_SEND_MSG_RING, "SEND_MSG_RING", kRefused},
    {IORING_REGISTER_ZCRX_IFQ, "ZCRX_IFQ", kRefused},
    {IORING_REGISTER_RESIZE_RINGS, "RESIZE_RINGS", kRefused},
    {IORING_REGISTER_MEM_REGION, "MEM_REGION", kRing},
    {IORING_REGISTER_QUERY, "QUERY", kRefused},
    {IORING_REGISTER_ZCRX_CTRL, "ZCRX_CTRL", kRefused},
    {IORING_REGISTER_BPF_FILTER, "BPF_FILTER", kRefused},
};

constexpr bool rows_in_order() {
  for (size_t i = 0; i < std::size(kRows); ++i)
    if (kRows[i].opcode != i) return false;
  return true;
}
static_assert(rows_in_order(), "a row's place is its opcode");

// struct io_uring_probe and its rows.
struct ProbeHeader {
  uint8_t last_op, ops_len;
  uint16_t resv;
  uint32_t resv2[3];
};
struct ProbeOp {
  uint8_t op, resv;
  uint16_t flags;
  uint32_t resv2;
};
static_assert(sizeof(ProbeHeader) == 16 && sizeof(ProbeOp) == 8);
constexpr uint16_t kSupported = 1;

int probe(Engine& engine, uint64_t argument, unsigned count) {
  if (argument == 0 || count > 256) return -EINVAL;
  // Linux wants the memory zeroed, so that fields may be added.
  for (size_t at = 0; at < sizeof(ProbeHeader) + count * sizeof(ProbeOp); ++at) {
    uint8_t byte;
    if (copy_from_user(&byte, argument + at, 1)) return -EFAULT;
    if (byte) return -EINVAL;
  }
  const auto rows = operations();
  ProbeHeader header{};
  header.last_op = static_cast<uint8_t>(rows.size() - 1);
  header.ops_len = static_cast<uint8_t>(count < rows.size() ? count : rows.size());
  if (copy_to_user(argument, &header, sizeof header)) return -EFAULT;
  for (uint8_t i = 0; i < header.ops_len; ++i) {
    const bool supported = rows[i].support == Support::Inline || rows[i].support == Support::Handled ||
                           (rows[i].support == Support::Forwarded && engine.backend->supports(i));
    const ProbeOp op{.op = i, .resv = 0, .flags = supported ? kSupported : uint16_t{0}, .resv2 = 0};
    if (copy_to_user(argument + sizeof header + i * sizeof op, &op, sizeof op)) return -EFAULT;
  }
  return 0;
}

}  // namespace

std::span<const RegisterRow> register_rows() { return kRows; }

int register_with_ring(Engine& engine, uint32_t opcode, uint64_t argument, unsigned count, bool ring_disabled) {
  if (opcode >= std::size(kRows)) return -EINVAL;
  switch (kRows[opcode].support) {
    case RegisterSupport::Refused:
      return -EINVAL;
    case RegisterSupport::Backend:
      engine.flush();  // what was submitted before goes by the old resources
      return engine.backend->register_op(opcode, argument, count);
    case RegisterSupport::Ring:
      break;
  }
  switch (opcode) {
    case IORING_REGISTER_BUFFERS:
    case IORING_UNREGISTER_BUFFERS:
    case IORING_REGISTER_BUFFERS2:
    case IORING_REGISTER_BUFFERS_UPDATE:
      engine.flush();
      return engine.buffers.register_op(opcode, argument, count, *engine.backend);
    case IORING_REGISTER_EVENTFD:
    case IORING_REGISTER_EVENTFD_ASYNC:
      return engine.resources.register_eventfd(argument, count, opcode == IORING_REGISTER_EVENTFD_ASYNC,
                                               *engine.backend);
    case IORING_UNREGISTER_EVENTFD:
      return argument || count ? -EINVAL : engine.resources.unregister_eventfd(*engine.backend);
    case IORING_REGISTER_PROBE:
      return probe(engine, argument, count);
    case IORING_REGISTER_PERSONALITY: {
      const int id = engine.backend->register_op(opcode, argument, count);
      if (id > 0) engine.resources.add_personality(static_cast<uint16_t>(id));
      return id;
    }
    case IORING_UNREGISTER_PERSONALITY: {
      engine.flush();
      const int result = engine.backend->register_op(opcode, argument, count);
      if (result == 0) engine.resources.remove_personality(static_cast<uint16_t>(count));
      return result;
    }
    case IORING_REGISTER_SYNC_CANCEL:
      return count == 1 ? engine.cancel_sync(argument) : -EINVAL;
    case IORING_REGISTER_MEM_REGION:
      return engine.resources.register_region(argument, count, ring_disabled, engine.memory);
    default:
      return -EINVAL;
  }
}

}  // namespace ring3::ring
