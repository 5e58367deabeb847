// What a ring consists of, and the paths that requests take through it:
//
//   submit()           SQ → checks → chains               submit.cpp
//   dispatch…()        chains → back-end, or inline       chain.cpp
//   complete, finish   back-end → CQEs, successors        complete.cpp
//   translate()        requests that name other requests  translate.cpp
//   redirect()         transfers with provider buffers    provided.cpp
//
// Nothing here recurses along a chain: successors go through the task queue, so that, as in Linux, only the head of a
// chain completes within the submission itself.
#pragma once

#include <sys/uio.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "abi/io_uring.hpp"
#include "backend/backend.hpp"
#include "ring/buffers.hpp"
#include "ring/handler.hpp"
#include "ring/layout.hpp"
#include "ring/memory.hpp"
#include "ring/operations.hpp"
#include "ring/presence.hpp"
#include "ring/queues.hpp"
#include "ring/request.hpp"
#include "ring/resources.hpp"

namespace ring3::ring {

class Engine {
 public:
  Engine(const Layout& layout, Memory memory, std::unique_ptr<backend::Backend> backend);

  SubmissionQueue sq;
  CompletionQueue cq;
  const Layout layout;
  Memory memory;
  const std::unique_ptr<backend::Backend> backend;
  Resources resources;
  Presence presence;  // of the task, on a ring that only one enters
  std::atomic<Handler*> handler = nullptr;  // once there is one, it stays
  Buffers buffers;

  // Takes up to `count` SQEs: the number taken, or a negative errno.
  int submit(uint32_t count);
  // Submits without waiting. That is enough where requests complete within their submission, as reads of cached files do,
  // and a tenth cheaper: the kernel reads no limits and no signal mask, and the back-end need not be ready to be woken.
  // Where they don't, it is one more system call, so it is tried ever more rarely. True: `completions` more CQEs were posted
  // and shown. False: some may have been.
  bool completes_at_once(uint32_t completions);
  // Starts what is queued, waits until `completions` more CQEs were posted or a limit is met, and shows them. 0,
  // -EINTR, -ETIME; an early 0 is normal.
  int wait(uint32_t completions, const backend::WaitLimits& limits);
  // The same without sleeping. No system call if the back-end has nothing of ours.
  void poll() {
    if (in_backend_ == 0 && tasks_.empty()) [[likely]]
      publish();
    else
      poll_backend();
  }
  // Makes what is queued start, without waiting.
  int flush();
  // The same, if something queued points to memory that its owner may reuse once the submission returns.
  void flush_urgent() {
    if (urgent_) flush();
  }
  // Takes what the back-end has finished, without a system call and without running what that allows.
  void collect();
  // Moves the backlog of CQEs into the queue, as far as there is room.
  void flush_overflow();
  // Shows the CQEs, and what the SQ flags say of them.
  void publish() {
    if (cq.publish()) resources.notify(backend_posted_);
    backend_posted_ = false;
    const bool has_work = in_backend_ != 0 || !tasks_.empty();
    sq.set_flags(abi::IORING_SQ_TASKRUN | abi::IORING_SQ_CQ_OVERFLOW,
                 (has_work ? abi::IORING_SQ_TASKRUN : 0u) | (cq.has_backlog() ? abi::IORING_SQ_CQ_OVERFLOW : 0u));
  }
  // Ends a wait() early. Any thread, async-signal-safe.
  void wake() {
    woken_ = true;
    backend->wake();
  }
  // Cancels everything and waits for it.
  void cancel_all();
  // IORING_REGISTER_SYNC_CANCEL, with user_data translated.
  int cancel_sync(uint64_t argument);

  uint64_t sqes_submitted() const { return sqes_submitted_; }

