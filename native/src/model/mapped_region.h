#pragma once

#include <cstddef>
#include <memory>

namespace godot_executorch {

/// A read-only private mapping of a file that survives the file being cut short: pages that vanish read as
/// zeros and is_damaged() turns true, instead of a SIGBUS that ends the process.
class MappedRegion {
  public:
    /// Null when the file cannot be mapped. The descriptor may be closed afterwards.
    static std::unique_ptr<MappedRegion> map(int file, size_t size);
    ~MappedRegion();
    MappedRegion(const MappedRegion&) = delete;
    MappedRegion& operator=(const MappedRegion&) = delete;

    const char* data() const { return data_; }
    bool is_damaged() const;
    /// Whether any mapping ever was; cheap enough for every call.
    static bool any_damaged();

  private:
    MappedRegion(const char* data, size_t size, size_t slot);

    const char* data_;
    size_t size_;
    size_t slot_;
};

}  // namespace godot_executorch
