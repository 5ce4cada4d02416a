#pragma once

#include <cstddef>
#include <string>

#include "core/status.h"

namespace godot_executorch {

/// The memory limit of a session: what the planned memory and the allocators of its methods may take together.
class SessionLimit {
  public:
    /// 0 = no limit.
    explicit SessionLimit(size_t bytes = 0) : bytes_(bytes) {}

    bool is_set() const { return bytes_ > 0; }
    /// The limit of the next method, when the loaded ones take `taken` bytes. Refused when nothing is left.
    Status left_after(size_t taken, SessionLimit& left) const;
    /// Refuses a method that needs more; `spare` = what it leaves.
    Status check(size_t needed, size_t& spare) const;
    /// That `what`, such as "method forward needs", is `needed` bytes and more than the limit.
    Status exceeded(const std::string& what, size_t needed) const;

  private:
    size_t bytes_;
};

}  // namespace godot_executorch