 private:
  // submit.cpp
  bool nothing_to_wait_for() const;
  uint32_t open(abi::Sqe& sqe);
  uint32_t submit_simple(uint32_t count);
  bool nop_at_once(const abi::Sqe& sqe);
  bool forward(abi::Sqe& sqe, bool urgent);
  bool take_any(abi::Sqe& sqe, bool is_last, bool& two_entries);
  bool handled_at_once(const abi::Sqe& sqe) const;
  int handle_at_once(const abi::Sqe& sqe);
  int check(const abi::Sqe& sqe);
  int take(const abi::Sqe& sqe);
  int prepare(uint32_t index, const abi::Sqe& sqe);
  uint32_t hold(const abi::Sqe& sqe, int error);
  void close_chain();

  // chain.cpp
  void dispatch(uint32_t head);
  void start_chain(uint32_t head);
  void start_deferred();
  bool walked_by_backend(uint32_t head);
  void start(uint32_t index);
  void issue(uint32_t index);
  void hand_over(std::span<const uint32_t> chain);
  void cancel_rest(uint32_t first, bool silently);
  void run_tasks() {
    if (!tasks_.empty() || !deferred_.empty() || barrier_) [[unlikely]]
      run_all_tasks();
  }
  void run_all_tasks();
  void handed_over(uint32_t count) {
    in_backend_ += count;
    queued_ += count;
  }
  void all_started() {
    queued_ = 0;
    urgent_ = false;
  }

  // complete.cpp
  int sleep(uint64_t target, const backend::WaitLimits& limits);
  void poll_backend();
  void complete(const backend::Completion& completion);
  void finish(uint32_t index, int32_t res, uint32_t flags);
  void release_successor(const Request& request, int32_t res);
  void check_counted_timeouts();

  // provided.cpp
  void redirect(uint32_t index, abi::Sqe& sqe);
  void end_transfer(uint32_t index);

  // translate.cpp: false if the request was answered, or will be, without its SQE.
  bool translate(uint32_t index, abi::Sqe& sqe);
  bool translate_cancel(uint32_t index, abi::Sqe& sqe);
  bool translate_poll_update(uint32_t index, abi::Sqe& sqe);
  void count_timeout(uint32_t index, abi::Sqe& sqe);
  void cancel_child_done(uint32_t parent, int32_t res);
  bool send_internal(const abi::Sqe& sqe, uint32_t parent);
  uint32_t find_in_backend(uint64_t user_data, uint32_t from = 0, int opcode = -1);

  RequestTable requests_;
  RequestQueue tasks_, deferred_;
  uint32_t in_backend_ = 0;          // slots that the back-end has
  uint32_t deferred_requests_ = 0;   // slots in chains that wait for a drain
  bool barrier_ = false;             // a drained chain is running: nothing overtakes it
  bool urgent_ = false;              // something queued points to memory that may change after the submission
  uint32_t queued_ = 0;              // of them, since the last flush
  bool backend_posted_ = false;      // CQEs not yet shown came from the back-end, which signals the eventfd itself
  bool closing_ = false;             // nothing starts any more
  std::atomic<bool> woken_ = false;
  uint32_t chain_head_ = kNone, chain_last_ = kNone;  // the chain being read
  bool chain_failed_ = false;
  // After how many waits the next submission is tried by itself (completes_at_once()), and after how many it was.
  uint32_t trial_in_ = 0, trials_apart_ = 0;
  uint64_t sqes_submitted_ = 0;
  uint64_t timeouts_ended_ = 0;      // as in Linux, each ends a wait, whatever else it asked for
  std::vector<abi::Sqe> handover_;   // scratch: the SQEs of a chain
  std::vector<uint32_t> members_;    // scratch: its slots
  // A TIMEOUT that also ends after so many completions; a cancellation of several requests.
  struct Counted { uint32_t index, generation; uint64_t total; };
  std::vector<Counted> counted_;
  struct Cancellation { uint32_t parent, pending; int32_t found; };
  std::vector<Cancellation> cancellations_;
  // Those with provider buffers that the back-end has. The SQE may point to `vectors`.
  struct Transfer { uint32_t index; std::shared_ptr<const Buffer> buffer; std::vector<iovec> vectors; };
  std::vector<Transfer> transfers_;
};

}  // namespace ring3::ring
