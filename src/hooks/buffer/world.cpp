#include "hooks/buffer/world.hpp"

#include <span>

#include "bpf/world/native.hpp"
#include "hooks/buffer/chunks.hpp"
#include "hooks/operation/operations.hpp"

extern "C" {
extern const unsigned char ring3_hooks_buffer_btf[];
extern const uint64_t ring3_hooks_buffer_btf_size;
}

namespace ring3::hooks {

namespace {

using namespace bpf;

const ring::Buffers& buffers(const Machine& machine) {
  return static_cast<const Operations*>(machine.context)->ring().buffers();
}

int iterator_new(Machine& machine, BufferIterator* iterator, const void*, const BufferDescriptor* descriptor,
                 int32_t direction) {
  return iterator->open(buffers(machine), *descriptor, direction);
}
int32_t* iterator_next(BufferIterator* iterator) { return iterator->next(); }
void iterator_destroy(BufferIterator* iterator) { iterator->close(); }
int dynptr(const BufferIterator* iterator, Dynptr* made) { return iterator->make_dynptr(*made, false); }
int dynptr_rdwr(const BufferIterator* iterator, Dynptr* made) { return iterator->make_dynptr(*made, true); }
ssize_t copy(Machine& machine, const void*, const BufferDescriptor* destination,
             const BufferDescriptor* source) {
  return copy_buffer(buffers(machine), *destination, *source);
}

const Kfunc kKfuncs[] = {
    {"bpf_iter_uring_buf_new", KF_ITER_NEW, native<&iterator_new>},
    {"bpf_iter_uring_buf_next", KF_ITER_NEXT | KF_RET_NULL, native<&iterator_next>},
    {"bpf_iter_uring_buf_destroy", KF_ITER_DESTROY, native<&iterator_destroy>},
    {"bpf_uring_buf_dynptr", 0, native<&dynptr>},
    {"bpf_uring_buf_dynptr_rdwr", 0, native<&dynptr_rdwr>},
    {"uring_bpf_memcpy", 0, native<&copy>},
};

}  // namespace

void add_buffers(World::Builder& builder) {
  builder.types(std::as_bytes(std::span(ring3_hooks_buffer_btf, ring3_hooks_buffer_btf_size)))
      .kfuncs(kKfuncs);
}

}  // namespace ring3::hooks
