#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace godot_executorch {

class DataSource;

/// A part of a file that was lent and given back.
struct ReleasedPart {
    const DataSource* source;
    size_t offset;
    size_t size;
};

/// What the thread that makes it gives back while it exists: parts of files that a delegate packed and does not keep.
class ReleasedParts {
  public:
    ReleasedParts();
    ~ReleasedParts();
    ReleasedParts(const ReleasedParts&) = delete;
    ReleasedParts& operator=(const ReleasedParts&) = delete;

    std::vector<ReleasedPart> take() { return std::move(parts_); }
    /// For sources. Does nothing on a thread without such an object.
    static void note(const ReleasedPart& part);

  private:
    std::vector<ReleasedPart> parts_;
    ReleasedParts* outer_;
};

}  // namespace godot_executorch
