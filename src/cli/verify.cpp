// `ring3 verify`: what the verifier says of every program of an object.
#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.hpp"
#include "cli/cli.hpp"
#include "cli/ring_setup.hpp"
#include "cli/table.hpp"
#include "ring3/module.hpp"

namespace ring3::cli {

namespace {

using Json = nlohmann::ordered_json;

struct VerifyCommand {
  std::string object;
  bool json = false, explain = false, stats = false, strict = false;
};

Json json_of(const SourcePlace& place) {
  return {{"file", place.file}, {"line", place.line}, {"column", place.column}, {"text", place.text}};
}

Json json_of(const RefusedValue& value) {
  return {{"register", fmt::format("r{}", value.reg)},
          {"type", value.type},
          {"description", value.description},
          {"linux", value.linux_text},
          {"offset", value.offset},
          {"range", {{"umin", value.umin}, {"umax", value.umax}, {"smin", value.smin}, {"smax", value.smax}}},
          {"bits", {{"set", value.bits_set}, {"unknown", value.bits_unknown}}},
          {"made_by", value.made_by},
          {"made_by_instruction", value.made_by_instruction},
          {"made_at", json_of(value.made_at)}};
}

Json json_of(const Refusal& refusal) {
  return {{"rule", refusal.rule},
          {"errno", errno_name(refusal.code)},
          {"function", refusal.function},
          {"source", json_of(refusal.source)},
          {"insn", refusal.insn},
          {"instruction", refusal.instruction},
          {"value", refusal.value ? json_of(*refusal.value) : Json()},
          {"reason", refusal.reason},
          {"needed", refusal.remedy},
          {"linux_message", refusal.linux_message}};
}

Json json_of(const ProgramVerdict& verdict, bool explain) {
  Json row{{"program", verdict.program},
           {"accepted", verdict.accepted},
           {"insns", verdict.insns},
           {"insns_visited", verdict.insns_visited},
           {"states_peak", verdict.states_peak},
           {"states_total", verdict.states_total},
           {"seconds", double(verdict.time_ns) * 1e-9}};
  if (verdict.accepted) {
    const Proven& proven = verdict.proven;
    row["proven"] = {{"memory", proven.memory},
                     {"termination", proven.termination},
                     {"references", proven.references},
                     {"submits", proven.submits}};
    return row;
  }
  row["refusal"] = json_of(*verdict.refusal);
  row["text"] = verdict.text;
  if (!explain) return row;
  row["path"] = Json::array();
  for (const RefusalStep& step : verdict.path)
    row["path"].push_back({{"insn", step.insn},
                           {"skipped", step.skipped},
                           {"function", step.function},
                           {"source", json_of(step.source)},
                           {"instruction", step.instruction},
                           {"note", step.note}});
  return row;
}

void print_json(const Module& module, const VerifyCommand& command) {
  Json programs = Json::array();
  for (const ProgramVerdict& verdict : module.verdicts())
    programs.push_back(json_of(verdict, command.explain));
  fmt::print("{}\n", Json{{"object", command.object}, {"programs", programs}}.dump(2));
}

// Colours: only on a terminal.
struct Ink {
  const char *bold = "", *red = "", *green = "", *dim = "", *plain = "";
  Ink() {
    if (colour_stdout())
      bold = "\033[1m", red = "\033[31m", green = "\033[32m", dim = "\033[2m", plain = "\033[0m";
  }
};

// The place stands out, and so does the caret.
void print_refusal(const std::string& text, const Ink& ink) {
  std::istringstream lines(text);
  std::string line;
  for (bool first = true; std::getline(lines, line); first = false) {
    const bool caret = line.ends_with("^");
    fmt::print("{}{}{}\n", first ? ink.bold : caret ? ink.red : "", line, first || caret ? ink.plain : "");
  }
}

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text;
}

void print_path(const std::vector<RefusalStep>& path, const Ink& ink) {
  fmt::print("\n  {}How it gets there{}\n", ink.bold, ink.plain);
  const SourcePlace* last = nullptr;
  for (const RefusalStep& step : path) {
    if (step.skipped)
      fmt::print("  {}{:>7} {} instruction{}{}\n", ink.dim, "…", step.skipped, step.skipped == 1 ? "" : "s",
                 ink.plain);
    const SourcePlace& place = step.source;
    if (place.line != 0 && (!last || last->line != place.line || last->file != place.file))
      fmt::print("  {}:{}: {}{}{}\n", place.file.substr(place.file.rfind('/') + 1), place.line, ink.bold,
                 trimmed(place.text), ink.plain);
    last = &place;
    fmt::print("  {:>6}: {:<36} {}{}{}\n", step.insn, step.instruction, ink.dim, step.note, ink.plain);
  }
}

void print_verdict(const ProgramVerdict& verdict, const VerifyCommand& command, const Ink& ink) {
  fmt::print("{}{}{}: {}{}{}\n", ink.bold, verdict.program, ink.plain, verdict.accepted ? ink.green : ink.red,
             verdict.accepted ? "accepted" : "refused", ink.plain);
  if (verdict.accepted) {
    const std::pair<const char*, const std::string&> proven[] = {{"memory", verdict.proven.memory},
                                                                 {"termination", verdict.proven.termination},
                                                                 {"references", verdict.proven.references},
                                                                 {"submits", verdict.proven.submits}};
    for (const auto& [name, text] : proven) fmt::print("  {:<12} {}\n", name, text);
  } else {
    fmt::print("\n");
    print_refusal(verdict.text, ink);
    if (command.explain) print_path(verdict.path, ink);
  }
  fmt::print("\n");
}

void print_stats(const Module& module) {
  Rows rows{{"PROGRAM", "verdict", "instructions", "visited", "peak states", "states", "time"}};
  for (const ProgramVerdict& verdict : module.verdicts())
    rows.push_back({verdict.program, verdict.accepted ? "accepted" : "refused",
                    fmt::format("{}", verdict.insns), fmt::format("{}", verdict.insns_visited),
                    fmt::format("{}", verdict.states_peak), fmt::format("{}", verdict.states_total),
                    duration_text(double(verdict.time_ns) * 1e-9)});
  print_rows(rows);
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
  auto accepted = module->load({.interpret = true, .explain = command.explain, .strict = command.strict});
  if (!accepted) return complain(Refused, accepted.error());
  if (module->verdicts().empty()) return complain(Refused, command.object + " has no programs");
  if (command.json) {
    print_json(*module, command);
  } else {
    for (const ProgramVerdict& verdict : module->verdicts()) print_verdict(verdict, command, Ink());
    if (command.stats) print_stats(*module);
  }
  return *accepted ? Done : Refused;
}

}  // namespace

void add_verify(CLI::App& app, Action& action) {
  auto command = std::make_shared<VerifyCommand>();
  CLI::App* sub =
      app.add_subcommand("verify", "Say whether every program of an object is safe, and if not, why");
  sub->add_option("OBJECT", command->object, "Compiled BPF object")->required();
  sub->add_flag("--explain", command->explain,
                "Of a refused program, show the path that leads to the refusal");
  sub->add_flag("--stats", command->stats, "Show what verifying took: instructions visited, states, time");
  sub->add_flag("--strict", command->strict, "Verify as the programs of people who are not trusted");
  sub->add_flag("--json", command->json, "Report as JSON");
  sub->callback([command, &action] { action = [command] { return verify(*command); }; });
}

}  // namespace ring3::cli
