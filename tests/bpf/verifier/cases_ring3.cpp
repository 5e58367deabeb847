// Every case goes through ring3's own loader and verifier, and gets the verdict that stands beside it.
#include <gtest/gtest.h>

#include <map>

#include "bpf/link/collection.hpp"
#include "bpf/object/object.hpp"
#include "bpf/verifier/verify.hpp"
#include "cases.hpp"
#include "raw_cases.hpp"
#include "test_world.hpp"

namespace ring3::bpf::test {

void PrintTo(const Case& test, std::ostream* out) { *out << test.name(); }

namespace {

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

std::shared_ptr<const Program> program_of(const Collection& collection, const std::string& name) {
  for (auto& program : collection.programs()) {
    if (program->name != name) continue;
    if (program->section != "syscall") return program;
    // A type of the kernel that sleeps; to ring3 it is a program without a hook.
    auto copy = std::make_shared<Program>(*program);
    copy->sleepable = true;
    return copy;
  }
  return nullptr;
}

class Cases : public testing::TestWithParam<Case> {};

// What a person reads has the C line, the reason and Linux's words.
void check_refusal(const Rejection& rejection, const std::string& message, unsigned line) {
  EXPECT_NE(rejection.linux_message.find(message), std::string::npos) << "expected: " << message << "\n"
                                                                      << rejection.text();
  EXPECT_EQ(rejection.source.line, line) << rejection.text();
  EXPECT_GT(rejection.code, 0);
  EXPECT_FALSE(rejection.reason.empty()) << rejection.text();
  std::string text = rejection.text();
  for (std::string_view part : {rejection.source.text, std::string_view(rejection.reason),
                                std::string_view(rejection.linux_message)}) {
    EXPECT_NE(text.find(part), std::string::npos) << "'" << part << "' is missing in\n" << text;
  }
}

TEST_P(Cases, Verdict) {
  const Case& test = GetParam();
  SCOPED_TRACE("cases/" + test.file + ".bpf.c:" + std::to_string(test.line));
  auto collection = collection_of(test);
  ASSERT_TRUE(collection) << collection.error().text();
  auto program = program_of(**collection, test.program);
  ASSERT_TRUE(program) << "no such program in the object";
  Verdict verdict = verify(program);
  ASSERT_EQ(verdict.has_value(), test.accepted)
      << (verdict ? "accepted, though " + test.message : verdict.error().text());
  if (!verdict) check_refusal(verdict.error(), test.message, test.line);

  Verdict strict = verify(program, {.strict = true});
  ASSERT_EQ(strict.has_value(), test.accepted && !test.strict)
      << (strict ? "accepted, though " + test.strict_message : strict.error().text());
  if (test.strict) check_refusal(strict.error(), test.strict_message, test.strict_line);
}

INSTANTIATE_TEST_SUITE_P(All, Cases, testing::ValuesIn(read_cases()),
                         [](const auto& test) { return test.param.file + "_" + test.param.program; });

// With displacements turned into indices of subprograms, which start where a call leads.
std::shared_ptr<const Program> raw_program(const RawCase& test) {
  auto program = std::make_shared<Program>();
  program->name = test.name;
  program->section = "raw";
  program->sleepable = program->gpl_compatible = true;
  program->insns = test.insns;
  program->world = test_world();
  std::map<uint32_t, uint32_t> starts = {{0, 0}};
  auto calls = [&](auto&& use) {
    for (uint32_t i = 0; i < program->insns.size(); i++) {
      Insn& insn = program->insns[i];
      if (is_call(insn) && insn.src == abi::BPF_PSEUDO_CALL)
        use(insn, static_cast<uint32_t>(i + 1 + insn.imm));
    }
  };
  calls([&](Insn&, uint32_t target) { starts[target] = 0; });
  uint32_t index = 0;
  for (auto at = starts.begin(); at != starts.end(); ++at, ++index) {
    at->second = index;
    auto next = std::next(at);
    uint32_t end = next == starts.end() ? program->insns.size() : next->first;
    program->subprograms.push_back({.name = index ? "sub" : test.name, .start = at->first, .end = end});
  }
  calls([&](Insn& insn, uint32_t target) { insn.imm = static_cast<int32_t>(starts[target]); });
  return program;
}

TEST(RawCases, Verdicts) {
  for (const RawCase& test : raw_cases()) {
    Verdict verdict = verify(raw_program(test));
    EXPECT_EQ(verdict.has_value(), test.message == nullptr)
        << test.name << ": " << (verdict ? "accepted" : verdict.error().text());
    if (verdict || !test.message) continue;
    EXPECT_NE(verdict.error().linux_message.find(test.ours ? test.ours : test.message), std::string::npos)
        << test.name << ": expected " << test.message << "\n"
        << verdict.error().text();
  }
}

}  // namespace
}  // namespace ring3::bpf::test
