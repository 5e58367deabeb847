// What people are told: the path of a refusal, what was proven of an accepted program, and the table of
// rules.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "bpf/verifier/verify.hpp"
#include "cases.hpp"

namespace ring3::bpf::test {
namespace {

std::shared_ptr<const Program> program_named(const std::string& file, const std::string& name) {
  auto program = program_of(Case{.file = file, .program = name});
  if (program) return *program;
  ADD_FAILURE() << program.error().text();
  return nullptr;
}

std::vector<PathStep> path_of(const std::string& file, const std::string& name) {
  const Verdict verdict = verify(program_named(file, name), {.explain = true});
  EXPECT_FALSE(verdict);
  return verdict ? std::vector<PathStep>() : verdict.error().path;
}

std::string text(const std::vector<PathStep>& path) {
  std::string text;
  for (const PathStep& step : path)
    text += fmt::format("({}) {}: {} -- {}\n", step.skipped, step.insn, step.instruction, step.note);
  return text;
}

std::vector<PathStep> steps_with(const std::vector<PathStep>& path, std::string_view instruction) {
  std::vector<PathStep> found;
  for (const PathStep& step : path)
    if (step.instruction.find(instruction) != std::string::npos) found.push_back(step);
  return found;
}

TEST(Explain, TellsTheFirstAndTheLastTurnOfALoop) {
  const auto path = path_of("asm_loops", "loop_over_array_one_too_far");
  ASSERT_FALSE(path.empty());
  const auto added = steps_with(path, "r6 += 1");
  ASSERT_EQ(added.size(), 2u) << text(path);
  EXPECT_EQ(added[0].note, "r6 = the number 1");
  EXPECT_EQ(added[1].note, "r6 = the number 64");
  EXPECT_EQ(path.back().note, "refused");
  // Two instructions before the loop, 64 turns of five, and what is refused at the third of the next.
  uint32_t length = 0;
  for (const PathStep& step : path) length += step.skipped + 1;
  EXPECT_EQ(length, 2 + 64 * 5 + 3u) << text(path);
}

TEST(Explain, FollowsTheValueIntoFunctions) {
  const auto path = path_of("asm_functions", "index_not_masked_by_a_function");
  const auto notes = [&](std::string_view instruction) {
    const auto steps = steps_with(path, instruction);
    return steps.size() == 1 ? steps[0].note : fmt::format("{} steps:\n{}", steps.size(), text(path));
  };
  EXPECT_EQ(notes("call bpf_get_prandom_u32"), "r0 = a number of any value");
  EXPECT_EQ(notes("call gives_back"), "enters");
  EXPECT_EQ(notes("r0 = r1"), "r0 = a number of any value");
  EXPECT_EQ(notes("exit"), "returns");
  // The address that the number is added to had no part in the number.
  EXPECT_TRUE(steps_with(path, "&bytes").empty()) << text(path);
}

TEST(Explain, FollowsTheValueThroughTheStack) {
  const auto path = path_of("asm_loops", "diamonds_that_matter_spilled");
  const auto stores = steps_with(path, "(r10 -8) = ");
  ASSERT_EQ(stores.size(), 1u) << text(path);
  EXPECT_EQ(stores[0].instruction, "*(u64 *)(r10 -8) = 64") << "the other store was overwritten";
  const auto branches = steps_with(path, "if r0 == 0x0");
  ASSERT_EQ(branches.size(), 1u) << text(path);
  EXPECT_TRUE(branches[0].note.starts_with("not taken")) << branches[0].note;
}

TEST(Explain, TellsWhatABranchOnTwoRegistersTaught) {
  const auto path = path_of("asm_numbers", "if_register_below_too_far");
  const auto branches = steps_with(path, "if r6 > r0");
  ASSERT_EQ(branches.size(), 1u) << text(path);
  EXPECT_EQ(branches[0].note, "taken; r0 = a number from 0 to 64") << text(path);
}

TEST(Explain, EndsWithWhatIsRefusedBeforeItRuns) {
  const auto path = path_of("loops", "endless_counter");
  ASSERT_GE(path.size(), 3u);
  EXPECT_EQ(path.back().note, "refused");
  EXPECT_EQ(path[path.size() - 2].instruction, "r1 += 1");
  EXPECT_TRUE(path[path.size() - 2].note.starts_with("r1 = the number ")) << text(path);
}

TEST(Explain, CostsNothingUnlessAskedFor) {
  const Verdict verdict = verify(program_named("asm_loops", "loop_over_array_one_too_far"));
  ASSERT_FALSE(verdict);
  EXPECT_TRUE(verdict.error().path.empty());
}

TEST(Refusals, SayWithNumbersWhatWouldDo) {
  const struct {
    const char *file, *program, *remedy;
  } expected[] = {
      {"asm_calls", "iterator_index_unchecked",
       "Check that what `r7 += r6` adds is at most 63, as an unsigned number, before."},
      {"asm_functions", "output_of_unknown_size",
       "Check that r3 is at most 64, as an unsigned number, before the call."},
      {"asm_functions", "output_beyond_the_value",
       "Let the call have at most 64 bytes, or give it more memory."},
      {"asm_functions", "key_over_the_top", "Let the call have at most 4 bytes, or give it more memory."},
      {"asm_pointers", "added_without_bounds",
       "Check that r0 is at most 64, as an unsigned number, before adding it."},
      {"asm_pointers", "word_across_the_end", "An access of 8 bytes fits at offsets 0 to 56."},
      {"asm_pointers", "record_beyond_its_end", "An access of 8 bytes fits at offsets 0 to 8."},
      {"asm_pointers", "looked_up_and_checked_otherwise", "Compare r0 with NULL before."},
      {"relocations", "member_of_no_structure",
       "Guard it with bpf_core_field_exists() or bpf_core_type_exists(), or do without it."},
  };
  for (const auto& [file, name, remedy] : expected) {
    const Verdict verdict = verify(program_named(file, name));
    ASSERT_FALSE(verdict) << name;
    EXPECT_EQ(verdict.error().remedy, remedy) << verdict.error().text();
  }
}

TEST(Refusals, DescribeTheValueAtFault) {
  const Verdict verdict = verify(program_named("asm_calls", "iterator_index_unchecked"));
  ASSERT_FALSE(verdict);
  const Rejection& rejection = verdict.error();
  ASSERT_TRUE(rejection.value);
  EXPECT_EQ(rejection.rule, Rule::Bounds);
  EXPECT_EQ(rejection.value->reg, 7u);
  EXPECT_EQ(rejection.value->type, "map_value");
  EXPECT_EQ(rejection.value->range.umax, UINT32_MAX);
  EXPECT_EQ(rejection.value->range.bits.mask, UINT32_MAX);
  EXPECT_EQ(rejection.value->made_by_instruction, "r7 += r6");
  EXPECT_LT(rejection.value->made_at.line, rejection.source.line);
  EXPECT_EQ(rejection.value->description,
            "a pointer to a value of map .bss (64 bytes), at an offset from 0 to 4294967295");
}

TEST(Refusals, SayWhichRelocationFailed) {
  const Verdict verdict = verify(program_named("relocations", "member_of_no_structure"));
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().rule, Rule::Relocation);
  EXPECT_NE(verdict.error().reason.find("no_such_structure"), std::string::npos) << verdict.error().text();
}

TEST(Proof, CountsInstructionsByWhatTheyTouch) {
  const Verdict verdict = verify(program_named("asm_pointers", "atomic_at_each_place"));
  ASSERT_TRUE(verdict);
  const Proof& proof = verdict->proof();
  EXPECT_EQ(proof.stack, 2u);       // the store, the addition
  EXPECT_EQ(proof.map_values, 1u);  // the or
  EXPECT_EQ(proof.memory + proof.structures + proof.arguments, 0u);
  EXPECT_EQ(proof.unreached, 0u);
  EXPECT_EQ(proof.open_loops, 0u);
  EXPECT_EQ(proof.acquiring, 0u);
}

TEST(Proof, KnowsLoopsReferencesAndDeadCode) {
  const Verdict loops = verify(program_named("asm_lifetimes", "iterator_within_an_iterator"));
  ASSERT_TRUE(loops);
  EXPECT_EQ(loops->proof().open_loops, 2u);
  EXPECT_EQ(loops->proof().acquiring, 2u);
  ASSERT_EQ(loops->proof().kfuncs.size(), 3u);
  EXPECT_EQ(loops->proof().kfuncs[1]->name, "bpf_iter_num_new");
  const Verdict dead = verify(program_named("asm_arithmetic", "dead_branch_is_not_followed"));
  ASSERT_TRUE(dead);
  EXPECT_EQ(dead->proof().unreached, 1u);
}

TEST(Rules, HaveNamesOfTheirOwnAndRemedies) {
  std::set<std::string_view> names;
  for (const RuleRow& rule : rules()) {
    EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
    EXPECT_TRUE(std::ranges::all_of(rule.name, [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; }))
        << rule.name;
    EXPECT_GT(rule.code, 0) << rule.name;
    // Throws if there is more to fill in than the register.
    const std::string remedy = fmt::format(fmt::runtime(rule.remedy), "r7");
    EXPECT_TRUE(remedy.ends_with(".")) << rule.name << ": " << remedy;
  }
}

}  // namespace
}  // namespace ring3::bpf::test
