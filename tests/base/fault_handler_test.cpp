// Our fault handlers beside those of an application: each sees the faults that are its own, whatever the
// order of installation. Each case is a process of its own.
#include <gtest/gtest.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/user_copy.hpp"

namespace ring3 {
namespace {

constexpr int kHandled = 42, kWrong = 77;

void fault() {
  // The optimiser must not know that the address is bad.
  volatile uintptr_t nowhere = 16;
  *reinterpret_cast<volatile char*>(nowhere) = 1;
}

bool copies_are_contained() {
  ensure_fault_handler();  // the first copy may have been made before the fork
  char ours[8];
  return copy_from_user(ours, 16, sizeof ours) == -EFAULT;
}

// What became of a process that ran `body`: its exit status, or -signal.
int outcome(void (*body)()) {
  const pid_t child = fork();
  if (child == 0) {
    for (int signal : {SIGSEGV, SIGBUS}) ::signal(signal, SIG_DFL);  // a sanitizer's own handlers
    body();
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

void require(bool condition) {
  if (!condition) _exit(kWrong);
}

void exit_handled(int) { _exit(kHandled); }

struct sigaction replaced;
int calls = 0;
void chaining(int signal, siginfo_t* info, void* context) {
  if (++calls > 1) _exit(kWrong);
  replaced.sa_sigaction(signal, info, context);
}

sigjmp_buf landing;
void jump_out(int) { siglongjmp(landing, 1); }

void install(void (*handler)(int, siginfo_t*, void*), int flags) {
  struct sigaction action = {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | flags;
  sigaction(SIGSEGV, &action, &replaced);
}

TEST(FaultHandler, AFaultThatIsNobodysKillsAsItWould) {
  EXPECT_EQ(outcome([] {
              require(copies_are_contained());
              fault();
            }),
            -SIGSEGV);
}

TEST(FaultHandler, ASignalThatSomebodySentKillsAsItWould) {
  EXPECT_EQ(outcome([] {
              require(copies_are_contained());
              raise(SIGSEGV);
            }),
            -SIGSEGV);
  EXPECT_EQ(outcome([] {
              signal(SIGBUS, SIG_IGN);
              require(copies_are_contained());
              raise(SIGBUS);
            }),
            0);
}

TEST(FaultHandler, TheApplicationsEarlierHandlerGetsItsFaults) {
  EXPECT_EQ(outcome([] {
              signal(SIGSEGV, exit_handled);
              require(copies_are_contained());
              fault();
            }),
            kHandled);
}

TEST(FaultHandler, TheApplicationsLaterHandlerGetsItsFaults) {
  EXPECT_EQ(outcome([] {
              require(copies_are_contained());
              signal(SIGSEGV, exit_handled);
              require(copies_are_contained());
              fault();
            }),
            kHandled);
}

TEST(FaultHandler, AHandlerThatPassesOnToUsEndsTheChain) {
  EXPECT_EQ(outcome([] {
              require(copies_are_contained());
              install(chaining, 0);
              require(copies_are_contained());
              fault();
            }),
            -SIGSEGV);
}

TEST(FaultHandler, AHandlerThatJumpsOutMayDoSoAgain) {
  EXPECT_EQ(outcome([] {
              require(copies_are_contained());
              struct sigaction action = {};
              action.sa_handler = jump_out;
              sigaction(SIGSEGV, &action, nullptr);
              ensure_fault_handler();
              for (static int round = 0; round < 100; ++round) {
                if (sigsetjmp(landing, 1) == 0) {
                  fault();
                  _exit(kWrong);
                }
                require(copies_are_contained());
              }
            }),
            0);
}

TEST(FaultHandler, ChangingHandlersForEverStaysRight) {
  EXPECT_EQ(outcome([] {
              require(copies_are_contained());
              for (int round = 0; round < 1000; ++round) {
                signal(SIGSEGV, round % 2 ? exit_handled : SIG_DFL);
                require(copies_are_contained());
              }
              fault();
            }),
            kHandled);
}

}  // namespace
}  // namespace ring3
