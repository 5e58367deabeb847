/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What a BPF program that drives an io_uring includes, and all that it needs: no libbpf, no vmlinux.h, no
 * kernel headers. The same object runs under ring3 and, unchanged, on Linux 7.1 and later: names and layouts
 * are those of the kernel's BTF.
 *
 *   #include <ring3/bpf/ring3.h>
 *
 *   SEC("struct_ops.s/step")
 *   int BPF_PROG(step, struct iou_ctx *ctx, struct iou_loop_params *params) { return IOU_LOOP_STOP; }
 *
 *   SEC(".struct_ops.link")
 *   struct io_uring_bpf_ops ops = {.loop_step = (void *)step};
 *
 *   char LICENSE[] SEC("license") = "Dual MIT/GPL";
 */
#ifndef RING3_BPF_RING3_H
#define RING3_BPF_RING3_H

#include "ring3/bpf/helpers.h"
#include "ring3/bpf/io_uring.h"
#include "ring3/bpf/loop.h"
#include "ring3/bpf/operation.h"
#include "ring3/bpf/queues.h"
#include "ring3/bpf/types.h"

#endif
