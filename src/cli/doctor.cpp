// `ring3 doctor`: what this machine offers, which back-end a ring gets here, and why.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "bpf/exec/native.hpp"
#include "cli/cli.hpp"
#include "ring3/ring.hpp"

namespace ring3::cli {

namespace {

struct Finding {
  std::string key, text;
  nlohmann::json value;
};

std::string read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string disabled_meaning(char setting) {
  switch (setting) {
    case '0': return "allowed to everyone";
    case '1': return "allowed to CAP_SYS_ADMIN and the io_uring group only";
    case '2': return "switched off for everyone";
    default: return "not limited by a sysctl";
  }
}

Finding find_io_uring() {
  io_uring_params params{};
  FileDescriptor ring(static_cast<int>(syscall(__NR_io_uring_setup, 8, &params)));
  const int error = ring ? 0 : errno;
  const std::string sysctl = read_file("/proc/sys/kernel/io_uring_disabled");
  std::string text;
  if (ring) {
    text = fmt::format("works (features {:#x})", params.features);
  } else if (error == ENOSYS) {
    text = "missing: the kernel has no io_uring, or a seccomp filter hides it (ENOSYS)";
  } else if (error == EPERM) {
    text = "forbidden (EPERM): by seccomp, as containers do by default, or by kernel.io_uring_disabled";
  } else {
    text = fmt::format("fails with {}", errno_name(error));
  }
  text += fmt::format("; kernel.io_uring_disabled: {}", disabled_meaning(sysctl.empty() ? '?' : sysctl[0]));
  return {"io_uring", text, ring ? nlohmann::json(true) : nlohmann::json(errno_name(error))};
}

// Opcodes that a ring with this back-end performs, by the ring's own probe.
Result<unsigned> count_opcodes(BackendKind kind) {
  io_uring_params params{};
  Ring ring = TRY(Ring::setup(8, params, kind));
  constexpr unsigned register_probe = 8, slots = 256;
  std::vector<std::byte> memory(sizeof(io_uring_probe) + slots * sizeof(io_uring_probe_op));
  if (int result = ring.register_op(register_probe, memory.data(), slots); result < 0)
    return fail(-result, "REGISTER_PROBE", "the ring can't tell its opcodes");
  const auto& probe = *reinterpret_cast<const io_uring_probe*>(memory.data());
  return static_cast<unsigned>(std::count_if(probe.ops, probe.ops + probe.ops_len, [](const io_uring_probe_op& op) {
    return op.flags & IO_URING_OP_SUPPORTED;
  }));
}

Finding find_default_backend() {
  io_uring_params params{};
  auto ring = Ring::setup(8, params);
  if (!ring) return {"backend", "none: " + ring.error().text(), nullptr};
  const bool host = ring->backend() == "host";
  return {"backend",
          fmt::format("{} ({})", ring->backend(),
                      host ? "because io_uring_setup(2) works here"
                           : "because io_uring_setup(2) does not work here: threads and plain system calls instead"),
          ring->backend()};
}

Finding find_opcodes(const char* key, BackendKind kind) {
  auto count = count_opcodes(kind);
  if (!count) return {key, "not available: " + count.error().text(), nullptr};
  return {key, fmt::format("{} opcodes", *count), *count};
}

// The kernel's types are in its BTF: a loop of its own shows there.
Finding find_native_loop() {
  const std::string btf = read_file("/sys/kernel/btf/vmlinux");
  if (btf.empty()) return {"native_loop", "unknown: no /sys/kernel/btf/vmlinux", nullptr};
  const bool there = btf.find("io_uring_bpf_ops") != std::string::npos;
  return {"native_loop",
          there ? "the kernel can run loop_step itself (Linux 7.1 and later)"
                : "the kernel can't run loop_step (needs Linux 7.1): ring3 runs it in user space",
          there};
}

Finding find_engine() {
  const auto& jit = bpf::jit();
  if (!jit) return {"engine", fmt::format("interpreter ({})", jit.error().text()), "interpreter"};
  return {"engine", fmt::format("compiler ({})", (*jit)->description), "compiler"};
}

int doctor(bool json) {
  utsname name{};
  uname(&name);
  const Finding findings[] = {
      {"kernel", fmt::format("{} {} {}", name.sysname, name.release, name.machine), name.release},
      {"cpus", fmt::format("{}", std::thread::hardware_concurrency()), std::thread::hardware_concurrency()},
      find_io_uring(),
      find_native_loop(),
      find_opcodes("host", BackendKind::Host),
      find_opcodes("threads", BackendKind::Threads),
      find_default_backend(),
      find_engine(),
  };
  if (json) {
    nlohmann::ordered_json object;
    for (const Finding& finding : findings) object[finding.key] = finding.value;
    fmt::print("{}\n", object.dump(2));
  } else {
    for (const Finding& finding : findings) fmt::print("{:<12} {}\n", finding.key, finding.text);
  }
  return findings[6].value.is_null() ? Failed : Done;
}

}  // namespace

void add_doctor(CLI::App& app, Action& action) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("doctor", "Say what this machine offers and which back-end is used, and why");
  command->add_flag("--json", *json, "Report as JSON");
  command->callback([json, &action] { action = [json] { return doctor(*json); }; });
}

}  // namespace ring3::cli
