#pragma once

#include <cstddef>
#include <memory>

#include "core/platform/file.h"

namespace godot_executorch {

/// A read-only private mapping of a file that survives the file being cut short: pages that vanish read as zeros and
/// is_damaged() turns true, instead of an exception of the system that ends the process.
class MappedRegion {
  public:
    /// Null when the file cannot be mapped. The file may be closed afterwards.
    static std::unique_ptr<MappedRegion> map(const File& file);
    ~MappedRegion();
    MappedRegion(const MappedRegion&) = delete;
    MappedRegion& operator=(const MappedRegion&) = delete;

    const char* data() const { return data_; }
    bool is_damaged() const;

  private:
    MappedRegion(const char* data, size_t size, size_t slot);

    const char* data_;
    [[maybe_unused]] size_t size_;  // not on Windows
    [[maybe_unused]] size_t slot_;
};

}  // namespace godot_executorch
