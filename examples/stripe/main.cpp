// Keeps a file as a RAID-5 stripe set over k + 1 files, any one of which may be lost. Parity and checksums
// are made by BPF programs between the reads and the writes, in the same chains of requests.
//
//   stripe write SOURCE FOLDER [--data K] [--unit BYTES]    makes FOLDER/member-0 … member-K; goes on where a
//   write
//                                                            that was killed had come to
//   stripe read FOLDER TARGET                                what is lost or damaged is rebuilt from the rest
//   stripe check FOLDER                                      says which stripes are whole
//
//   --backend host|threads
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "engine.hpp"
#include "examine.hpp"
#include "set.hpp"
#include "write.hpp"

namespace {

struct Command {
  std::vector<std::string> words;
  Shape shape;
  ring3::BackendKind backend = ring3::BackendKind::Auto;
};

[[noreturn]] void usage() {
  std::fprintf(stderr,
               "usage: stripe write SOURCE FOLDER [--data 1..16] [--unit BYTES]\n"
               "       stripe read FOLDER TARGET\n"
               "       stripe check FOLDER\n"
               "       each with [--backend host|threads]\n");
  std::exit(2);
}

Command parse(int argc, char** argv) {
  Command command;
  for (int i = 1; i < argc; i++) {
    const std::string_view word = argv[i];
    if (!word.starts_with("--")) {
      command.words.emplace_back(word);
      continue;
    }
    if (++i == argc) usage();
    const std::string_view value = argv[i];
    const unsigned long number = std::strtoul(argv[i], nullptr, 10);
    if (word == "--data" && number >= 1 && number <= kDataMax) {
      command.shape.data = static_cast<uint32_t>(number);
    } else if (word == "--unit" && number >= 512 && number <= (16 << 20)) {
      command.shape.unit = static_cast<uint32_t>(number);
    } else if (word == "--backend" && (value == "host" || value == "threads")) {
      command.backend = value == "host" ? ring3::BackendKind::Host : ring3::BackendKind::Threads;
    } else {
      usage();
    }
  }
  return command;
}

int open_or_die(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC, 0666);
  if (fd < 0) die("%s: %s", path.c_str(), std::strerror(errno));
  return fd;
}

Set open_set(const std::string& folder) {
  auto set = Set::open(folder, false);
  if (!set) die("%s holds no stripe set", folder.c_str());
  for (const unsigned member : set->missing()) std::printf("member %u is missing\n", member);
  return std::move(*set);
}

// "0-511, 600"
std::string ranges(const std::vector<bool>& stripes, bool which) {
  std::string text;
  for (size_t i = 0; i < stripes.size(); i++) {
    if (stripes[i] != which) continue;
    const size_t first = i;
    while (i + 1 < stripes.size() && stripes[i + 1] == which) i++;
    text += (text.empty() ? "" : ", ") + std::to_string(first) + (i > first ? "-" + std::to_string(i) : "");
  }
  return text.empty() ? "none" : text;
}

void print_whole(const std::vector<bool>& whole) {
  std::printf("%zu of %zu stripes are whole: %s\n", static_cast<size_t>(std::ranges::count(whole, true)),
              whole.size(), ranges(whole, true).c_str());
}

// A set that a write which was killed left behind, or a new one.
Set begin_write(const std::string& folder, const Shape& shape) {
  if (auto set = Set::open(folder, true)) {
    if (set->shape() != shape)
      die("%s holds the stripe set of another file; remove it first", folder.c_str());
    if (set->missing().empty()) return std::move(*set);
    // A write that was killed before it began may have made some of the members only.
    if (set->has_any_record())
      die("member %u is missing: read the set, and write it anew", set->missing().front());
  }
  return Set::create(folder, shape);
}

int write_set(Command& command) {
  if (command.words.size() != 3) usage();
  const int source = open_or_die(command.words[1], O_RDONLY);
  struct stat status;
  if (fstat(source, &status) != 0) die("%s: %s", command.words[1].c_str(), std::strerror(errno));
  command.shape.size = static_cast<uint64_t>(status.st_size);
  command.shape.source_time_ns = static_cast<uint64_t>(status.st_mtim.tv_sec) * 1'000'000'000 +
                                 static_cast<uint64_t>(status.st_mtim.tv_nsec);
  Engine engine(command.backend, command.shape);
  Set set = begin_write(command.words[2], command.shape);
  std::vector<bool> whole(set.shape().stripes());
  if (set.has_any_record()) {
    whole = find_whole(set, engine, "checking");
    print_whole(whole);
  }
  write_stripes(set, engine, source, whole);
  std::printf("%zu stripes are written\n", static_cast<size_t>(std::ranges::count(whole, false)));
  return 0;
}

int read_set(const Command& command) {
  if (command.words.size() != 3) usage();
  Set set = open_set(command.words[1]);
  const Shape& shape = set.shape();
  Engine engine(command.backend, shape);
  const int target = open_or_die(command.words[2], O_WRONLY | O_CREAT | O_TRUNC);
  uint64_t rebuilt = 0, lost = 0;
  Examiner examiner(set, engine, [&](uint64_t stripe, unsigned slot, const std::vector<Unit>& units) {
    const auto bad = units.size() - static_cast<size_t>(std::ranges::count(units, Unit::Good));
    if (bad > 1) {
      std::printf("stripe %llu is lost\n", static_cast<unsigned long long>(stripe));
      lost++;
      return false;
    }
    const auto at = static_cast<unsigned>(
        std::ranges::find_if(units, [](Unit u) { return u != Unit::Good; }) - units.begin());
    engine.begin(examiner.chain_of(slot, 0), 2);
    if (at < shape.data) {
      engine.parity(slot, at);
      rebuilt++;
    }
    engine.write(target, engine.unit(slot, 0), shape.bytes_in(stripe), stripe * shape.stripe_bytes());
    engine.end();
    return true;
  });
  examiner.run("reading");
  if (ftruncate(target, static_cast<off_t>(shape.size)) != 0 || fsync(target) != 0)
    die("%s: %s", command.words[2].c_str(), std::strerror(errno));
  std::printf("%llu of %llu stripes are read, %llu of them rebuilt\n",
              static_cast<unsigned long long>(shape.stripes() - lost),
              static_cast<unsigned long long>(shape.stripes()), static_cast<unsigned long long>(rebuilt));
  return lost ? 1 : 0;
}

int check_set(const Command& command) {
  if (command.words.size() != 2) usage();
  Set set = open_set(command.words[1]);
  Engine engine(command.backend, set.shape());
  const std::vector<bool> whole = find_whole(set, engine, "checking");
  print_whole(whole);
  return std::ranges::count(whole, false) ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  Command command = parse(argc, argv);
  if (command.words.empty()) usage();
  if (command.words[0] == "write") return write_set(command);
  if (command.words[0] == "read") return read_set(command);
  if (command.words[0] == "check") return check_set(command);
  usage();
}
