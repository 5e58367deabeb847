/* Decisions of storage: caches, journals, rate limits, trees. */
#include "shared.h"

struct slot {
  __u64 block, used_ns;
  __u32 state, buffer;
};
struct cache {
  struct slot slots[32];
  __u32 hand, hits, misses;
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct cache);
} caches SEC(".maps");

const volatile __u32 burst = 64, rate = 1000, depth_max = 12;
__u64 tokens, last_ns, written;
__u32 queue[64], queue_head, queue_tail;

static __always_inline struct cache* the_cache(void) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&caches, &zero);
}

PROGRAM(cache_lookup) {
  struct cache* c = the_cache();
  __u64 wanted = written;
  if (!c) return -1;
  for (int i = 0; i < 32; i++)
    if (c->slots[i].block == wanted && c->slots[i].state) {
      c->hits++;
      c->slots[i].used_ns = bpf_ktime_get_ns();
      return i;
    }
  c->misses++;
  return -1;
}

PROGRAM(cache_oldest) {
  struct cache* c = the_cache();
  __u64 oldest = ~0ull;
  __u32 found = 0, i;
  if (!c) return -1;
  bpf_for(i, 0, 32) if (c->slots[i & 31].used_ns < oldest) oldest = c->slots[i & 31].used_ns, found = i;
  if (found > 31) return -1;
  c->slots[found].state = 0;
  return (int)found;
}

PROGRAM(cache_clock) {
  struct cache* c = the_cache();
  if (!c) return -1;
  __u32 hand = c->hand;
#pragma clang loop unroll(disable)
  for (int i = 0; i < 64; i++) {
    struct slot* s = &c->slots[hand & 31];
    hand++;
    if (s->state == 2) {
      s->state = 1;
      continue;
    }
    c->hand = hand;
    return (int)s->buffer;
  }
  return -1;
}

PROGRAM(token_bucket) {
  __u64 now = bpf_ktime_get_ns(), passed = now - last_ns;
  __u64 earned = passed / 1000000 * rate / 1000;
  last_ns = now;
  tokens = tokens + earned > burst ? burst : tokens + earned;
  if (!tokens) return 0;
  tokens--;
  return 1;
}

PROGRAM(enqueue) {
  __u32 tail = queue_tail;
  if (tail - queue_head >= 64) return 1;
  queue[tail & 63] = bpf_get_prandom_u32();
  queue_tail = tail + 1;
  return 0;
}

PROGRAM(dequeue_all) {
  __u64 sum = 0;
  int i;
  bpf_for(i, 0, 64) {
    if (queue_head == queue_tail) break;
    sum += queue[queue_head++ & 63];
  }
  return (int)sum;
}

/* A heap in a map's value: sifts the root down. */
PROGRAM(heap) {
  struct block* b = block_at(9);
  if (!b) return 1;
  __u32* heap = (__u32*)b->bytes;
  __u32 at = 0;
#pragma clang loop unroll(disable)
  for (int level = 0; level < 9; level++) {
    __u32 child = at * 2 + 1;
    if (child >= 1022) break;
    if (heap[child + 1] < heap[child]) child++;
    if (heap[at & 1023] <= heap[child]) break;
    __u32 t = heap[at & 1023];
    heap[at & 1023] = heap[child];
    heap[child] = t;
    at = child;
  }
  return 0;
}

/* Nodes of 16 keys each in blocks: from the root to a leaf. */
PROGRAM(tree) {
  __u32 node = 0;
  __u64 key = written;
#pragma clang loop unroll(disable)
  for (__u32 depth = 0; depth < 4; depth++) {
    struct block* b = block_at(node);
    if (!b) return -1;
    __u64* keys = (__u64*)b->bytes;
    __u32 i = 0;
#pragma clang loop unroll(disable)
    for (; i < 16; i++)
      if (key < keys[i]) break;
    if (i > 16) return -2;
    node = (__u32)keys[16 + i];
    if (node >= 16) return (int)node;
  }
  return -3;
}

PROGRAM(binary_search) {
  struct block* b = block_at(10);
  if (!b) return -1;
  __u64* keys = (__u64*)b->bytes;
  __u32 low = 0, high = 512;
#pragma clang loop unroll(disable)
  for (int i = 0; i < 10; i++) {
    __u32 middle = (low + high) / 2;
    if (low >= high || middle >= 512) break;
    if (keys[middle] < written)
      low = middle + 1;
    else
      high = middle;
  }
  return (int)low;
}

/* Records of a journal, one behind the other, until one is broken. */
PROGRAM(journal) {
  struct block* b = block_at(11);
  __u32 at = 0, records = 0;
  int i;
  if (!b) return -1;
  bpf_for(i, 0, 100) {
    if (at > 4096 - 16) break;
    __u32 magic = *(__u32*)&b->bytes[at], length = *(__u32*)&b->bytes[at + 4];
    if (magic != 0x4a524e4c || length < 16 || length > 512) break;
    at += length;
    records++;
  }
  return (int)records;
}

static __noinline __u32 checksum(struct block* b, __u32 start, __u32 length) {
  __u32 sum = 0;
  int i;
  if (start > 3072 || length > 1024) return 0;
  bpf_for(i, 0, length) sum = sum * 31 + b->bytes[(start + i) & 4095];
  return sum;
}
PROGRAM(superblock) {
  struct block* b = block_at(12);
  if (!b) return 1;
  if (*(__u32*)b->bytes != 0x53555042) return 2;
  __u32 copies = *(__u32*)&b->bytes[8];
  if (copies > 3) return 3;
#pragma clang loop unroll(disable)
  for (__u32 i = 0; i < 3; i++) {
    if (i >= copies) break;
    if (checksum(b, 64 + i * 512, 508) == *(__u32*)&b->bytes[60]) return 0;
  }
  return 4;
}

PROGRAM(plan_stripes) {
  struct event {
    __u64 offset[12];
    __u32 disk[12], count;
  }* plan = bpf_ringbuf_reserve(&events, sizeof(*plan), 0);
  if (!plan) return 1;
  __u64 at = written;
  __u32 n = 0;
#pragma clang loop unroll(disable)
  for (__u32 i = 0; i < depth_max && i < 12; i++) {
    plan->offset[i] = at / 5 * 65536;
    plan->disk[i] = (__u32)(at % 5);
    at++;
    n++;
  }
  plan->count = n;
  bpf_ringbuf_submit(plan, 0);
  return 0;
}
