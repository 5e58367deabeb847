// The types and kfunc prototypes for the buffers of requests, as they were posted for Linux. Only the BTF of this file
// is used; bodies are there because clang describes nothing but definitions.

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef long ssize_t;

struct uring_bpf_data;
struct bpf_dynptr {
  __u64 __opaque[2];
} __attribute__((aligned(8)));

struct io_bpf_buf_desc {
  __u8 type;
  __u8 reserved;
  __u16 buf_index;
  __u32 len;
  __u64 addr;
};

struct bpf_iter_uring_buf {
  __u64 __opaque[12];
} __attribute__((aligned(8)));

int bpf_iter_uring_buf_new(struct bpf_iter_uring_buf* it, struct uring_bpf_data* data, struct io_bpf_buf_desc* desc,
                           int direction) {
  return 0;
}
int* bpf_iter_uring_buf_next(struct bpf_iter_uring_buf* it) { return 0; }
void bpf_iter_uring_buf_destroy(struct bpf_iter_uring_buf* it) {}
int bpf_uring_buf_dynptr(struct bpf_iter_uring_buf* it__iter, struct bpf_dynptr* ptr__uninit) { return 0; }
int bpf_uring_buf_dynptr_rdwr(struct bpf_iter_uring_buf* it__iter, struct bpf_dynptr* ptr__uninit) { return 0; }
ssize_t uring_bpf_memcpy(const struct uring_bpf_data* data, struct io_bpf_buf_desc* dst,
                         struct io_bpf_buf_desc* src) {
  return 0;
}
