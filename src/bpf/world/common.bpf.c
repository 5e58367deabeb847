// The types and kfunc prototypes of every world, as Linux 7.2 declares them. Only the BTF of this file is
// used; bodies are there because clang describes nothing but definitions.

typedef unsigned char __u8;
typedef int __s32;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef __u32 u32;
typedef __u64 u64;

struct bpf_iter_num {
  __u64 __opaque[1];
} __attribute__((aligned(8)));

struct bpf_dynptr {
  __u64 __opaque[2];
} __attribute__((aligned(8)));

int bpf_iter_num_new(struct bpf_iter_num* it, int start, int end) { return 0; }
int* bpf_iter_num_next(struct bpf_iter_num* it) { return 0; }
void bpf_iter_num_destroy(struct bpf_iter_num* it) {}

void* bpf_dynptr_slice(const struct bpf_dynptr* p, u64 offset, void* buffer__opt, u64 buffer__szk) { return 0; }
void* bpf_dynptr_slice_rdwr(const struct bpf_dynptr* p, u64 offset, void* buffer__opt, u64 buffer__szk) {
  return 0;
}
int bpf_dynptr_adjust(const struct bpf_dynptr* p, u64 start, u64 end) { return 0; }
_Bool bpf_dynptr_is_null(const struct bpf_dynptr* p) { return 0; }
_Bool bpf_dynptr_is_rdonly(const struct bpf_dynptr* p) { return 0; }
u64 bpf_dynptr_size(const struct bpf_dynptr* p) { return 0; }
void* bpf_arena_alloc_pages(void* p__map, void* addr__ign, u32 page_cnt, int node_id, u64 flags) { return 0; }
void bpf_arena_free_pages(void* p__map, void* ptr__ign, u32 page_cnt) {}

int bpf_dynptr_clone(const struct bpf_dynptr* p, struct bpf_dynptr* clone__uninit) { return 0; }
