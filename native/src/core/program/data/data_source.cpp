#include "core/program/data/data_source.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "core/platform/clock.h"
#include "core/platform/file.h"
#include "core/platform/mapped_region.h"
#include "core/platform/memory.h"
#include "core/program/data/released_parts.h"

namespace godot_executorch {
namespace {

using executorch::runtime::Error;
using executorch::runtime::FreeableBuffer;
using executorch::runtime::Result;
using Type = executorch::runtime::DataLoader::SegmentInfo::Type;

constexpr size_t kAlignment = 64;  // the largest that XNNPACK and flatbuffers need

/// Checks ranges and returns heap copies; subclasses read the bytes.
class CopyingSource : public DataSource {
  public:
    size_t byte_count() const override { return size_; }
    size_t resident_bytes() const override { return resident_; }

    Result<FreeableBuffer> load(size_t offset, size_t size, const SegmentInfo&) const override {
        return load_copy(offset, size);
    }

    Error load_into(size_t offset, size_t size, const SegmentInfo&, void* buffer) const override {
        if (!is_inside(offset, size)) {
            return Error::InvalidArgument;
        }
        return read(offset, size, buffer) ? Error::Ok : Error::AccessFailed;
    }

  protected:
    explicit CopyingSource(size_t size) : size_(size) {}
    virtual bool read(uint64_t offset, size_t size, void* destination) const = 0;

    bool is_inside(size_t offset, size_t size) const { return offset <= size_ && size <= size_ - offset; }

    Result<FreeableBuffer> load_copy(size_t offset, size_t size) const {
        if (!is_inside(offset, size)) {
            return Error::InvalidArgument;
        }
        if (size == 0) {
            return FreeableBuffer(nullptr, 0, nullptr);
        }
        const size_t padded = (size + kAlignment - 1) / kAlignment * kAlignment;
        void* data = allocate_aligned(kAlignment, padded);
        if (data == nullptr) {
            return Error::MemoryAllocationFailed;
        }
        if (!read(offset, size, data)) {
            free_aligned(data);
            return Error::AccessFailed;
        }
        resident_ += padded;
        return lend(data, offset, size, true);
    }

    /// Lends a part; `is_copy`: memory that is freed when it is given back.
    Result<FreeableBuffer> lend(const void* data, size_t offset, size_t size, bool is_copy) const {
        auto* lent = new (std::nothrow) Lent{this, offset, is_copy};
        if (lent == nullptr) {
            take_back(const_cast<void*>(data), size, is_copy);
            return Error::MemoryAllocationFailed;
        }
        return FreeableBuffer(data, size, release, lent);
    }

    /// A part that is no copy was given back.
    virtual void note_returned() const {}

  private:
    struct Lent {
        const CopyingSource* source;
        size_t offset;
        bool is_copy;
    };

    static void release(void* context, void* data, size_t size) {
        const std::unique_ptr<Lent> lent(static_cast<Lent*>(context));
        ReleasedParts::note({lent->source, lent->offset, size});
        lent->source->take_back(data, size, lent->is_copy);
    }

    void take_back(void* data, size_t size, bool is_copy) const {
        if (is_copy) {
            free_aligned(data);
            resident_ -= (size + kAlignment - 1) / kAlignment * kAlignment;
        } else {
            note_returned();
        }
    }

    size_t size_;
    mutable std::atomic<size_t> resident_{0};
};

class FileSource final : public CopyingSource {
  public:
    explicit FileSource(File file) : CopyingSource(file.size()), file_(std::move(file)) {}

    std::string identity() const override { return file_.identity(); }

  protected:
    bool read(uint64_t offset, size_t size, void* destination) const override {
        return file_.read_at(offset, size, destination);
    }

  private:
    File file_;
};

struct FreeAligned {
    void operator()(char* memory) const { free_aligned(memory); }
};
using AlignedBytes = std::unique_ptr<char, FreeAligned>;

AlignedBytes allocate_bytes(size_t size) {
    const size_t padded = (size + kAlignment) / kAlignment * kAlignment;
    return AlignedBytes(static_cast<char*>(allocate_aligned(kAlignment, padded)));
}

/// Reads parts in any order. A compressed stream, such as a file in a ZIP, can go back only by unpacking all anew, up
/// to that place: it is recognised at its beginning, unpacked once and kept.
class StreamSource final : public CopyingSource {
  public:
    StreamSource(ReadAt read, size_t size) : CopyingSource(size), read_(std::move(read)) {}

    bool is_readable_after_fork() const override { return false; }
    size_t resident_bytes() const override { return CopyingSource::resident_bytes() + (is_kept_ ? byte_count() : 0); }

