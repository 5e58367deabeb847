// The structure of the tree is what src/CMakeLists.txt says: a folder includes only folders that its ring3_room() line
// names, the lines are in order from the ground up (so there is no cycle), and bpf and ring know nothing of each other.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
const fs::path source = fs::path(RING3_SOURCE_DIR) / "src";

std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Rooms {
  std::vector<std::string> order;
  std::map<std::string, std::set<std::string>> may_include;
};

Rooms declared_rooms() {
  Rooms rooms;
  const std::string text = read(source / "CMakeLists.txt");
  const std::regex room(R"(ring3_room\(([a-z_/]+)\s*((?:DEPENDS([^)]*?))?)(?:\sLINK[^)]*)?\))");
  for (std::sregex_iterator it(text.begin(), text.end(), room), end; it != end; ++it) {
    const std::string name = (*it)[1];
    rooms.order.push_back(name);
    std::stringstream depends((*it)[3].str());
    for (std::string word; depends >> word;) rooms.may_include[name].insert(word);
    rooms.may_include[name].insert(name);
  }
  return rooms;
}

// The folder of src/ that holds `path`, relative to src/.
std::string room_of(const fs::path& path) { return fs::relative(path, source).parent_path().generic_string(); }

struct Include {
  std::string from, room, to;  // file, its room, the room that it includes
};

std::vector<Include> includes() {
  std::vector<Include> found;
  const std::regex line("#include \"([^\"]+)\"");
  for (const auto& entry : fs::recursive_directory_iterator(source)) {
    const std::string extension = entry.path().extension();
    if (extension != ".cpp" && extension != ".hpp") continue;
    const std::string text = read(entry.path());
    for (std::sregex_iterator it(text.begin(), text.end(), line), end; it != end; ++it) {
      const std::string target = (*it)[1];
      if (target.starts_with("ring3/")) continue;  // the public headers
      found.push_back({fs::relative(entry.path(), source), room_of(entry.path()),
                       fs::path(target).parent_path().generic_string()});
    }
  }
  return found;
}

TEST(Structure, EveryFolderIsADeclaredRoom) {
  const Rooms rooms = declared_rooms();
  ASSERT_GE(rooms.order.size(), 15u);
  for (const auto& entry : fs::recursive_directory_iterator(source)) {
    if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp") continue;
    EXPECT_TRUE(rooms.may_include.contains(room_of(entry.path()))) << entry.path() << " is in no ring3_room()";
  }
}

TEST(Structure, RoomsDependOnlyOnThoseBelow) {
  const Rooms rooms = declared_rooms();
  std::set<std::string> below;
  for (const std::string& room : rooms.order) {
    for (const std::string& needed : rooms.may_include.at(room))
      EXPECT_TRUE(needed == room || below.contains(needed)) << room << " depends on " << needed << ", which is above it";
    below.insert(room);
  }
}

TEST(Structure, IncludesAreThoseDeclared) {
  const Rooms rooms = declared_rooms();
  const auto all = includes();
  ASSERT_GT(all.size(), 50u);
  for (const Include& include : all) {
    auto room = rooms.may_include.find(include.room);
    if (room == rooms.may_include.end()) continue;  // the test above says so
    EXPECT_TRUE(room->second.contains(include.to)) << include.from << " includes " << include.to;
  }
}

TEST(Structure, BpfAndRingKnowNothingOfEachOther) {
  for (const Include& include : includes()) {
    auto in = [](const std::string& room, const char* top) {
      return room == top || room.starts_with(std::string(top) + "/");
    };
    const bool from_bpf = in(include.room, "bpf");
    const bool from_ring = in(include.room, "ring") || in(include.room, "backend");
    EXPECT_FALSE(from_bpf && (in(include.to, "ring") || in(include.to, "backend") || in(include.to, "hooks")))
        << include.from << " includes " << include.to;
    EXPECT_FALSE(from_ring && (in(include.to, "bpf") || in(include.to, "hooks")))
        << include.from << " includes " << include.to;
  }
}

}  // namespace
