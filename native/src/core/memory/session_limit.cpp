#include "core/memory/session_limit.h"

namespace godot_executorch {

Status SessionLimit::left_after(size_t taken, SessionLimit& left) const {
    if (is_set() && taken >= bytes_) {
        return exceeded("the methods that are loaded take", taken);
    }
    left = SessionLimit(is_set() ? bytes_ - taken : 0);
    return {};
}

Status SessionLimit::check(size_t needed, size_t& spare) const {
    if (is_set() && needed > bytes_) {
        return Status(Code::MemoryLimitExceeded, "it needs " + std::to_string(needed) + " bytes, and " +
                                                     std::to_string(bytes_) + " are left of the limit");
    }
    spare = is_set() ? bytes_ - needed : SIZE_MAX;
    return {};
}

Status SessionLimit::exceeded(const std::string& what, size_t needed) const {
    return Status(Code::MemoryLimitExceeded,
                  what + " " + std::to_string(needed) + " bytes, the limit is " + std::to_string(bytes_));
}

}  // namespace godot_executorch
