#pragma once

#include <cstddef>
#include <string>

#include "core/platform/file.h"

namespace godot_executorch {

/// Of the list beside a file of packed weights.
inline constexpr const char* kSumSuffix = ".sum";

/// The file into which XNNPACK packs a method's weights, or from which it maps them. It must outlive the method. A file
/// is found by what is in the program, the method, the versions of ExecuTorch and of this library, and the processor;
/// one whose SHA-256 is not that of the list beside it is made anew.
class PackedFile {
  public:
    PackedFile() = default;
    /// `payload` names the contents of the program's files. The path is empty when the weights belong on the heap:
    /// without a folder, for small programs and for what another process is making.
    static PackedFile choose(const std::string& payload, const std::string& method, size_t file_bytes);
    ~PackedFile();
    PackedFile(PackedFile&& other) noexcept;
    PackedFile& operator=(PackedFile&& other) noexcept;

    const std::string& path() const { return path_; }
    /// Once the method is loaded: a new file is flushed, gets its list and its name.
    void keep();
    /// Bytes that are mapped from the file; 0 when the weights are on the heap.
    size_t bytes() const { return bytes_; }
    /// Whether a mapped file was cut short; reading further would end the process.
    bool is_cut() const { return bytes_ > 0 && file_.current_size() < bytes_; }

  private:
    std::string key_;
    std::string path_;
    File file_;  // open while it is mapped
    size_t bytes_ = 0;
};

}  // namespace godot_executorch
