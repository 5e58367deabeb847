// Kfuncs that do nothing, one for each kind of argument and result that the verifier knows. Only the BTF is used.
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

struct thing {
  u32 number;
  u8 bytes[10];
  struct {
    u32 first, second;
  } inner;
  struct thing* next;
  u64 last;
};

struct thing* ring3_test_acquire(u32 number) { return 0; }
void ring3_test_release(struct thing* thing) {}
int ring3_test_look(struct thing* thing) { return 0; }
int ring3_test_maybe(struct thing* thing__nullable) { return 0; }
int ring3_test_read(const void* data, u32 data__sz) { return 0; }
int ring3_test_fill(void* data, u32 data__sz) { return 0; }
int ring3_test_read_constant(const void* data__opt, u32 data__szk) { return 0; }
int ring3_test_constant(u32 number__k) { return 0; }
int ring3_test_make(u64* number__uninit) { return 0; }
int ring3_test_change(u64* number) { return 0; }
int ring3_test_see(const u64* number) { return 0; }
int ring3_test_ignore(void* anything__ign, int number) { return 0; }
int ring3_test_string(const char* text__str) { return 0; }
int ring3_test_map(void* which__map) { return 0; }
void* ring3_test_rdonly(u32 rdonly_buf_size) { return 0; }
void* ring3_test_rdwr(u32 rdwr_buf_size) { return 0; }
