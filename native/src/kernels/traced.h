#pragma once

#include <executorch/runtime/core/event_tracer_hooks.h>
#include <executorch/runtime/kernel/operator_registry.h>

namespace godot_executorch::kernels {

/// A kernel under its name in the event tracer, as ExecuTorch's generated wrappers do: else its time counts for none.
/// least: how many values it reads; a program may call it with fewer.
template <void (*kernel)(executorch::runtime::KernelRuntimeContext&,
                         executorch::runtime::Span<executorch::runtime::EValue*>),
          const char* name, size_t least>
void traced(executorch::runtime::KernelRuntimeContext& context,
            executorch::runtime::Span<executorch::runtime::EValue*> values) {
    if (values.size() < least) {
        context.fail(executorch::runtime::Error::InvalidProgram);
        return;
    }
    const executorch::runtime::internal::EventTracerProfileOpScope scope(context.internal_event_tracer(), name);
    kernel(context, values);
}

}  // namespace godot_executorch::kernels
