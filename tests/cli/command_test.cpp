// The command as its users meet it: arguments in, exit status and output out.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string command = RING3_BUILD_DIR "/ring3";
std::string fixture(const std::string& name) { return RING3_TEST_OBJECTS "/" + name + ".bpf.o"; }
std::string shipped(const std::string& name) { return RING3_BUILD_DIR "/programs/" + name + ".bpf.o"; }

struct Output {
  int status = -1;  // exit status, or minus the signal that ended it
  std::string out, err;
  json parsed() const { return json::parse(out, nullptr, false); }
};

std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A folder that goes away with the test.
class Scratch {
 public:
  Scratch() {
    std::string name = fs::temp_directory_path() / "ring3-cli-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~Scratch() { fs::remove_all(path_); }
  std::string file(const std::string& name, const std::string& content = {}) const {
    if (!content.empty()) std::ofstream(path_ / name, std::ios::binary) << content;
    return path_ / name;
  }

 private:
  fs::path path_;
};

class Process {
 public:
  explicit Process(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), command);
    pid_ = fork();
    if (pid_ == 0) {
      std::vector<char*> argv;
      for (std::string& argument : arguments) argv.push_back(argument.data());
      argv.push_back(nullptr);
      dup2(open(scratch_.file("out").c_str(), O_CREAT | O_WRONLY, 0600), 1);
      dup2(open(scratch_.file("err").c_str(), O_CREAT | O_WRONLY, 0600), 2);
      execv(argv[0], argv.data());
      _exit(127);
    }
  }
  void send(int signal) { kill(pid_, signal); }
  Output finish() {
    int status = 0;
    waitpid(pid_, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), slurp(scratch_.file("out")),
            slurp(scratch_.file("err"))};
  }

 private:
  Scratch scratch_;
  pid_t pid_;
};

Output run(std::vector<std::string> arguments) { return Process(std::move(arguments)).finish(); }

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Command, NopsRunAndAreCounted) {
  for (const char* backend : {"host", "threads"}) {
    const Output output = run({"run", shipped("nops"), "--backend", backend, "--set", "count=1000", "--set",
                               "depth=4", "--show", "done", "--json"});
    if (output.status == 2 && contains(output.err, "io_uring_setup")) GTEST_SKIP() << "no io_uring here";
    ASSERT_EQ(output.status, 0) << output.err;
    const json report = output.parsed();
    EXPECT_EQ(report["result"], 0);
    EXPECT_EQ(report["errno"], nullptr);
    EXPECT_EQ(report["backend"], backend);
    EXPECT_EQ(report["sqes_submitted"], 1000);
    EXPECT_EQ(report["cqes_posted"], 1000);
    EXPECT_EQ(report["variables"]["done"], 1000);
    EXPECT_GE(report["steps"], 250);
    EXPECT_GT(report["seconds"], 0.0);
  }
}

TEST(Command, StrictVerificationRefusesWhatLeaks) {
  const Output trusted = run({"verify", fixture("leaks")});
  EXPECT_EQ(trusted.status, 0) << trusted.out << trusted.err;
  for (const char* verb : {"verify", "run"}) {
    const Output strict = run({verb, fixture("leaks"), "--strict"});
    EXPECT_EQ(strict.status, 3) << strict.out << strict.err;
    EXPECT_TRUE(contains(strict.out + strict.err, "leaks addr into map")) << strict.out << strict.err;
  }
  for (const char* name : {"nops", "cp", "min_wait", "rate_limiter", "lookup"}) {
    const Output shipped_one = run({"verify", shipped(name), "--strict"});
    EXPECT_EQ(shipped_one.status, 0) << shipped_one.out << shipped_one.err;
  }
}

TEST(Command, ReportForPeopleNamesWhatTheIssueAsksFor) {
  const Output output = run({"run", shipped("nops"), "--set", "count=10", "--show", "done"});
  ASSERT_EQ(output.status, 0) << output.err;
  for (const char* word : {"enter", "IOU_LOOP_STOP", "steps", "SQEs submitted", "CQEs posted", "time", "done"})
    EXPECT_TRUE(contains(output.out, word)) << word << " is missing in\n" << output.out;
  EXPECT_FALSE(contains(output.out, "\033")) << "colour on what is no terminal";
}

