// `ring3 run`: drives a ring with the loop of an object, without a line of C++.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "cli/cli.hpp"
#include "cli/ring_setup.hpp"
#include "ring3/loop.hpp"
#include "ring3/module.hpp"
#include "ring3/operation.hpp"

namespace ring3::cli {

namespace {

constexpr const char* loop_type = "io_uring_bpf_ops";
constexpr const char* operation_type = "uring_bpf_ops";

struct RunOptions {
  std::string object, ops;
  std::vector<std::string> sets, fds, buffers, shows;
  RingOptions ring;
  std::string region, backend;
  double deadline_s = 0;
  bool interpret = false, strict = false, json = false;
};

// What the program may use while it runs: closed and unmapped afterwards.
struct Resources {
  std::vector<FileDescriptor> files;
  std::vector<Mapping> buffers;
};

// What a run came to.
struct Outcome {
  int result = 0;  // of enter()
  double seconds = 0;
  uint64_t steps = 0;
  RingCounters counters;
};

Result<std::pair<std::string, std::string>> split_assignment(const std::string& option, const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    return fail(EINVAL, option, "'{}' should be VARIABLE=VALUE", text);
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

// "PATH[:r|w|rw][,create][,trunc][,direct]", from its end, because a path may hold ':' and ','.
Result<FileDescriptor> open_as_described(std::string text) {
  int flags = O_CLOEXEC;
  const std::pair<const char*, int> suffixes[] = {{",create", O_CREAT}, {",trunc", O_TRUNC}, {",direct", O_DIRECT}};
  for (bool again = true; again;) {
    again = false;
    for (const auto& [suffix, flag] : suffixes) {
      if (!text.ends_with(suffix)) continue;
      text.erase(text.rfind(suffix));
      flags |= flag;
      again = true;
    }
  }
  int access = O_RDONLY;
  for (const auto& [suffix, mode] : {std::pair{":rw", O_RDWR}, {":r", O_RDONLY}, {":w", O_WRONLY}}) {
    if (!text.ends_with(suffix)) continue;
    text.erase(text.rfind(suffix));
    access = mode;
    break;
  }
  FileDescriptor file(::open(text.c_str(), flags | access, 0666));
  if (!file) return fail(errno, "--fd", "can't open {}: {}", text, strerrordesc_np(errno));
  return file;
}

Result<uint64_t> fact(const RingSetup& setup, const std::string& name) {
  if (auto found = setup.facts.find(name); found != setup.facts.end()) return found->second;
  std::string known;
  for (const auto& [key, value] : setup.facts) known += " @" + key;
  return fail(ENOENT, "--set", "there is no fact @{} of this ring (a region's need --region); there are:{}", name,
              known);
}

Result<void> set_variables(const RunOptions& options, const RingSetup& setup, Module& module, Resources& resources) {
  // Programs written with our header say where they want the ring described; others name each fact with --set.
  if (module.variable("ring.cqes")) TRY_VOID(module.set_ring(setup.params));
  for (const std::string& text : options.fds) {
    auto [variable, path] = TRY(split_assignment("--fd", text));
    resources.files.push_back(TRY(open_as_described(path)));
    TRY_VOID(module.set(variable, uint64_t(resources.files.back().get())));
  }
  for (const std::string& text : options.buffers) {
    auto [variable, size] = TRY(split_assignment("--buffer", text));
    const uint64_t bytes = TRY(parse_size(size));
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return fail(errno, "--buffer", "no memory for {} bytes", bytes);
    resources.buffers.emplace_back(memory, bytes);
    TRY_VOID(module.set(variable, reinterpret_cast<uint64_t>(memory)));
  }
  for (const std::string& text : options.sets) {
    auto [variable, value] = TRY(split_assignment("--set", text));
    if (value.starts_with('@')) {
      const uint64_t number = TRY(fact(setup, value.substr(1)));
      TRY_VOID(module.set(variable, number));
    } else {
      TRY_VOID(module.set(variable, std::string_view(value)));
    }
  }
  return {};
}

void interrupted(int) {}

// So that Ctrl-C ends the loop with -EINTR instead of the process, and what was done can be reported.
void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = interrupted;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

// Everything that the object has: its loop submits their requests.
Result<void> attach_operations(RingSetup& setup, Module& module, std::vector<Operation>& operations) {
  for (const std::string& name : module.struct_ops(operation_type))
    operations.push_back(TRY(Operation::attach(module, setup.ring, name)));
  return {};
}

Result<Outcome> drive(const RunOptions& options, RingSetup& setup, Module& module,
                      std::vector<Operation>& operations) {
  TRY_VOID(attach_operations(setup, module, operations));
  Loop loop = TRY(Loop::attach(module, setup.ring, options.ops));
  if (options.deadline_s > 0)
    loop.set_time_limit(std::chrono::nanoseconds(static_cast<int64_t>(options.deadline_s * 1e9)));
  Outcome outcome;
  const auto start = std::chrono::steady_clock::now();
  outcome.result = setup.ring.enter(0, 0, 0);
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  outcome.steps = loop.steps();
  outcome.counters = setup.ring.counters();
  return outcome;
}

std::string result_text(int result) {
  if (result == 0) return "0 (IOU_LOOP_STOP)";
  return fmt::format("-{} ({})", errno_name(-result), strerrordesc_np(-result));
}

// Of all programs together: ProgramVerdict::time_ns or compile_ns.
double seconds_of(const Module& module, uint64_t ProgramVerdict::*time_ns) {
  double seconds = 0;
  for (const ProgramVerdict& verdict : module.verdicts()) seconds += double(verdict.*time_ns) * 1e-9;
  return seconds;
}

nlohmann::json json_value(const std::string& text) {
  auto parsed = nlohmann::json::parse(text, nullptr, false);
  return parsed.is_number() ? parsed : nlohmann::json(text);
}

Result<void> report(const RunOptions& options, const RingSetup& setup, const Module& module, const Outcome& outcome) {
  std::vector<std::pair<std::string, std::string>> shown;
  for (const std::string& name : options.shows) shown.emplace_back(name, TRY(module.get(name)));
  const double verify_seconds = seconds_of(module, &ProgramVerdict::time_ns);
  const double compile_seconds = seconds_of(module, &ProgramVerdict::compile_ns);
  if (options.json) {
    nlohmann::ordered_json json{{"object", options.object},
                                {"backend", setup.ring.backend()},
                                {"result", outcome.result},
                                {"errno", outcome.result < 0 ? nlohmann::json(errno_name(-outcome.result)) : nullptr},
                                {"steps", outcome.steps},
                                {"sqes_submitted", outcome.counters.sqes_submitted},
                                {"cqes_posted", outcome.counters.cqes_posted},
                                {"system_calls", outcome.counters.system_calls},
                                {"seconds", outcome.seconds},
                                {"verify_seconds", verify_seconds},
                                {"compile_seconds", compile_seconds > 0 ? nlohmann::json(compile_seconds) : nullptr},
                                {"variables", nlohmann::json::object()}};
    for (const auto& [name, value] : shown) json["variables"][name] = json_value(value);
    fmt::print("{}\n", json.dump(2));
    return {};
  }
  auto row = [](const std::string& name, const std::string& value) { fmt::print("{:<16} {}\n", name, value); };
  row("enter", result_text(outcome.result));
  row("backend", std::string(setup.ring.backend()));
  row("steps", fmt::format("{}", outcome.steps));
  row("SQEs submitted", fmt::format("{}", outcome.counters.sqes_submitted));
  row("CQEs posted", fmt::format("{}", outcome.counters.cqes_posted));
  row("system calls", fmt::format("{}", outcome.counters.system_calls));
  row("time", duration_text(outcome.seconds));
  row("verified in", duration_text(verify_seconds));
  row("compiled in", compile_seconds > 0 ? duration_text(compile_seconds) : "not compiled: interpreted");
  for (const auto& [name, value] : shown) row(name, value);
  return {};
}

int refused(const Module& module) {
  for (const ProgramVerdict& verdict : module.verdicts())
    if (!verdict.accepted) fmt::print(stderr, "{}\n", verdict.text);
  return complain(Refused, "the verifier refused the program; nothing was run");
}

int run(RunOptions options) {
  if (access(options.object.c_str(), R_OK) != 0)
    return complain(BadUsage, fmt::format("can't read {}: {}", options.object, strerrordesc_np(errno)));
  if (!options.region.empty()) {
    auto bytes = parse_size(options.region);
    if (!bytes) return complain(BadUsage, bytes.error());
    options.ring.region_bytes = *bytes;
  }
  auto module = Module::open(options.object);
  if (!module) return complain(Refused, module.error());
  options.ring.operations = !module->struct_ops(operation_type).empty();
  std::vector<Operation> operations;  // goes after the ring, so that nobody waits for what may be in flight
  auto setup = set_up_ring(options.ring);
  if (!setup) return complain(BadUsage, setup.error());
  Resources resources;
  if (auto set = set_variables(options, *setup, *module, resources); !set) return complain(BadUsage, set.error());
  for (const std::string& name : options.shows)
    if (auto value = module->get(name); !value) return complain(BadUsage, value.error());
  if (module->struct_ops(loop_type).empty())
    return complain(BadUsage, fmt::format("{} has no variable of type struct {}: nothing here drives a ring",
                                          options.object, loop_type));
  auto loaded = module->load({.interpret = options.interpret, .strict = options.strict});
  if (!loaded) return complain(Refused, loaded.error());
  if (!*loaded) return refused(*module);
  catch_interrupts();
  auto outcome = drive(options, *setup, *module, operations);
  if (!outcome) return complain(outcome.error().code == ENOENT ? BadUsage : Failed, outcome.error());
  if (auto reported = report(options, *setup, *module, *outcome); !reported)
    return complain(BadUsage, reported.error());
  return outcome->result == 0 ? Done : Failed;
}

}  // namespace

void add_run(CLI::App& app, Action& action) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Verify an object and let its loop_step drive a ring, with the operations that it has");
  command->add_option("OBJECT", options->object, "Compiled BPF object")->required();
  command->add_option("--ops", options->ops, "Its io_uring_bpf_ops variable (needed if there are several)");
  command->add_option("--set", options->sets,
                      "VAR=VALUE: a number, characters for char arrays, or a fact of the ring: @sq.head @sq.tail "
                      "@sq.mask @sq.flags @cq.head @cq.tail @cq.mask @cq.overflow @cq.cqes (offsets), @sq.entries "
                      "@cq.entries (counts), @region.addr @region.size");
  command->add_option("--fd", options->fds, "VAR=PATH[:r|w|rw][,create][,trunc][,direct]: an open file");
  command->add_option("--buffer", options->buffers, "VAR=SIZE: the address of a page-aligned buffer");
  command->add_option("--region", options->region, "Register a memory region of SIZE bytes");
  command->add_option("--entries", options->ring.entries, "SQ entries")->capture_default_str();
  command->add_option("--cq-entries", options->ring.cq_entries, "CQ entries (default: twice the SQ's)");
  command
      ->add_option("--setup", options->ring.flags,
                   "Set-up flags besides SINGLE_ISSUER and DEFER_TASKRUN; 'none' first drops those")
      ->delimiter(',');
  command
      ->add_option("--backend", options->ring.backend, "Who performs the I/O: host (io_uring) or threads")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, BackendKind>{{"host", BackendKind::Host}, {"threads", BackendKind::Threads}}));
  command->add_flag("--strict", options->strict, "Verify as the programs of people who are not trusted");
  command->add_flag("--interpret", options->interpret, "Interpret the program instead of compiling it");
  command->add_option("--deadline", options->deadline_s, "End the loop after so many seconds")
      ->check(CLI::PositiveNumber);
  command->add_option("--show", options->shows, "VAR: print its value after the run");
  command->add_flag("--json", options->json, "Report as JSON");
  command->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace ring3::cli