    Result<FreeableBuffer> load(size_t offset, size_t size, const SegmentInfo&) const override {
        if (is_kept_ && is_inside(offset, size)) {
            return lend(whole_.get() + offset, offset, size, false);
        }
        return load_copy(offset, size);
    }

  protected:
    bool read(uint64_t offset, size_t size, void* destination) const override {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!is_known_) {
            is_known_ = true;
            keep_if_compressed();
        }
        if (is_kept_) {
            std::memcpy(destination, whole_.get() + offset, size);
            return true;
        }
        return read_(offset, size, destination);
    }

  private:
    static constexpr size_t kProbeBytes = size_t{256} << 10;
    /// No decompression is faster; skipping in a file that is not compressed is no work.
    static constexpr double kUnpackingNsPerByte = 0.4;

    void keep_if_compressed() const {
        if (byte_count() < kProbeBytes) {
            return;
        }
        std::vector<char> beginning(kProbeBytes);
        if (!read_(0, kProbeBytes, beginning.data())) {
            return;
        }
        const size_t back = kProbeBytes / 2;
        const int64_t before = thread_work_ns();
        const bool is_read = read_(back, 1, beginning.data());
        if (is_read && static_cast<double>(thread_work_ns() - before) > kUnpackingNsPerByte * back) {
            whole_ = allocate_bytes(byte_count());
            is_kept_ = whole_ != nullptr && read_(0, byte_count(), whole_.get());
        }
    }

    ReadAt read_;
    mutable std::mutex mutex_;  // guards what follows
    mutable bool is_known_ = false;
    mutable AlignedBytes whole_;
    mutable std::atomic<bool> is_kept_{false};
};

class BufferSource final : public CopyingSource {
  public:
    BufferSource(const void* data, size_t size) : CopyingSource(size), memory_(allocate_bytes(size)) {
        if (size > 0) {
            std::memcpy(memory_.get(), data, size);
        }
    }
    size_t resident_bytes() const override { return byte_count(); }

    Result<FreeableBuffer> load(size_t offset, size_t size, const SegmentInfo&) const override {
        if (!is_inside(offset, size)) {
            return Error::InvalidArgument;
        }
        return lend(memory_.get() + offset, offset, size, false);
    }

  protected:
    bool read(uint64_t offset, size_t size, void* destination) const override {
        std::memcpy(destination, memory_.get() + offset, size);
        return true;
    }

  private:
    AlignedBytes memory_;
};

class MappedSource final : public CopyingSource {
  public:
    MappedSource(File file, std::unique_ptr<MappedRegion> region)
        : CopyingSource(file.size()), file_(std::move(file)), region_(std::move(region)) {}

    std::string identity() const override { return file_.identity(); }
    /// The last page of a mapping reads as zeros behind the end of a file that was cut, without a signal.
    bool is_damaged() const override { return file_.current_size() < byte_count() || region_->is_damaged(); }

    Result<FreeableBuffer> load(size_t offset, size_t size, const SegmentInfo& segment) const override {
        // Flatbuffers hold offsets that are followed; weights are only numbers.
        if (segment.segment_type == Type::Program || segment.segment_type == Type::Backend) {
            return load_copy(offset, size);
        }
        if (!is_inside(offset, size)) {
            return Error::InvalidArgument;
        }
        ++in_use_;
        return lend(region_->data() + offset, offset, size, false);
    }
    bool is_mapping_in_use() const override { return in_use_.load(std::memory_order_relaxed) > 0; }

  protected:
    bool read(uint64_t offset, size_t size, void* destination) const override {
        return file_.read_at(offset, size, destination);
    }
    void note_returned() const override { --in_use_; }

  private:
    File file_;
    std::unique_ptr<MappedRegion> region_;
    mutable std::atomic<int> in_use_{0};
};

}  // namespace

Status open_mapped(const std::string& path, std::unique_ptr<DataSource>& source) {
    File file;
    Status status = File::open(path, file);
    if (!status.ok()) {
        return status;
    }
    auto region = MappedRegion::map(file);
    if (region == nullptr) {
        // Some file systems cannot map; reading works everywhere.
        source = std::make_unique<FileSource>(std::move(file));
        return {};
    }
    source = std::make_unique<MappedSource>(std::move(file), std::move(region));
    return {};
}

Status open_file(const std::string& path, std::unique_ptr<DataSource>& source) {
    File file;
    Status status = File::open(path, file);
    if (status.ok()) {
        source = std::make_unique<FileSource>(std::move(file));
    }
    return status;
}

std::unique_ptr<DataSource> copy_buffer(const void* data, size_t size) {
    return std::make_unique<BufferSource>(data, size);
}

std::unique_ptr<DataSource> from_stream(ReadAt read, size_t size) {
    return std::make_unique<StreamSource>(std::move(read), size);
}

}  // namespace godot_executorch