TEST(Command, EveryKindOfVariable) {
  Scratch scratch;
  const std::string file = scratch.file("file", "x");
  const Output output =
      run({"run", fixture("globals"), "--ops", "first_ops", "--region", "8K", "--buffer", "buffer=64K", "--fd",
           "file=" + file + ":rw", "--set", "settings.small=-5", "--set", "settings.name=hello", "--set",
           "settings.inner[1].values[2]=0xffff", "--set", "negative=-123456789012", "--set", "head=@cq.head", "--set",
           "region=@region.addr", "--set", "region_bytes=@region.size", "--show", "settings.small", "--show",
           "settings.name", "--show", "settings.inner[1].values[2]", "--show", "negative", "--show", "head", "--show",
           "region", "--show", "region_bytes", "--show", "buffer", "--show", "file", "--show", "result", "--json"});
  ASSERT_EQ(output.status, 0) << output.err;
  const json shown = output.parsed()["variables"];
  EXPECT_EQ(shown["settings.small"], -5);
  EXPECT_TRUE(contains(shown["settings.name"].get<std::string>(), "hello"));
  EXPECT_EQ(shown["settings.inner[1].values[2]"], 0xffff);
  EXPECT_EQ(shown["negative"], -123456789012);
  EXPECT_GT(shown["head"], 0);
  EXPECT_EQ(shown["region_bytes"], 8192);
  EXPECT_EQ(shown["buffer"].get<uint64_t>() % 4096, 0u);
  EXPECT_NE(shown["buffer"], 0);
  EXPECT_EQ(shown["region"].get<uint64_t>() % 4096, 0u);
  EXPECT_GE(shown["file"], 3);
  EXPECT_EQ(shown["result"], 1);
}

TEST(Command, AnObjectThatNobodyHereWrote) {
  const Output output =
      run({"run", fixture("foreign"), "--set", "sq_tail=@sq.tail", "--set", "cq_tail=@cq.tail", "--set",
           "cq_head=@cq.head", "--set", "cqes=@cq.cqes", "--show", "seen", "--show", "result", "--show", "user_data",
           "--json"});
  ASSERT_EQ(output.status, 0) << output.err;
  const json shown = output.parsed()["variables"];
  EXPECT_EQ(shown["seen"], 1);
  EXPECT_EQ(shown["result"], 42);
  EXPECT_EQ(shown["user_data"], 7777);
}

TEST(Command, AnErrorReturnIsNamedAndExitsWith1) {
  const Output output = run({"run", fixture("globals"), "--ops", "second_ops", "--json"});
  EXPECT_EQ(output.status, 1);
  EXPECT_EQ(output.parsed()["errno"], "EINVAL");
}

TEST(Command, InterruptEndsALoopThatNeverWaits) {
  for (int signal : {SIGINT, SIGTERM}) {
    Process process({"run", fixture("spin"), "--show", "turns", "--json"});
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    const auto start = std::chrono::steady_clock::now();
    process.send(signal);
    const Output output = process.finish();
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
    EXPECT_EQ(output.status, 1) << output.err;
    EXPECT_EQ(output.parsed()["errno"], "EINTR");
    EXPECT_GT(output.parsed()["variables"]["turns"], 0) << "what was done is reported";
  }
}

TEST(Command, OperationsOfTheObjectAreThereForItsLoop) {
  const std::vector<std::string> shows = {"--show", "answer", "--show", "started", "--json"};
  std::vector<std::string> arguments = {"run", fixture("operation")};
  arguments.insert(arguments.end(), shows.begin(), shows.end());
  const Output output = run(arguments);
  EXPECT_EQ(output.status, 0) << output.err;
  EXPECT_EQ(output.parsed()["variables"]["answer"], 42);
  EXPECT_EQ(output.parsed()["cqes_posted"], 1);
}

TEST(Command, RequestsThatNeverEndDoNotKeepARunFromItsEnd) {
  const auto start = std::chrono::steady_clock::now();
  const Output output = run({"run", fixture("operation"), "--region", "4K", "--set", "region=@region.addr", "--set",
                             "seconds=1000", "--deadline", "0.2", "--show", "started", "--json"});
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_EQ(output.status, 1) << output.err;
  EXPECT_EQ(output.parsed()["errno"], "ETIME");
  EXPECT_EQ(output.parsed()["variables"]["started"], 1);
}

TEST(Command, DeadlineEndsALoopThatNeverWaits) {
  const Output output = run({"run", fixture("spin"), "--deadline", "0.2", "--json"});
  EXPECT_EQ(output.status, 1) << output.err;
  EXPECT_EQ(output.parsed()["errno"], "ETIME");
  EXPECT_GE(output.parsed()["seconds"], 0.2);
  EXPECT_LT(output.parsed()["seconds"], 0.4);
}

