// What programs of operations may not do, in Linux's words.
#include "harness.hpp"

namespace ring3::test {
namespace {

struct Refused {
  const char* program;
  int code;
  const char* message;  // a part of Linux's
};

class RefusedTest : public testing::TestWithParam<Refused> {};

TEST_P(RefusedTest, WithLinuxWording) {
  static Module module = [] {
    Module opened = must(open_fixture("refused"));
    EXPECT_FALSE(must(opened.load()));
    return opened;
  }();
  for (const ProgramVerdict& verdict : module.verdicts()) {
    if (verdict.program != GetParam().program) continue;
    ASSERT_FALSE(verdict.accepted);
    EXPECT_EQ(verdict.refusal->code, GetParam().code) << verdict.text;
    EXPECT_NE(verdict.refusal->linux_message.find(GetParam().message), std::string::npos)
        << verdict.refusal->linux_message;
    return;
  }
  FAIL() << "no such program";
}

INSTANTIATE_TEST_SUITE_P(
    , RefusedTest,
    testing::Values(
        Refused{"write_opf", EACCES, "cannot write into ptr_uring_bpf_data at off=16 size=4"},
        Refused{"write_ops", EACCES, "cannot write into ptr_uring_bpf_data at off=8 size=8"},
        Refused{"write_before_pdu", EACCES, "cannot write into ptr_uring_bpf_data at off=24 size=8"},
        Refused{"write_behind_pdu", EACCES, "cannot write into ptr_uring_bpf_data at off=64 size=4"},
        Refused{"read_behind_pdu", EACCES, "access beyond struct uring_bpf_data at off 64 size 1"},
        Refused{"write_sqe", EACCES, "cannot write into ptr_io_uring_sqe at off=24 size=4"},
        Refused{"read_behind_sqe", EACCES, "access beyond struct io_uring_sqe at off 64 size 1"},
        Refused{"sqe_in_issue", EACCES, "func 'issue_fn' doesn't have 2-th argument"},
        Refused{"keep_sqe", EACCES, "invalid mem access 'scalar'"}, Refused{"result_of_nothing", EINVAL, ""},
        Refused{"result_of_another_type", EINVAL, "STRUCT io_uring_sqe"},
        Refused{"result_beside", EINVAL, "must have zero offset"},
        Refused{"sleeps", EINVAL, "might sleep in a non-sleepable prog"},
        Refused{"submits", EACCES, "program must be sleepable to call sleepable kfunc"},
        Refused{"returns_a_pointer", EINVAL, ""}),
    [](const auto& one) { return std::string(one.param.program); });

TEST(OperationVerifier, SleepableProgramsAreRefusedAtLoad) {
  const auto module = open_fixture("sleepable");
  ASSERT_FALSE(module.has_value());
  EXPECT_EQ(module.error().code, EINVAL);
  EXPECT_NE(module.error().message.find("must not sleep"), std::string::npos) << module.error().text();
}

}  // namespace
}  // namespace ring3::test
