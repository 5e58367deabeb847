// One request on its way through the back-end, and the row of the operation table that says how it is
// performed.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "abi/io_uring.hpp"
#include "backend/threads/resources.hpp"

namespace ring3::backend::threads {

class Engine;
struct Request;

// What performing a request may say instead of a result. Beyond every errno.
enum Verdict : int {
  kBlocked = -10000,  // not now: try again when the file has one of request.poll_events
  kNeedsWorker,       // may sleep: a worker must do it
  kPending,           // request.timer says when
  kRetryLater,        // not now, and no event will tell: try again in a moment
};

// A thread's turn at performing requests.
struct Run {
  Engine& engine;
  bool may_sleep = false;  // a worker's
  bool on_submitter = false;
  std::deque<Request*> ready = {};  // to be started next
};

// A row of the operation table.
struct Operation {
  uint8_t opcode;
  bool takes_file;  // sqe.fd names a file that is looked up when the request starts
  bool takes_ioprio;
  // Checks the SQE and copies what it points to, so that it is stable: 0 or a negative errno. No system call.
  int (*prepare)(Request&);
  // The result (a count, or a negative errno) or a Verdict.
  int (*perform)(Run&, Request&);
};

// nullptr for an opcode that this back-end does not have.
const Operation* find_operation(uint8_t opcode);

enum class State {
  kLinked,   // waits for its predecessor, or has not started
  kRunning,  // being performed right now
  kQueued,   // waits for a worker
  kPolling,  // waits for its file
  kTimer,    // waits for a time
};

struct Timer {
  int clock = 0;  // index into the engine's clocks
  uint64_t deadline_ns = 0;
  uint64_t interval_ns = 0;      // of the multishot form
  uint64_t target_sequence = 0;  // of the count form; 0: none
  bool armed = false;
  std::multimap<uint64_t, Request*>::iterator position;
};

struct Message {
  msghdr header{};
  sockaddr_storage address{};
};

struct Request {
  abi::Sqe sqe{};
  const Operation* operation = nullptr;
  State state = State::kLinked;
  bool cancel_requested = false;

  std::unique_ptr<Request> next;   // the rest of the chain
  std::unique_ptr<Request> limit;  // its LINK_TIMEOUT, until that is armed
  Request* limiter = nullptr;      // its LINK_TIMEOUT, once armed
  Request* limited = nullptr;      // of an armed LINK_TIMEOUT: what it limits

  std::shared_ptr<File> file;  // held while the request is not performed inline
  int fd = -1;                 // what to give to system calls
  std::shared_ptr<Buffer> buffer;
  uint32_t poll_events = 0;
  size_t done = 0;         // bytes moved by earlier attempts
  size_t wanted = 0;       // bytes; fewer are a failure to a link
  bool wants_all = false;  // whether fewer are a failure at all
  bool started = false;    // of a CONNECT: under way
  bool in_table = false;   // known to the engine's table of requests that have not finished inline
  std::vector<iovec> vectors;
  std::string path;
  std::unique_ptr<Message> message;
  abi::Timespec time{};
  Timer timer;
};

}  // namespace ring3::backend::threads