TEST(Command, BadUsageExitsWith2AndSaysWhy) {
  const struct {
    std::vector<std::string> arguments;
    std::string says;
  } cases[] = {
      {{}, "subcommand"},
      {{"frobnicate"}, "frobnicate"},
      {{"run"}, "OBJECT"},
      {{"run", "/nonexistent.bpf.o"}, "No such file"},
      {{"verify", "/nonexistent.bpf.o"}, "No such file"},
      {{"inspect", "/nonexistent.bpf.o"}, "No such file"},
      {{"run", shipped("nops"), "--set", "count"}, "VARIABLE=VALUE"},
      {{"run", shipped("nops"), "--set", "cuont=1"}, "count"},
      {{"run", shipped("nops"), "--set", "depth=many"}, "many"},
      {{"run", shipped("nops"), "--set", "depth=5000000000"}, "depth"},
      {{"run", shipped("nops"), "--set", "depth=@sq.nonsense"}, "@sq.tail"},
      {{"run", shipped("nops"), "--set", "depth=@region.size"}, "--region"},
      {{"run", shipped("nops"), "--show", "nothing"}, "nothing"},
      {{"run", shipped("nops"), "--setup", "TURBO"}, "SQ_REWIND"},
      {{"run", shipped("nops"), "--entries", "0"}, "EINVAL"},
      {{"run", shipped("nops"), "--backend", "gpu"}, "gpu"},
      {{"run", shipped("nops"), "--ops", "nobody"}, "nobody"},
      {{"run", shipped("cp"), "--fd", "in=/nonexistent:r"}, "/nonexistent"},
      {{"run", shipped("cp"), "--buffer", "buffers=lots"}, "lots"},
      {{"bench", "nothing.like.that"}, "loop.cp"},
  };
  for (const auto& c : cases) {
    const Output output = run(c.arguments);
    std::string line;
    for (const std::string& argument : c.arguments) line += " " + argument;
    EXPECT_EQ(output.status, 2) << line << "\n" << output.err;
    EXPECT_TRUE(contains(output.err + output.out, c.says)) << line << "\n" << output.err;
  }
}

TEST(Command, WhatCanNotBeLoadedExitsWith3) {
  Scratch scratch;
  const std::string whole = slurp(shipped("cp"));
  const std::string cases[] = {scratch.file("text", "this is no ELF file"), scratch.file("cut", whole.substr(0, 700)),
                               scratch.file("half", whole.substr(0, whole.size() / 2)), command};
  for (const std::string& path : cases)
    for (const char* subcommand : {"run", "verify", "inspect"}) {
      const Output output = run({subcommand, path});
      EXPECT_EQ(output.status, 3) << subcommand << " " << path << "\n" << output.err;
      EXPECT_FALSE(output.err.empty()) << path;
    }
}

TEST(Command, ARefusedProgramExitsWith3AndShowsTheLine) {
  for (const char* subcommand : {"run", "verify"}) {
    const Output output = run({subcommand, fixture("unsafe")});
    EXPECT_EQ(output.status, 3);
    const std::string all = output.out + output.err;
    EXPECT_TRUE(contains(all, "value = memory[64]")) << all;
    EXPECT_TRUE(contains(all, "unsafe.bpf.c")) << all;
    EXPECT_TRUE(contains(all, "invalid access to memory, mem_size=64 off=64 size=1")) << all;
  }
  const json report = run({"verify", fixture("unsafe"), "--json"}).parsed();
  EXPECT_EQ(report["programs"][0]["accepted"], false);
  const json refusal = report["programs"][0]["refusal"];
  EXPECT_EQ(refusal["source"]["line"], 10);
  EXPECT_EQ(refusal["errno"], "EACCES");
  EXPECT_EQ(refusal["rule"], "out-of-bounds");
  EXPECT_EQ(refusal["value"]["type"], "mem");
  EXPECT_EQ(refusal["value"]["made_at"]["line"], 8);
}

