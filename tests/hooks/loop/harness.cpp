#include "harness.hpp"

#include <stdexcept>

namespace ring3::test {

Result<TestRing> TestRing::create(BackendKind backend, unsigned entries, uint32_t flags,
                                  unsigned cq_entries) {
  TestRing result;
  result.params_.flags = flags | (cq_entries ? uint32_t{abi::IORING_SETUP_CQSIZE} : 0);
  result.params_.cq_entries = cq_entries;
  auto ring = Ring::setup(entries, reinterpret_cast<io_uring_params&>(result.params_), backend);
  if (!ring) return std::unexpected(ring.error());
  result.ring_.emplace(std::move(*ring));
  if (!(flags & abi::IORING_SETUP_NO_SQARRAY))
    for (uint32_t i = 0; i < result.params_.sq_entries; i++)
      result.word(result.params_.sq_off.array + i * sizeof(uint32_t)) = i;
  return result;
}

const abi::Cqe& TestRing::cqe(uint32_t index) {
  auto* cqes = reinterpret_cast<const abi::Cqe*>(ring_->sq_ring() + params_.cq_off.cqes);
  return cqes[index & (params_.cq_entries - 1)];
}

abi::Sqe& TestRing::push(uint8_t opcode, uint64_t user_data) {
  auto* sqes = reinterpret_cast<abi::Sqe*>(ring_->sqes());
  abi::Sqe& sqe = sqes[sq_tail()++ & (params_.sq_entries - 1)];
  sqe = abi::Sqe{.opcode = opcode, .user_data = user_data};
  return sqe;
}

abi::Sqe& TestRing::push_timeout(uint64_t user_data, const abi::Timespec& when) {
  abi::Sqe& sqe = push(abi::IORING_OP_TIMEOUT, user_data);
  sqe.addr = reinterpret_cast<uint64_t>(&when);
  sqe.len = 1;
  return sqe;
}

std::vector<abi::Cqe> TestRing::reap() {
  std::vector<abi::Cqe> result;
  while (cq_head() != cq_tail()) result.push_back(cqe(cq_head()++));
  return result;
}

namespace {

Result<Module> open_object(const std::string& path, const TestRing* ring) {
  auto module = Module::open(path);
  if (!module || !ring || !module->variable("ring")) return module;
  auto set = module->set_ring(reinterpret_cast<const io_uring_params&>(ring->params()));
  if (!set) return std::unexpected(set.error());
  return module;
}

}  // namespace

Result<Module> open_fixture(const std::string& name, const TestRing* ring) {
  return open_object(std::string(RING3_TEST_OBJECTS "/") + name + ".bpf.o", ring);
}

Result<Module> open_program(const std::string& name, const TestRing& ring) {
  return open_object(std::string(RING3_BUILD_DIR "/programs/") + name + ".bpf.o", &ring);
}

Result<void> load(Module& module, const LoadOptions& options) {
  auto accepted = module.load(options);
  if (!accepted) return std::unexpected(accepted.error());
  for (const ProgramVerdict& verdict : module.verdicts())
    if (!verdict.accepted) return std::unexpected(Error{verdict.refusal->code, verdict.program, verdict.text});
  return {};
}

Script::Script(TestRing& ring) {
  module_.emplace(must(open_fixture("script", &ring)));
  must(module_->set("sq_flags_at", uint64_t{ring.params().sq_off.flags}));
  must(module_->set("overflow_at", uint64_t{ring.params().cq_off.overflow}));
  must(load(*module_));
  notes_ = reinterpret_cast<Note*>(must(module_->variable("notes")).data());
  steps_ = must(module_->as<uint32_t>("steps"));
  spinning_ = must(module_->as<uint32_t>("spinning"));
}

void Script::play(const std::vector<Action>& actions) {
  auto memory = must(module_->variable("actions"));
  std::memcpy(memory.data(), actions.data(), actions.size() * sizeof(Action));
  *must(module_->as<uint32_t>("actions_count")) = static_cast<uint32_t>(actions.size());
  *steps_ = 0;
}

void LoopTest::SetUp() {
  if (GetParam() != BackendKind::Host) return;
  if (auto probe = TestRing::create(BackendKind::Host, 1, 0); !probe)
    GTEST_SKIP() << "no io_uring on this machine: " << probe.error().text();
}

TestRing LoopTest::make_ring(unsigned entries, uint32_t flags, unsigned cq_entries) {
  return must(TestRing::create(GetParam(), entries, flags, cq_entries));
}

std::jthread when(std::function<bool()> ready, std::function<void()> action) {
  return std::jthread([ready = std::move(ready), action = std::move(action)] {
    const auto give_up = Clock::now() + 20s;
    while (!ready() && Clock::now() < give_up) std::this_thread::sleep_for(100us);
    action();
  });
}

}  // namespace ring3::test
