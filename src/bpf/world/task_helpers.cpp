#include <sys/prctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/user_copy.hpp"
#include "bpf/world/common.hpp"
#include "bpf/world/printf.hpp"

namespace ring3::bpf::common {

namespace {

constexpr size_t kPrintMax = 1024;  // bytes of a bpf_printk line, as in Linux

uint64_t nanoseconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// What a failed copy leaves is zeros, so that programs never see half of what they asked for.
long cleared_on_fault(void* out, uint32_t size, long result) {
  if (result < 0) memset(out, 0, size);
  return result;
}

// The format up to its NUL, which must lie within its size; empty data() if it doesn't.
std::string_view terminated(const char* format, uint32_t size) {
  const void* end = memchr(format, 0, size);
  return end ? std::string_view(format, static_cast<const char*>(end) - format) : std::string_view{};
}

bool arguments_fit(const uint64_t* data, uint32_t bytes) {
  return bytes % 8 == 0 && bytes <= kFormatArgumentsMax * 8 && (bytes == 0 || data);
}

long print(Machine& machine, const char* format, uint32_t size, std::span<const uint64_t> arguments) {
  const std::string_view text = terminated(format, size);
  if (!text.data()) return -EINVAL;
  char line[kPrintMax];
  const long length = format_text(line, sizeof line, text, arguments);
  if (length < 0) return length;
  const size_t kept = std::min<size_t>(length, sizeof line - 1);
  if (machine.print) machine.print(machine.context, {line, kept});
  return static_cast<long>(kept);
}

}  // namespace

uint64_t ktime_get_ns() { return nanoseconds(CLOCK_MONOTONIC); }
uint64_t ktime_get_boot_ns() { return nanoseconds(CLOCK_BOOTTIME); }
uint64_t ktime_get_coarse_ns() { return nanoseconds(CLOCK_MONOTONIC_COARSE); }

// xorshift64*, a state per thread: fast, and no worse than what programs may expect of a pseudo-random
// number.
uint32_t get_prandom_u32() {
  static thread_local uint64_t state = 0;
  while (state == 0)
    if (getrandom(&state, sizeof state, GRND_NONBLOCK) != sizeof state)
      state = nanoseconds(CLOCK_MONOTONIC) ^ reinterpret_cast<uintptr_t>(&state);
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return static_cast<uint32_t>(state * 0x2545f4914f6cdd1dull >> 32);
}

uint32_t get_smp_processor_id(Machine& machine) { return machine.cpu; }

uint64_t get_current_pid_tgid() {
  return static_cast<uint64_t>(getpid()) << 32 | static_cast<uint32_t>(gettid());
}

uint64_t get_current_uid_gid() { return static_cast<uint64_t>(getgid()) << 32 | getuid(); }

long get_current_comm(void* out, uint32_t size) {
  char name[16] = {};  // TASK_COMM_LEN
  if (prctl(PR_GET_NAME, name) != 0) return cleared_on_fault(out, size, -EINVAL);
  if (size == 0) return 0;
  memset(out, 0, size);
  memcpy(out, name, std::min<size_t>(strnlen(name, sizeof name), size - 1));
  return 0;
}

long probe_read_user(void* out, uint32_t size, uint64_t user) {
  return cleared_on_fault(out, size, ring3::copy_from_user(out, user, size));
}

long probe_read_user_str(void* out, uint32_t size, uint64_t user) {
  if (size == 0) return 0;
  return cleared_on_fault(out, size, copy_string_from_user(static_cast<char*>(out), user, size));
}

long copy_from_user(void* out, uint32_t size, uint64_t user) { return probe_read_user(out, size, user); }

long trace_printk(Machine& machine, const char* format, uint32_t size, uint64_t a, uint64_t b, uint64_t c) {
  const uint64_t arguments[] = {a, b, c};
  return print(machine, format, size, arguments);
}

long trace_vprintk(Machine& machine, const char* format, uint32_t size, const uint64_t* data,
                   uint32_t bytes) {
  if (!arguments_fit(data, bytes)) return -EINVAL;
  return print(machine, format, size, {data, bytes / 8});
}

long snprintf(char* out, uint32_t size, const char* format, const uint64_t* data, uint32_t bytes) {
  if (!arguments_fit(data, bytes)) return -EINVAL;
  const long length = format_text(out, size, format, {data, bytes / 8});
  return length < 0 ? length : length + 1;  // with the NUL
}

long strncmp(const char* a, uint32_t size, const char* b) {
  for (uint32_t i = 0; i < size; ++i) {
    const auto x = static_cast<unsigned char>(a[i]), y = static_cast<unsigned char>(b[i]);
    if (x != y) return x < y ? -1 : 1;
    if (x == 0) return 0;
  }
  return 0;
}

}  // namespace ring3::bpf::common