TEST(Command, VerifyExplainsThePathOfARefusal) {
  const Output output = run({"verify", fixture("unsafe"), "--explain"});
  EXPECT_EQ(output.status, 3);
  for (const char* part : {"How it gets there", "bpf_io_uring_get_region", "not taken", "refused"})
    EXPECT_TRUE(contains(output.out, part)) << part << " is missing in\n" << output.out;
  EXPECT_FALSE(contains(output.out, "\033")) << "colours, though this is no terminal";
  const json path = run({"verify", fixture("unsafe"), "--explain", "--json"}).parsed()["programs"][0]["path"];
  ASSERT_GE(path.size(), 3u);
  EXPECT_EQ(path.back()["note"], "refused");
  EXPECT_EQ(path.back()["source"]["line"], 10);
  for (const json& step : path) {
    if (contains(step["instruction"], "bpf_io_uring_get_region")) {
      EXPECT_TRUE(contains(step["note"], "or NULL")) << step;
    }
  }
}

TEST(Command, VerifyHasColoursOnATerminalOnly) {
  if (std::system("command -v script >/dev/null") != 0) GTEST_SKIP() << "no script(1), which makes a terminal";
  const auto on_a_terminal = [](const std::string& environment) {
    const std::string line = environment + " script -qec '" + command + " verify " + fixture("unsafe") + "' /dev/null";
    FILE* pipe = popen(line.c_str(), "r");
    std::string text;
    for (int c; (c = fgetc(pipe)) != EOF;) text += static_cast<char>(c);
    pclose(pipe);
    return text;
  };
  const std::string coloured = on_a_terminal("env -u NO_COLOR"), plain = on_a_terminal("NO_COLOR=1");
  EXPECT_TRUE(contains(coloured, "value = memory[64]")) << coloured;
  EXPECT_TRUE(contains(coloured, "\033[31m")) << coloured;
  EXPECT_TRUE(contains(plain, "value = memory[64]")) << plain;
  EXPECT_FALSE(contains(plain, "\033")) << plain;
}

TEST(Command, VerifySaysWhatIsProvenAndWhatItTook) {
  const Output output = run({"verify", shipped("cp"), "--stats"});
  EXPECT_EQ(output.status, 0) << output.err;
  for (const char* part : {"memory  ", "termination  ", "references  ", "submits  ", "by bpf_io_uring_submit_sqes()",
                           "PROGRAM", "peak states"})
    EXPECT_TRUE(contains(output.out, part)) << part << " is missing in\n" << output.out;
  const json program = run({"verify", shipped("cp"), "--json"}).parsed()["programs"][0];
  EXPECT_GE(program["states_total"], program["states_peak"]);
  EXPECT_GT(program["states_peak"], 0);
  EXPECT_EQ(program["proven"].size(), 4u);
}

TEST(Command, InspectShowsWhatIsInAnObject) {
  const Output output = run({"inspect", fixture("globals")});
  ASSERT_EQ(output.status, 0) << output.err;
  for (const char* part : {"first_ops", "second_ops", "loop_step = first", "settings", "struct settings", ".bss",
                           "Dual MIT/GPL", "exit", "; result = 1;", "globals.bpf.c:"})
    EXPECT_TRUE(contains(output.out, part)) << part << " is missing in\n" << output.out;
  EXPECT_EQ(run({"inspect", fixture("globals"), "--json"}).parsed()["struct_ops"].size(), 2u);
}

TEST(Command, DoctorNamesTheBackend) {
  const Output output = run({"doctor", "--json"});
  ASSERT_EQ(output.status, 0) << output.err;
  const json report = output.parsed();
  EXPECT_EQ(report["backend"], report["io_uring"] == true ? "host" : "threads");
  EXPECT_GE(report["threads"], 20) << "opcodes of the threads back-end";
}

TEST(Command, CopyOnBothBackends) {
  Scratch scratch;
  std::string content(1'000'003, 'x');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 2654435761u >> 13);
  const std::string in = scratch.file("in:with,odd name", content);
  for (const char* backend : {"host", "threads"}) {
    const std::string out = scratch.file(std::string("out-") + backend);
    const Output output =
        run({"run", shipped("cp"), "--backend", backend, "--fd", "in=" + in + ":r", "--fd",
             "out=" + out + ":w,create,trunc", "--buffer", "buffers=1M", "--set", "depth=8", "--set", "chunk=131072",
             "--show", "copied", "--json"});
    if (output.status == 2 && contains(output.err, "io_uring_setup")) GTEST_SKIP() << "no io_uring here";
    ASSERT_EQ(output.status, 0) << output.out << output.err;
    EXPECT_EQ(output.parsed()["variables"]["copied"], content.size());
    EXPECT_TRUE(slurp(out) == content);
  }
}

}  // namespace
