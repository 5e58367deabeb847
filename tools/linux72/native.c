/* native OBJECT VAR=VALUE… [--show VAR…]: what `ring3 run` does, on a kernel that runs loop_step itself, by libbpf.
 * VALUE is a number, a fact of the ring (@sq.head …), fd:PATH (opened for reading), fd:PATH:w (created) or buf:BYTES. */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REGION_BYTES 65536
#define REGISTER_MEM_REGION 34

/* Debian 13's libbpf.a was built against a newer C library; these are the functions that differ in name. */
long __isoc23_strtol(const char* s, char** end, int base) { return strtol(s, end, base); }
unsigned long __isoc23_strtoul(const char* s, char** end, int base) { return strtoul(s, end, base); }
unsigned long long __isoc23_strtoull(const char* s, char** end, int base) { return strtoull(s, end, base); }
int __isoc23_sscanf(const char* text, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int count = vsscanf(text, format, arguments);
  va_end(arguments);
  return count;
}
int __isoc23_fscanf(FILE* file, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int count = vfscanf(file, format, arguments);
  va_end(arguments);
  return count;
}

static struct bpf_object* object;
static struct io_uring_params params;
static void* region;

static void die(const char* what) {
  fprintf(stderr, "native: %s: %s\n", what, strerror(errno));
  exit(1);
}

struct variable {
  struct bpf_map* map;
  __u32 offset, size;
};

static struct bpf_map* section_map(const char* section) {
  struct bpf_map* map;
  bpf_object__for_each_map(map, object) {
    const char* name = bpf_map__name(map);
    if (strlen(name) >= strlen(section) && !strcmp(name + strlen(name) - strlen(section), section)) return map;
  }
  return NULL;
}

/* NAME or NAME.MEMBER. */
static struct variable find(const char* path) {
  const struct btf* btf = bpf_object__btf(object);
  char name[128];
  snprintf(name, sizeof name, "%s", path);
  char* member = strchr(name, '.');
  if (member) *member++ = 0;
  for (__u32 id = 1; id < btf__type_cnt(btf); id++) {
    const struct btf_type* section = btf__type_by_id(btf, id);
    if (!btf_is_datasec(section)) continue;
    for (int i = 0; i < btf_vlen(section); i++) {
      const struct btf_var_secinfo* info = &btf_var_secinfos(section)[i];
      const struct btf_type* type = btf__type_by_id(btf, info->type);
      if (strcmp(btf__name_by_offset(btf, type->name_off), name)) continue;
      struct variable found = {section_map(btf__name_by_offset(btf, section->name_off)), info->offset, info->size};
      if (!member) return found;
      type = btf__type_by_id(btf, btf__resolve_type(btf, type->type));
      for (int m = 0; m < btf_vlen(type); m++) {
        if (strcmp(btf__name_by_offset(btf, btf_members(type)[m].name_off), member)) continue;
        found.offset += btf_members(type)[m].offset / 8;
        found.size = btf__resolve_size(btf, btf_members(type)[m].type);
        return found;
      }
    }
  }
  fprintf(stderr, "native: no variable %s\n", path);
  exit(2);
}

static void set(const char* path, unsigned long long value) {
  struct variable variable = find(path);
  size_t size;
  char* initial = bpf_map__initial_value(variable.map, &size);
  memcpy(initial + variable.offset, &value, variable.size);
}

static void show(const char* path) {
  struct variable variable = find(path);
  long long value = 0;
  __u32 key = 0;
  char* bytes = malloc(bpf_map__value_size(variable.map));
  if (bpf_map_lookup_elem(bpf_map__fd(variable.map), &key, bytes)) die("lookup");
  memcpy(&value, bytes + variable.offset, variable.size);
  printf("%s=%lld\n", path, value);
  free(bytes);
}

static unsigned long long open_as(char* path) {
  char* mode = strrchr(path, ':');
  if (mode) *mode = 0;
  int fd = open(path, mode ? O_RDWR | O_CREAT | O_TRUNC : O_RDONLY, 0644);
  if (fd < 0) die(path);
  return fd;
}

