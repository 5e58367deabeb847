/* Parsing of packets and messages, with bounds checked at every step, and accounting of what was found. */
#include "shared.h"

struct packet {
  __u8 bytes[2048];
  __u32 length;
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 8);
  __type(key, __u32);
  __type(value, struct packet);
} packets SEC(".maps");

static __always_inline struct packet* packet_at(__u32 i) { return bpf_map_lookup_elem(&packets, &i); }
static __always_inline __u16 swap16(__u16 x) { return (__u16)(x << 8 | x >> 8); }

/* Offset of the transport header, or a negative number. */
static __always_inline int parse_ip(struct packet* p, struct flow* flow) {
  __u32 length = p->length;
  if (length > sizeof(p->bytes) || length < 34) return -1;
  if (swap16(*(__u16*)&p->bytes[12]) != 0x0800) return -2;
  __u8 header = (p->bytes[14] & 15) * 4;
  if (header < 20 || 14u + header > length) return -3;
  flow->protocol = p->bytes[23];
  flow->source = *(__u32*)&p->bytes[26];
  flow->target = *(__u32*)&p->bytes[30];
  return 14 + header;
}

static __always_inline int parse_ports(struct packet* p, int at, struct flow* flow) {
  if (at < 14 || at > 2000 || (__u32)at + 4 > p->length) return -4;
  flow->source_port = swap16(*(__u16*)&p->bytes[at]);
  flow->target_port = swap16(*(__u16*)&p->bytes[at + 2]);
  return 0;
}

static __noinline int parse(struct packet* p, struct flow* flow) {
  int at = parse_ip(p, flow);
  if (at < 0) return at;
  if (flow->protocol == 6 || flow->protocol == 17) return parse_ports(p, at, flow);
  return 0;
}

static __noinline void account(struct flow* flow, __u32 bytes) {
  struct counters* c = bpf_map_lookup_elem(&flows, flow);
  if (!c) {
    struct counters fresh = {.packets = 1, .bytes = bytes};
    bpf_map_update_elem(&flows, flow, &fresh, BPF_NOEXIST);
    return;
  }
  __sync_fetch_and_add(&c->packets, 1);
  __sync_fetch_and_add(&c->bytes, bytes);
  c->last_ns = bpf_ktime_get_ns();
  __u32 bucket = bytes >> 7;
  if (bucket > 15) bucket = 15;
  c->buckets[bucket]++;
}

PROGRAM(one_packet) {
  struct packet* p = packet_at(0);
  struct flow flow = {};
  if (!p || parse(p, &flow)) return 1;
  account(&flow, p->length);
  return 0;
}

PROGRAM(all_packets) {
  int i;
  bpf_for(i, 0, 8) {
    struct packet* p = packet_at((__u32)i);
    struct flow flow = {};
    if (!p || parse(p, &flow)) continue;
    account(&flow, p->length);
  }
  return 0;
}

PROGRAM(internet_checksum) {
  struct packet* p = packet_at(0);
  __u32 sum = 0;
  if (!p) return 0;
  __u32 length = p->length;
  for (__u32 i = 0; i + 1 < 1500; i += 2) {
    if (i + 1 >= length) break;
    sum += *(__u16*)&p->bytes[i];
  }
  sum = (sum & 0xffff) + (sum >> 16);
  return (int)(~(sum + (sum >> 16)) & 0xffff);
}

/* Options of TCP: kind, length, value, at most ten. */
PROGRAM(tcp_options) {
  struct packet* p = packet_at(0);
  if (!p) return 0;
  __u32 at = 54, end = p->length;
  int size = 0;
  if (end > 1500) return 0;
#pragma clang loop unroll(disable)
  for (int i = 0; i < 10; i++) {
    if (at + 4 > end || at > 1400) break;
    __u8 kind = p->bytes[at], length = p->bytes[at + 1];
    if (kind == 0) break;
    if (kind == 1) {
      at++;
      continue;
    }
    if (length < 2 || length > 40) break;
    if (kind == 2) size = p->bytes[at + 2] << 8 | p->bytes[at + 3];
    at += length;
  }
  return size;
}

PROGRAM(report) {
  struct event {
    struct flow flow;
    __u64 when;
    char comment[16];
  }* event;
  struct packet* p = packet_at(2);
  if (!p) return 1;
  event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) return 2;
  if (parse(p, &event->flow)) {
    bpf_ringbuf_discard(event, 0);
    return 3;
  }
  event->when = bpf_ktime_get_ns();
  for (int i = 0; i < 16; i++) event->comment[i] = (char)p->bytes[40 + i];
  bpf_ringbuf_submit(event, 0);
  return 0;
}

static long add_up(void* map, struct flow* flow, struct counters* c, __u64* total) {
  if (flow->protocol == 6) *total += c->bytes;
  for (int i = 0; i < 16; i++) *total += c->buckets[i];
  return 0;
}
PROGRAM(total) {
  __u64 total = 0;
  bpf_for_each_map_elem(&flows, add_up, &total, 0);
  return (int)total;
}

__noinline int hash_of(struct flow* flow, int seed) {
  __u32 h = (__u32)seed;
  if (!flow) return 0;
  __u32* words = (__u32*)flow;
  for (int i = 0; i < 4; i++) {
    h ^= words[i] * 0xcc9e2d51;
    h = h << 13 | h >> 19;
    h = h * 5 + 0xe6546b64;
  }
  return (int)(h ^ h >> 16);
}
PROGRAM(balance) {
  struct packet* p = packet_at(3);
  struct flow flow = {};
  if (!p || parse(p, &flow)) return -1;
  return (__u32)hash_of(&flow, 7) % 5;
}

PROGRAM(through_a_dynptr) {
  struct packet* p = packet_at(6);
  struct bpf_dynptr whole;
  struct flow flow;
  if (!p || bpf_dynptr_from_mem(p->bytes, sizeof(p->bytes), 0, &whole)) return 1;
  if (bpf_dynptr_read(&flow, sizeof(flow), &whole, 26, 0)) return 2;
  __u8* head = bpf_dynptr_data(&whole, 0, 64);
  if (!head) return 3;
  for (int i = 0; i < 32; i++) head[i] ^= head[63 - i];
  return flow.source == flow.target;
}
