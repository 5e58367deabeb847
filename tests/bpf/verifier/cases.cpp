#include "cases.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "bpf/link/collection.hpp"
#include "bpf/object/object.hpp"
#include "test_world.hpp"

namespace ring3::bpf::test {

namespace {

namespace fs = std::filesystem;

std::string_view trim(std::string_view text) {
  while (!text.empty() && isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

// "// RULE: maybe-null, leak" says what the next program shows.
std::vector<std::string> rules_in(std::string_view line) {
  std::vector<std::string> rules;
  std::stringstream names{std::string(line.substr(line.find(':') + 1))};
  for (std::string name; std::getline(names, name, ',');) rules.emplace_back(trim(name));
  return rules;
}

// A line's verdict: "ACCEPTED", "REFUSED(name): message LINUX: why the kernel differs", "STRICT: …".
struct Note {
  std::string kind, owner;
  Expected expected;
};

std::optional<Note> note_in(std::string_view line, unsigned number, const std::string& program) {
  const size_t comment = line.find("// ");
  if (comment == line.npos) return std::nullopt;
  line.remove_prefix(comment + 3);
  for (std::string_view kind : {"ACCEPTED", "REFUSED", "STRICT"}) {
    if (!line.starts_with(kind)) continue;
    line.remove_prefix(kind.size());
    Note note{.kind = std::string(kind), .owner = program};
    if (line.starts_with("(")) {
      note.owner = line.substr(1, line.find(')') - 1);
      line.remove_prefix(line.find(')') + 1);
    }
    note.expected.accepted = kind == "ACCEPTED";
    note.expected.line = number;
    const size_t differs = line.find("LINUX: ");
    if (differs != line.npos) note.expected.host = trim(line.substr(differs + 7));
    line = line.substr(0, differs);
    if (line.starts_with(": ")) note.expected.message = trim(line.substr(2));
    return note;
  }
  return std::nullopt;
}

void read_file(const fs::path& path, std::vector<Case>& out) {
  std::string file = path.filename().string();
  file.resize(file.find('.'));
  std::ifstream in(path);
  std::string text, program;
  std::vector<std::string> rules;
  std::map<std::string, Case> found;
  std::map<std::string, int> verdicts;
  for (unsigned number = 1; std::getline(in, text); number++) {
    if (text.starts_with("// RULE: ")) rules = rules_in(text);
    if (auto name = program_named_in(text); !name.empty()) {
      verdicts.emplace(program = name, 0);
      found[program].rules = std::move(rules);
      rules.clear();
    }
    const auto note = note_in(text, number, program);
    if (!note) continue;
    EXPECT_TRUE(note->expected.accepted || !note->expected.message.empty())
        << path << ":" << number << ": no message";
    Case& test = found[note->owner];
    if (note->kind == "STRICT") {
      test.strict = note->expected;
    } else {
      test.usual = note->expected;
      verdicts[note->owner]++;
    }
  }
  for (auto& [name, test] : found) {
    EXPECT_EQ(verdicts[name], 1) << path << ": program " << name << " has " << verdicts[name] << " verdicts";
    test.file = file;
    test.program = name;
    out.push_back(test);
  }
}

// The object that a case is in, linked. Kept: many cases share one.
Result<const Collection*> collection_of(const Case& test) {
  static std::map<std::string, std::unique_ptr<Collection>> known;
  auto& entry = known[test.file];
  if (!entry) {
    auto object = TRY(Object::open(test.object_path()));
    entry = TRY(Collection::create(object, test_world()));
    entry->freeze();
  }
  return entry.get();
}

}  // namespace

std::string_view program_named_in(std::string_view line) {
  for (std::string_view macro : {"PROGRAM(", "STEP(", "ISSUE("}) {
    size_t at = line.find(macro);
    if (at == line.npos || isspace(static_cast<unsigned char>(line[0])) || line[0] == '#' || line[0] == '/')
      continue;
    line.remove_prefix(at + macro.size());
    return line.substr(0, line.find(')'));
  }
  return {};
}

std::string Case::source_path() const {
  return std::string(RING3_SOURCE_DIR) + "/tests/bpf/verifier/cases/" + file + ".bpf.c";
}

std::string Case::object_path() const {
  return std::string(RING3_TEST_OBJECTS) + "/cases/" + file + ".bpf.o";
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = [] {
    std::vector<fs::path> files;
    for (auto& entry : fs::directory_iterator(RING3_SOURCE_DIR "/tests/bpf/verifier/cases"))
      if (entry.path().string().ends_with(".bpf.c")) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    std::vector<Case> out;
    for (auto& path : files) read_file(path, out);
    return out;
  }();
  return all;
}

Result<std::shared_ptr<const Program>> program_of(const Case& test) {
  const Collection* collection = TRY(collection_of(test));
  for (auto& program : collection->programs()) {
    if (program->name != test.program) continue;
    if (program->section != "syscall") return program;
    // A type of the kernel that sleeps; to ring3 it is a program without a hook.
    auto copy = std::make_shared<Program>(*program);
    copy->sleepable = true;
    return copy;
  }
  return fail(ENOENT, test.object_path(), "no such program: {}", test.program);
}

}  // namespace ring3::bpf::test
