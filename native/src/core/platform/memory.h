#pragma once

#include <cstddef>
#include <cstdint>

namespace godot_executorch {

/// Heap memory at a multiple of `alignment` (a power of two); null when there is none. `size` is a multiple of it.
void* allocate_aligned(size_t alignment, size_t size);
void free_aligned(void* memory);

/// Anonymous zeroed memory straight from the system. Pages count only once they are written.
class Pages {
  public:
    Pages() = default;
    explicit Pages(size_t size);
    ~Pages();
    Pages(Pages&& other) noexcept;
    Pages& operator=(Pages&& other) noexcept;

    /// Null when the system had no such block.
    uint8_t* data() const { return data_; }
    size_t size() const { return size_; }
    /// Gives the pages from `offset` on back to the system; they read as zeros.
    void release_from(size_t offset);

  private:
    uint8_t* data_ = nullptr;
    size_t size_ = 0;
};

}  // namespace godot_executorch
