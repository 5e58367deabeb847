// `ring3 inspect`: what is in an object: programs, maps, globals, struct_ops, and the instructions with their C lines.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "bpf/link/collection.hpp"
#include "bpf/object/object.hpp"
#include "cli/cli.hpp"
#include "cli/table.hpp"
#include "hooks/world.hpp"

namespace ring3::cli {

namespace {

std::string map_type_name(abi::BpfMapType type) {
  switch (type) {
    case abi::BPF_MAP_TYPE_HASH: return "hash";
    case abi::BPF_MAP_TYPE_ARRAY: return "array";
    case abi::BPF_MAP_TYPE_PERCPU_HASH: return "percpu_hash";
    case abi::BPF_MAP_TYPE_PERCPU_ARRAY: return "percpu_array";
    case abi::BPF_MAP_TYPE_LRU_HASH: return "lru_hash";
    case abi::BPF_MAP_TYPE_RINGBUF: return "ringbuf";
    case abi::BPF_MAP_TYPE_ARENA: return "arena";
  }
  return fmt::format("type {}", static_cast<uint32_t>(type));
}

Rows program_rows(const bpf::Collection& collection) {
  Rows rows{{"PROGRAM", "section", "sleepable", "instructions", "subprograms"}};
  for (const auto& program : collection.programs())
    rows.push_back({program->name, program->section, program->sleepable ? "yes" : "no",
                    fmt::format("{}", program->insns.size()), fmt::format("{}", program->subprograms.size() - 1)});
  return rows;
}

Rows map_rows(const bpf::Collection& collection) {
  Rows rows{{"MAP", "type", "key", "value", "entries", "flags"}};
  for (const auto& map : collection.maps()) {
    const bpf::MapDefinition& definition = map->definition();
    rows.push_back({definition.name, map_type_name(definition.type), fmt::format("{}", definition.key_size),
                    fmt::format("{}", definition.value_size), fmt::format("{}", definition.max_entries),
                    fmt::format("{:#x}", definition.flags)});
  }
  return rows;
}

Rows global_rows(const bpf::Object& object) {
  Rows rows{{"GLOBAL", "type", "section", "offset", "size"}};
  for (const bpf::DataSection& section : object.data) {
    if (section.datasec == 0) continue;
    for (const bpf::BtfVariable& variable : object.btf.variables(section.datasec))
      rows.push_back({std::string(object.btf.name(variable.variable)),
                      object.btf.spell(object.btf.target(variable.variable)), section.name,
                      fmt::format("{}", variable.offset), fmt::format("{}", variable.size)});
  }
  return rows;
}

Rows struct_ops_rows(const bpf::Collection& collection) {
  Rows rows{{"STRUCT_OPS", "type", "link", "callbacks"}};
  for (const bpf::StructOpsInstance& instance : collection.struct_ops()) {
    std::string callbacks;
    for (const auto& callback : instance.callbacks)
      callbacks += fmt::format("{}{} = {}", callbacks.empty() ? "" : ", ", callback.member->name,
                               callback.program->name);
    rows.push_back({instance.name, std::string(instance.type->name), instance.link ? "yes" : "no", callbacks});
  }
  return rows;
}

void print_instructions(const bpf::Program& program) {
  const bpf::SourceLine* last = nullptr;
  for (const bpf::Subprogram& function : program.subprograms) {
    fmt::print("{}:\n", function.name);
    for (uint32_t slot = function.start; slot < function.end; slot += bpf::insn_slots(program.insns[slot])) {
      const bpf::SourceLine* source = program.source_at(slot);
      if (source && (!last || source->line != last->line || source->file != last->file))
        fmt::print("; {} @ {}:{}\n", source->text.substr(std::min(source->text.find_first_not_of(" \t"),
                                                                   source->text.size())),
                   source->file.substr(source->file.rfind('/') + 1), source->line);
      last = source;
      fmt::print("{:6}: {}\n", slot, bpf::disassemble(program, slot));
    }
  }
  fmt::print("\n");
}

nlohmann::ordered_json json_of(const Rows& rows) {
  auto array = nlohmann::ordered_json::array();
  for (size_t i = 1; i < rows.size(); ++i) {
    nlohmann::ordered_json row{{"name", rows[i][0]}};
    for (size_t column = 1; column < rows[i].size(); ++column) row[rows[0][column]] = rows[i][column];
    array.push_back(std::move(row));
  }
  return array;
}

int inspect(const std::string& path, bool json) {
  if (access(path.c_str(), R_OK) != 0)
    return complain(BadUsage, fmt::format("can't read {}: {}", path, strerrordesc_np(errno)));
  auto object = bpf::Object::open(path);
  if (!object) return complain(Refused, object.error());
  auto collection = bpf::Collection::create(*object, hooks::world());
  if (!collection) return complain(Refused, collection.error());
  const Rows programs = program_rows(**collection), maps = map_rows(**collection), globals = global_rows(**object),
             struct_ops = struct_ops_rows(**collection);
  if (json) {
    fmt::print("{}\n", nlohmann::ordered_json{{"object", path},
                                              {"license", (*object)->license},
                                              {"programs", json_of(programs)},
                                              {"maps", json_of(maps)},
                                              {"globals", json_of(globals)},
                                              {"struct_ops", json_of(struct_ops)}}
                           .dump(2));
    return Done;
  }
  fmt::print("{}: license \"{}\"\n\n", path, (*object)->license);
  for (const Rows* rows : {&programs, &maps, &globals, &struct_ops}) print_rows(*rows);
  for (const auto& program : (*collection)->programs()) print_instructions(*program);
  return Done;
}

}  // namespace

void add_inspect(CLI::App& app, Action& action) {
  auto path = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  CLI::App* command =
      app.add_subcommand("inspect", "Show programs, maps, globals, struct_ops and instructions of an object");
  command->add_option("OBJECT", *path, "Compiled BPF object")->required();
  command->add_flag("--json", *json, "As JSON, without the instructions");
  command->callback([path, json, &action] { action = [path, json] { return inspect(*path, *json); }; });
}

}  // namespace ring3::cli
