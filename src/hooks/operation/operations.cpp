#include "hooks/operation/operations.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <string_view>

#include "base/user_copy.hpp"
#include "bpf/map/map.hpp"

namespace ring3::hooks {

namespace {

constexpr int32_t kErrnoMax = 4095;

// bpf_printk, and what the checking interpreter has to say: standard error.
void print(void*, std::string_view text) {
  [[maybe_unused]] ssize_t written = write(STDERR_FILENO, text.data(), text.size());
}

UringBpfData& data_of(ring::Handler::Memory& memory) {
  return *std::launder(reinterpret_cast<UringBpfData*>(memory.bytes));
}

}  // namespace

uint16_t OperationOps::id() const {
  uint16_t id;
  std::memcpy(&id, bytes.data(), sizeof id);
  return id;
}

// One id in use.
struct Operations::Entry {
  Entry(std::shared_ptr<const OperationOps> operation, Operations* context, unsigned cpu)
      : ops(std::move(operation)) {
    for (const auto& [execution, program] : {std::pair{&prep, &ops->prep},
                                             {&issue, &ops->issue},
                                             {&fail, &ops->fail},
                                             {&cleanup, &ops->cleanup}}) {
      if (!*program) continue;
      execution->emplace(**program);
      (*execution)->context = context;
      (*execution)->print = print;
      (*execution)->cpu = cpu;
    }
  }

  const std::shared_ptr<const OperationOps> ops;
  std::optional<bpf::Execution> prep, issue, fail, cleanup;
  std::atomic<uint32_t> requests = 0;  // prepared and not cleaned up; written inside the ring only
  std::atomic<bool> leaving = false;

  int32_t run(bpf::Execution& execution, UringBpfData& data, const abi::Sqe* sqe = nullptr) const {
    const uint64_t arguments[] = {reinterpret_cast<uint64_t>(&data), reinterpret_cast<uint64_t>(sqe)};
    if (ops->checked) {
      execution.forget();
      execution.allow(arguments, sizeof arguments, false);
      execution.allow(&data, sizeof data, false);
      execution.allow(data.pdu, sizeof data.pdu, true);
      if (sqe) execution.allow(sqe, sizeof *sqe, false);
    }
    const bpf::RunResult run = execution.run(reinterpret_cast<uint64_t>(arguments));
    if (run.faulted) return -EFAULT;
    if (run.violation.empty()) return static_cast<int32_t>(run.r0);
    // Only the checking interpreter says so, and only if the verifier has let through what it must not.
    print(nullptr, fmt::format("{}\n", run.violation));
    return -EFAULT;
  }
};

Operations::Operations(ring::Ring& ring) : ring_(&ring), process_(::getpid()) { ensure_fault_handler(); }

Operations::~Operations() {
  for (auto& entry : entries_) delete entry.load();
}

std::shared_ptr<Operations> Operations::of(ring::Ring& ring) {
  if (!ring.handler()) ring.set_handler(std::shared_ptr<Operations>(new Operations(ring)));
  return std::dynamic_pointer_cast<Operations>(ring.handler());
}

int Operations::add(std::shared_ptr<const OperationOps> ops) {
  if (ops->id() >= entries_.size()) return -EINVAL;
  auto& entry = entries_[ops->id()];
  std::lock_guard lock(mutex_);
  if (entry.load()) return -EBUSY;
  // To programs a ring is a CPU: they run one at a time in it, and rings made one after the other keep apart
  // what is kept per CPU.
  entry = new Entry(std::move(ops), this, ring_->number() % bpf::cpu_count());
  return 0;
}

void Operations::remove(uint8_t id) {
  if (process_ != ::getpid()) return;
  Entry* const entry = entries_[id];
  entry->leaving = true;
  {
    std::lock_guard lock(mutex_);
    if (ring_) ring_->quiesce();
  }
  wait_for_requests(*entry);
  std::lock_guard lock(mutex_);
  entries_[id] = nullptr;
  if (ring_) ring_->quiesce();
  delete entry;
}

void Operations::wait_for_requests(Entry& entry) {
  while (const uint32_t requests = entry.requests) {
    {
      std::lock_guard lock(mutex_);
      if (ring_ && ring_->run_until([&] { return entry.requests == 0; })) return;
    }
    entry.requests.wait(requests);
  }
}

int Operations::prepare(Memory& memory, const abi::Sqe& sqe) {
  Entry* const entry = entries_[sqe.op_flags >> 24];
  if (!entry || entry->leaving || !entry->prep) return -EOPNOTSUPP;
  auto* data = new (memory.bytes) UringBpfData{.ops = entry->ops->bytes.data(), .opf = sqe.op_flags};
  const int32_t result = entry->run(*entry->prep, *data, &sqe);
  if (result != 0) return result;
  entry->requests.store(entry->requests.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return 0;
}

ring::Outcome Operations::issue(Memory& memory) {
  UringBpfData& data = data_of(memory);
  Entry& entry = *entries_[data.id()].load(std::memory_order_relaxed);
  const int32_t result = entry.issue ? entry.run(*entry.issue, data) : -EOPNOTSUPP;
  if (result != 0) {
    // Neither later nor again: a request ends here, with 0 or an error.
    data.res = result < 0 && result >= -kErrnoMax ? result : -EINVAL;
    data.failed = true;
    if (entry.fail) entry.run(*entry.fail, data);
  }
  return {.res = data.res, .failed = data.failed};
}

void Operations::cleanup(Memory& memory) {
  UringBpfData& data = data_of(memory);
  Entry& entry = *entries_[data.id()].load(std::memory_order_relaxed);
  if (entry.cleanup) entry.run(*entry.cleanup, data);
  const uint32_t left = entry.requests.load(std::memory_order_relaxed) - 1;
  entry.requests.store(left, std::memory_order_release);
  if (left == 0 && entry.leaving) entry.requests.notify_all();
}

void Operations::ring_gone() {
  std::lock_guard lock(mutex_);
  ring_ = nullptr;
}

}  // namespace ring3::hooks
