// The three system calls, and what drivers may ask.
#include "ring/ring.hpp"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>

#include "backend/select/select.hpp"
#include "ring/engine.hpp"
#include "ring/enter.hpp"
#include "ring/register.hpp"
#include "ring/registry.hpp"
#include "ring/turn.hpp"

namespace ring3::ring {

namespace {

constexpr unsigned kKnownEnterFlags = abi::IORING_ENTER_GETEVENTS | abi::IORING_ENTER_SQ_WAKEUP |
                                      abi::IORING_ENTER_SQ_WAIT | abi::IORING_ENTER_EXT_ARG |
                                      abi::IORING_ENTER_ABS_TIMER | abi::IORING_ENTER_EXT_ARG_REG |
                                      abi::IORING_ENTER_NO_IOWAIT;

// Waits until `wanted` CQEs can be read, in the two stages that min_wait describes.
int wait_for(Engine& engine, Turn* turn, uint32_t wanted, const EnterArgument& argument) {
  backend::WaitLimits limits{.deadline_ns = argument.deadline_ns,
                             .signal_mask = argument.has_mask ? &argument.signal_mask : nullptr};
  engine.poll();
  engine.flush_overflow();
  bool first_stage = argument.min_wait_deadline_ns.has_value();
  uint64_t seen = engine.cq.total();
  if (turn && engine.cq.ready() < wanted) turn->give_way(true, limits.deadline_ns);
  // A CQ that is full, or whose words say so, can't show more: the application has to make room first.
  while (engine.cq.ready() < wanted && !engine.cq.has_backlog()) {
    backend::WaitLimits now = limits;
    if (first_stage && (!now.deadline_ns || *argument.min_wait_deadline_ns < *now.deadline_ns))
      now.deadline_ns = argument.min_wait_deadline_ns;
    const bool here = engine.completes_at_once(wanted - engine.cq.ready());
    const int result = here ? 0 : engine.wait(wanted - engine.cq.ready(), now);
    engine.flush_overflow();
    if (turn) {
      turn->give_way(engine.cq.total() != seen, limits.deadline_ns);
      seen = engine.cq.total();
    }
    if (engine.cq.ready() >= wanted) return 0;
    if (result == -ETIME && first_stage) {
      first_stage = false;
      wanted = 1;
      continue;
    }
    if (result < 0) return engine.cq.ready() != 0 ? 0 : result;
  }
  return 0;
}

thread_local pid_t cached_task = 0;
std::atomic<unsigned> rings_made = 0;

}  // namespace

// gettid(2) is a system call, and every enter() asks.
pid_t current_task() {
  static const int registered = ::pthread_atfork(nullptr, nullptr, [] { cached_task = 0; });
  static_cast<void>(registered);
  if (cached_task == 0) cached_task = ::gettid();
  return cached_task;
}

Ring::Ring(std::unique_ptr<Engine> engine)
    : engine_(std::move(engine)),
      number_(rings_made++),
      single_issuer_(engine_->layout.has(abi::IORING_SETUP_SINGLE_ISSUER)),
      disabled_(engine_->layout.has(abi::IORING_SETUP_R_DISABLED)),
      turn_(single_issuer_ ? nullptr : std::make_unique<Turn>(*engine_->backend)),
      process_(::getpid()) {
  // The task that sets up a ring is its submitter, unless the ring is to be enabled later.
  if (single_issuer_ && !disabled_) submitter_ = current_task();
  add_to_registry(fd(), this);
}

Ring::~Ring() {
  remove_from_registry(fd());
  if (Driver* driver = driver_.exchange(nullptr)) driver->ring_gone();
  if (::getpid() == process_) {
    std::optional<Turn::Guard> guard;
    if (turn_) guard.emplace(*turn_);
    const Presence::Guard here(watched());
    engine_->cancel_all();
  }
  if (handler_) handler_->ring_gone();
}

Result<std::unique_ptr<Ring>> Ring::create(unsigned entries, abi::Params& params, BackendKind kind) {
  Layout layout;
  if (int error = check_setup(entries, params, layout); error < 0)
    return fail(-error, "io_uring_setup", "flags {:#x} with {} SQ and {} CQ entries are refused, as by Linux",
                params.flags, entries, params.cq_entries);
  Memory memory = TRY(Memory::create(layout, params.sq_off.user_addr, params.cq_off.user_addr));
  auto backend = TRY(backend::create(
      kind, {.entries = layout.sq_entries, .cq_entries = layout.cq_entries, .setup_flags = layout.flags}));
  auto engine = std::make_unique<Engine>(layout, std::move(memory), std::move(backend));
  report_layout(layout, params);
  return std::unique_ptr<Ring>(new Ring(std::move(engine)));
}

int Ring::enter(unsigned to_submit, unsigned min_complete, unsigned flags, const void* argument,
                size_t argument_size) {
  if (flags & ~kKnownEnterFlags) return -EINVAL;
  if (disabled_.load(std::memory_order_relaxed)) return -EBADFD;
  if (single_issuer_) {
    const pid_t task = current_task();
    if (submitter_.load(std::memory_order_relaxed) != task) {
      pid_t nobody = 0;
      if (!submitter_.compare_exchange_strong(nobody, task)) return -EEXIST;
    }
    Presence* const presence = watched();
    const Presence::Guard here(presence);
    Driver* const driver = presence ? driver_.load() : nullptr;
    if (driver) return driver->drive(*this);
    return enter_unlocked(to_submit, min_complete, flags, argument, argument_size);
  }
  const Turn::Guard guard(*turn_);
  return enter_unlocked(to_submit, min_complete, flags, argument, argument_size);
}

int Ring::enter_unlocked(unsigned to_submit, unsigned min_complete, unsigned flags, const void* argument,
                         size_t argument_size) {
  int submitted = 0;
  if (engine_->layout.has(abi::IORING_SETUP_SQPOLL)) {
    // The thread that would poll is always asleep: what is in the SQ starts when it is woken.
    if (flags & (abi::IORING_ENTER_SQ_WAKEUP | abi::IORING_ENTER_SQ_WAIT))
      engine_->submit(engine_->sq.entries());
    submitted = static_cast<int>(to_submit);
  } else if (to_submit != 0) {
    submitted = engine_->submit(to_submit);
    if (submitted < 0 || static_cast<unsigned>(submitted) != to_submit) {
      engine_->flush();
      return submitted;
    }
  }
  if (!(flags & abi::IORING_ENTER_GETEVENTS)) {
    // With DEFER_TASKRUN, successors and the like wait for whoever asks for events.
    if (engine_->layout.has(abi::IORING_SETUP_DEFER_TASKRUN)) {
      engine_->flush();
      engine_->collect();
      engine_->publish();
    } else {
      engine_->poll();
    }
    return submitted;
  }
  EnterArgument wait;
  int result = read_enter_argument(flags, argument, argument_size, wait);
  if (result == 0)
    result = wait_for(*engine_, turn_.get(), std::min(min_complete, engine_->cq.entries()), wait);
  else
    engine_->flush();
  return submitted > 0 ? submitted : result;
}

// Where a task says that it is inside: only if somebody may ask. A driver or handler is looked up after that.
Presence* Ring::watched() {
  if (!single_issuer_) return nullptr;
  const bool extended = engine_->layout.has(abi::IORING_SETUP_BPF_EXT);
  return extended || driver_.load(std::memory_order_relaxed) ? &engine_->presence : nullptr;
}

Result<void> Ring::provide_buffer(unsigned index, ProviderBuffer buffer) {
  TRY_VOID(check_task());
  std::optional<Turn::Guard> guard;
  if (turn_) guard.emplace(*turn_);
  return engine_->buffers.provide(index, std::move(buffer));
}

Result<void> Ring::withdraw_buffer(unsigned index) {
  TRY_VOID(check_task());
  std::optional<Turn::Guard> guard;
  if (turn_) guard.emplace(*turn_);
  engine_->flush();
  return engine_->buffers.withdraw(index);
}

// Registrations of a SINGLE_ISSUER ring are for its submitter, once there is one.
Result<void> Ring::check_task() const {
  const pid_t submitter = submitter_.load(std::memory_order_relaxed);
  if (single_issuer_ && submitter != 0 && submitter != current_task())
    return fail(EEXIST, "ring", "it belongs to another task (IORING_SETUP_SINGLE_ISSUER)");
  return {};
}

int Ring::register_op(unsigned opcode, uint64_t argument, unsigned count) {
  if (opcode == abi::IORING_REGISTER_ENABLE_RINGS) {
    if (argument || count) return -EINVAL;
    if (!disabled_.load()) return -EBADFD;
    // The back-end's part first: on the kernel's ring, whoever enables it becomes its submitter too.
    const int result = engine_->backend->register_op(opcode, 0, 0);
    if (result < 0 && result != -EBADFD && result != -EINVAL) return result;
    if (single_issuer_) submitter_ = current_task();
    disabled_ = false;
    return 0;
  }
  if (const Result<void> allowed = check_task(); !allowed) return -allowed.error().code;
  std::optional<Turn::Guard> guard;
  if (turn_) guard.emplace(*turn_);
  const Presence::Guard here(watched());
  return register_with_ring(*engine_, opcode, argument, count, disabled_.load());
}

int Ring::set_driver(Driver* driver) {
  constexpr uint32_t kPolling = abi::IORING_SETUP_SQPOLL | abi::IORING_SETUP_IOPOLL;
  if (engine_->layout.has(kPolling) || !engine_->layout.has(abi::IORING_SETUP_DEFER_TASKRUN))
    return -EOPNOTSUPP;
  Driver* none = nullptr;
  return driver_.compare_exchange_strong(none, driver) ? 0 : -EBUSY;
}

void Ring::clear_driver(Driver* driver) {
  Driver* expected = driver;
  if (!driver_.compare_exchange_strong(expected, nullptr)) return;
  if (single_issuer_ && submitter_.load() == current_task())
    return;  // from within the loop itself: it ends at its next turn
  engine_->presence.wait_for_exit();
}

int Ring::set_handler(std::shared_ptr<Handler> handler) {
  if (!engine_->layout.has(abi::IORING_SETUP_BPF_EXT)) return -EINVAL;
  std::lock_guard lock(handler_mutex_);
  if (handler_) return -EBUSY;
  handler_ = std::move(handler);
  engine_->handler.store(handler_.get(), std::memory_order_release);
  return 0;
}

std::shared_ptr<Handler> Ring::handler() const {
  std::lock_guard lock(handler_mutex_);
  return handler_;
}

void Ring::quiesce() {
  if (turn_) {
    const Turn::Guard guard(*turn_);
  } else {
    engine_->presence.wait_for_turn();
  }
}

[[gnu::hot]] int Ring::submit(unsigned count) {
  const int taken = engine_->submit(count);
  engine_->flush_urgent();
  return taken;
}

bool Ring::run_until(const std::function<bool()>& done) {
  if (single_issuer_ && submitter_.load() != current_task()) return false;
  std::optional<Turn::Guard> guard;
  if (turn_) guard.emplace(*turn_);
  const Presence::Guard here(watched());
  while (!done()) {
    engine_->wait(1, {});
    engine_->poll();  // if the CQ is full, the wait did nothing
    if (turn_) turn_->give_way(true, {});
  }
  return true;
}

[[gnu::hot]] std::span<std::byte> Ring::region(uint32_t id) const {
  switch (id) {
    case abi::IOU_REGION_MEM:
      return engine_->resources.region();
    case abi::IOU_REGION_CQ:
      return engine_->memory.rings();
    case abi::IOU_REGION_SQ:
      return engine_->memory.sqes();
    default:
      return {};
  }
}

const Buffers& Ring::buffers() const { return engine_->buffers; }

[[gnu::hot]] uint32_t Ring::cq_tail() const { return engine_->cq.visible_tail(); }

[[gnu::hot]] void Ring::poll() {
  engine_->presence.turn();
  engine_->poll();
}

[[gnu::hot]] bool Ring::completes_at_once(uint32_t completions) {
  engine_->presence.turn();
  return engine_->completes_at_once(completions);
}

int Ring::wait(unsigned completions, const backend::WaitLimits& limits) {
  return engine_->wait(completions, limits);
}

[[gnu::hot]] void Ring::flush_overflow() { engine_->flush_overflow(); }
void Ring::wake() { engine_->wake(); }

int Ring::fd() const { return engine_->memory.fd(); }
std::byte* Ring::sq_ring() const { return engine_->memory.rings().data(); }
std::byte* Ring::sqes() const { return engine_->memory.sqes().data(); }
std::string_view Ring::backend() const { return engine_->backend->name(); }

RingCounters Ring::counters() const {
  return {.sqes_submitted = engine_->sqes_submitted(),
          .cqes_posted = engine_->cq.total(),
          .system_calls = engine_->backend->counters().system_calls};
}

}  // namespace ring3::ring
