// `ring3 verify`: what the verifier says of every program of an object.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "cli/cli.hpp"
#include "cli/ring_setup.hpp"
#include "ring3/module.hpp"

namespace ring3::cli {

namespace {

struct VerifyCommand {
  std::string object;
  bool json = false;
};

void print_json(const Module& module, const std::string& object) {
  nlohmann::ordered_json programs = nlohmann::json::array();
  for (const ProgramVerdict& verdict : module.verdicts()) {
    nlohmann::ordered_json row{{"program", verdict.program},
                               {"accepted", verdict.accepted},
                               {"insns", verdict.insns},
                               {"insns_visited", verdict.insns_visited},
                               {"seconds", double(verdict.time_ns) * 1e-9}};
    if (!verdict.accepted) {
      row["errno"] = errno_name(verdict.code);
      row["file"] = verdict.file;
      row["line"] = verdict.line;
      row["linux_message"] = verdict.linux_message;
      row["text"] = verdict.text;
    }
    programs.push_back(std::move(row));
  }
  fmt::print("{}\n", nlohmann::ordered_json{{"object", object}, {"programs", programs}}.dump(2));
}

void print_table(const Module& module) {
  size_t width = 0;
  for (const ProgramVerdict& verdict : module.verdicts()) width = std::max(width, verdict.program.size());
  for (const ProgramVerdict& verdict : module.verdicts()) {
    fmt::print("{:<{}}  {}  {:>5} instructions, {:>7} visited, {}\n", verdict.program, width,
               verdict.accepted ? "accepted" : "refused ", verdict.insns, verdict.insns_visited,
               duration_text(double(verdict.time_ns) * 1e-9));
    if (!verdict.accepted) fmt::print("\n{}\n\n", verdict.text);
  }
}

int verify(const VerifyCommand& command) {
  if (access(command.object.c_str(), R_OK) != 0)
    return complain(BadUsage, fmt::format("can't read {}: {}", command.object, strerrordesc_np(errno)));
  auto module = Module::open(command.object);
  if (!module) return complain(Refused, module.error());
  // Programs written with our header are verified for the ring that `ring3 run` makes by default.
  if (module->variable("ring.cqes"))
    if (auto setup = set_up_ring({}))
      if (auto set = module->set_ring(setup->params); !set) return complain(Refused, set.error());
  auto accepted = module->load();
  if (!accepted) return complain(Refused, accepted.error());
  if (module->verdicts().empty()) return complain(Refused, command.object + " has no programs");
  if (command.json) {
    print_json(*module, command.object);
  } else {
    print_table(*module);
  }
  return *accepted ? Done : Refused;
}

}  // namespace

void add_verify(CLI::App& app, Action& action) {
  auto command = std::make_shared<VerifyCommand>();
  CLI::App* sub = app.add_subcommand("verify", "Say whether every program of an object is safe, and if not, why");
  sub->add_option("OBJECT", command->object, "Compiled BPF object")->required();
  sub->add_flag("--json", command->json, "Report as JSON");
  sub->callback([command, &action] { action = [command] { return verify(*command); }; });
}

}  // namespace ring3::cli
