#pragma once

#include <initializer_list>

#include "core/status.h"
#include "godot/binding/values.h"

namespace godot_executorch::godot {

/// Reads the options of a call out of a Dictionary. What is missing or of another type is `otherwise`; a value that
/// cannot be is kept as the status.
class Options {
  public:
    /// The largest integer that an option may be.
    static constexpr int64_t kLargest = int64_t{1} << 24;

    explicit Options(const Variant& given);

    Variant get(const char* name) const { return values_.get(name); }
    bool boolean(const char* name, bool otherwise) const;
    /// From 0 to kLargest.
    int64_t integer(const char* name, int64_t otherwise);
    size_t size(const char* name, size_t otherwise);
    double number(const char* name, double otherwise) const;
    /// The index of the name among those that are known.
    int64_t choice(const char* name, std::initializer_list<const char*> known, int64_t otherwise);
    /// The last value that cannot be.
    Status take_status() { return std::move(status_); }

  private:
    Dictionary values_;
    Status status_;
};

}  // namespace godot_executorch::godot
