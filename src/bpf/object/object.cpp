// Reading an object, as a table of contents.
#include "bpf/object/object.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/fd.hpp"
#include "bpf/object/reader.hpp"

namespace ring3::bpf {

namespace {
constexpr uint64_t FILE_BYTES_MAX = 256 << 20;
}

ObjectReader::ObjectReader(ElfFile elf, std::string name)
    : elf_(std::move(elf)), roles_(elf_.sections.size()) {
  object_->name = std::move(name);
  for (uint32_t i = 1; i < elf_.symbols.size(); i++) {
    if (elf_.symbols[i].section) symbols_by_name_.emplace(elf_.symbols[i].name, i);
  }
}

Result<std::shared_ptr<const Object>> ObjectReader::run() {
  TRY_VOID(assign_roles());     // every section has a meaning, or is not needed
  TRY_VOID(read_license());     //
  TRY_VOID(read_types());       // BTF is there and sound
  TRY_VOID(place_sections());   // variables have their offsets, inside their sections
  TRY_VOID(read_maps());        // every definition is understood in full
  TRY_VOID(read_externs());     // undefined symbols are kfuncs
  TRY_VOID(read_code());        // every instruction belongs to one function
  TRY_VOID(relocate_code());    // every reference of an instruction leads to something that exists
  TRY_VOID(read_extended());    // lines, function types and CO-RE relocations, in order
  TRY_VOID(read_struct_ops());  // callbacks are functions of the object
  return object_;
}

namespace {

Result<std::shared_ptr<const Object>> read(std::span<const std::byte> file, const std::string& name) {
  auto elf = TRY(ElfFile::read(file, name));
  return ObjectReader(std::move(elf), name).run();
}

}  // namespace

Result<std::shared_ptr<const Object>> Object::parse(std::span<const std::byte> file, std::string name) {
  auto object = read(file, name);
  // What is at fault may have no name of its own.
  if (!object && object.error().place.empty()) object.error().place = std::move(name);
  return object;
}

Result<std::shared_ptr<const Object>> Object::open(const std::string& path) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail(errno, path, "the file can't be opened");
  struct stat status;
  if (fstat(fd.get(), &status)) return fail(errno, path, "the file can't be read");
  if (!S_ISREG(status.st_mode)) return fail(EINVAL, path, "it is no regular file");
  if (uint64_t(status.st_size) > FILE_BYTES_MAX)
    return fail(EFBIG, path, "{} bytes are no BPF object: at most {} are read", status.st_size,
                FILE_BYTES_MAX);
  std::vector<std::byte> bytes(status.st_size);
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t count = ::read(fd.get(), bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(errno, path, "the file can't be read");
    if (count == 0) bytes.resize(done);  // it shrank meanwhile
    done += count;
  }
  return parse(bytes, path.substr(path.rfind('/') + 1));
}

}  // namespace ring3::bpf
