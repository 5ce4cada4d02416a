#include "core/method/load_failure.h"

#include "core/captured_log.h"

namespace godot_executorch {
namespace {

using executorch::runtime::Error;

constexpr const char kXnnpackOutOfMemory[] = "xnn_status_out_of_memory";

}  // namespace

Status load_failure(Error error, const std::string& method) {
    const std::string log = take_captured_log();
    const std::string cause = "cannot load method " + method + (log.empty() ? "" : ": " + log);
    if (error == Error::OperatorMissing) {
        return Status(Code::OperatorMissing, cause);
    }
    // XNNPACK calls a lack of memory an internal error, and says in its log what it is.
    const bool lacks_memory = log.find(kXnnpackOutOfMemory) != std::string::npos;
    return Status(lacks_memory ? Error::DelegateMemoryAllocationFailed : error, cause);
}

}  // namespace godot_executorch
