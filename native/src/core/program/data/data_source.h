#pragma once

#include <executorch/runtime/core/data_loader.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/status.h"

namespace godot_executorch {

/// Where a program's bytes come from; ExecuTorch's DataLoader with what we report about it.
class DataSource : public executorch::runtime::DataLoader {
  public:
    /// Bytes of the whole file.
    virtual size_t byte_count() const = 0;
    /// Bytes of our own heap that hold parts of it, now.
    virtual size_t resident_bytes() const = 0;
    /// Whether the bytes behind an open mapping have been cut short since.
    virtual bool is_damaged() const { return false; }
    /// Whether parts of a mapping are in use now, so that such damage would reach results.
    virtual bool is_mapping_in_use() const { return false; }

    /// Changes when the file behind it does; empty when there is none, or when it has just changed.
    virtual std::string identity() const { return {}; }

    /// Whether a fork of this process can read it without disturbing us.
    virtual bool is_readable_after_fork() const { return true; }

    executorch::runtime::Result<size_t> size() const final { return byte_count(); }
};

/// Maps the file. Its program part is copied, so that a file that is rewritten in place cannot change it under us.
Status open_mapped(const std::string& path, std::unique_ptr<DataSource>& source);

/// Reads the parts of the file when they are asked for.
Status open_file(const std::string& path, std::unique_ptr<DataSource>& source);

/// Keeps a copy of the bytes.
std::unique_ptr<DataSource> copy_buffer(const void* data, size_t size);

/// Reads through `read` (offset, size, destination), which says whether it read everything.
using ReadAt = std::function<bool(uint64_t offset, size_t size, void* destination)>;
std::unique_ptr<DataSource> from_stream(ReadAt read, size_t size);

}  // namespace godot_executorch