static unsigned long long parse(char* text) {
  const struct {
    const char* name;
    unsigned long long value;
  } facts[] = {{"@sq.head", params.sq_off.head},       {"@sq.tail", params.sq_off.tail},
               {"@sq.entries", params.sq_entries},     {"@cq.head", params.cq_off.head},
               {"@cq.tail", params.cq_off.tail},       {"@cq.entries", params.cq_entries},
               {"@cq.cqes", params.cq_off.cqes},       {"@region.addr", (unsigned long)region},
               {"@region.size", REGION_BYTES}};
  for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
    if (!strcmp(text, facts[i].name)) return facts[i].value;
  if (!strncmp(text, "fd:", 3)) return open_as(text + 3);
  if (!strncmp(text, "buf:", 4))
    return (unsigned long)mmap(0, strtoul(text + 4, 0, 0), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return strtoull(text, 0, 0);
}

static int set_up_ring(void) {
  params.flags = 1u << 12 | 1u << 13; /* SINGLE_ISSUER, DEFER_TASKRUN */
  int fd = syscall(__NR_io_uring_setup, 128, &params);
  if (fd < 0) die("io_uring_setup");
  const size_t bytes = params.sq_off.array + params.sq_entries * sizeof(__u32);
  char* ring = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
  if (ring == MAP_FAILED) die("mmap");
  for (__u32 i = 0; i < params.sq_entries; i++) ((__u32*)(ring + params.sq_off.array))[i] = i;
  region = mmap(0, REGION_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  struct {
    __u64 address, size;
    __u32 flags, id;
    __u64 offset, reserved[4];
  } descriptor = {(unsigned long)region, REGION_BYTES, 1};
  struct {
    __u64 descriptor, flags, reserved[2];
  } registration = {(unsigned long)&descriptor};
  if (syscall(__NR_io_uring_register, fd, REGISTER_MEM_REGION, &registration, 1) < 0) die("region");
  return fd;
}

static struct bpf_map* find_ops(int ring_fd) {
  struct bpf_map* map;
  bpf_object__for_each_map(map, object) {
    if (bpf_map__type(map) != BPF_MAP_TYPE_STRUCT_OPS) continue;
    size_t size;
    char* value = bpf_map__initial_value(map, &size);
    memcpy(value + 8, &ring_fd, sizeof(int)); /* io_uring_bpf_ops.ring_fd */
    bpf_map__set_autoattach(map, false);
    return map;
  }
  errno = ENOENT;
  die("struct_ops");
  return NULL;
}

int main(int argc, char** argv) {
  const int ring_fd = set_up_ring();
  object = argc > 1 ? bpf_object__open(argv[1]) : NULL;
  if (!object) die("open");
  char layout[][32] = {"ring.sq_head=@sq.head", "ring.sq_tail=@sq.tail", "ring.sq_entries=@sq.entries",
                       "ring.cq_head=@cq.head", "ring.cq_tail=@cq.tail", "ring.cq_entries=@cq.entries",
                       "ring.cqes=@cq.cqes"};
  char* settings[argc + 7];
  int count = 0, i = 2;
  for (int word = 0; word < 7; word++) settings[count++] = layout[word];
  for (; i < argc && strcmp(argv[i], "--show"); i++) settings[count++] = argv[i];
  for (int s = 0; s < count; s++) {
    char* value = strchr(settings[s], '=');
    if (!value) die(settings[s]);
    *value++ = 0;
    set(settings[s], parse(value));
  }
  struct bpf_map* ops = find_ops(ring_fd);
  if (bpf_object__load(object)) die("load");
  struct bpf_link* link = bpf_map__attach_struct_ops(ops);
  if (!link) die("attach");
  const long result = syscall(__NR_io_uring_enter, ring_fd, 0, 0, 0, NULL, 0);
  printf("enter=%ld\n", result < 0 ? -errno : result);
  for (i++; i < argc; i++) show(argv[i]);
  return result < 0;
}
