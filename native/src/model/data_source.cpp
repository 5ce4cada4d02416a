#include "model/data_source.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "model/mapped_region.h"

namespace godot_executorch {
namespace {

using executorch::runtime::Error;
using executorch::runtime::FreeableBuffer;
using executorch::runtime::Result;
using Type = executorch::runtime::DataLoader::SegmentInfo::Type;

constexpr size_t kAlignment = 64;  // what XNNPACK and flatbuffers ask at most

class FileDescriptor {
  public:
    explicit FileDescriptor(int number = -1) : number_(number) {}
    ~FileDescriptor() {
        if (number_ >= 0) {
            ::close(number_);
        }
    }
    FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    int number() const { return number_; }

  private:
    int number_;
};

Status open_descriptor(const std::string& path, FileDescriptor& file, size_t& size) {
    // Without O_NONBLOCK, opening a pipe waits until somebody writes to it.
    file = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat info = {};
    if (file.number() < 0 || ::fstat(file.number(), &info) != 0) {
        return Status(Code::FileUnreadable, "cannot open " + path + ": " + std::strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) {
        return Status(Code::FileUnreadable, path + " is not a file");
    }
    size = static_cast<size_t>(info.st_size);
    return {};
}

/// Device, inode, size and time of the last change.
std::string identity_of(int file) {
    struct stat info = {};
    if (::fstat(file, &info) != 0) {
        return {};
    }
    return std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) + ":" + std::to_string(info.st_size) + ":" +
           std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec) + ":" +
           std::to_string(info.st_ctim.tv_sec) + "." + std::to_string(info.st_ctim.tv_nsec);
}

bool read_fully(int file, uint64_t offset, size_t size, void* destination) {
    auto* target = static_cast<char*>(destination);
    while (size > 0) {
        const ssize_t count = ::pread(file, target, size, static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return false;
        }
        target += count;
        offset += static_cast<uint64_t>(count);
        size -= static_cast<size_t>(count);
    }
    return true;
}

/// Checks ranges and hands out heap copies; subclasses say how bytes are read.
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
        void* data = std::aligned_alloc(kAlignment, padded);
        if (data == nullptr) {
            return Error::MemoryAllocationFailed;
        }
        if (!read(offset, size, data)) {
            std::free(data);
            return Error::AccessFailed;
        }
        resident_ += padded;
        return FreeableBuffer(data, size, free_copy, const_cast<CopyingSource*>(this));
    }

  private:
    static void free_copy(void* context, void* data, size_t size) {
        std::free(data);
        static_cast<CopyingSource*>(context)->resident_ -= (size + kAlignment - 1) / kAlignment * kAlignment;
    }

    size_t size_;
    mutable std::atomic<size_t> resident_{0};
};

class FileSource final : public CopyingSource {
  public:
    FileSource(FileDescriptor file, size_t size) : CopyingSource(size), file_(std::move(file)) {}

    std::string identity() const override { return identity_of(file_.number()); }

  protected:
    bool read(uint64_t offset, size_t size, void* destination) const override {
        return read_fully(file_.number(), offset, size, destination);
    }

  private:
    FileDescriptor file_;
};

class StreamSource final : public CopyingSource {
  public:
    StreamSource(ReadAt read, size_t size) : CopyingSource(size), read_(std::move(read)) {}

    bool is_readable_after_fork() const override { return false; }

  protected:
    bool read(uint64_t offset, size_t size, void* destination) const override {
        return read_(offset, size, destination);
    }

  private:
    ReadAt read_;
};

class BufferSource final : public CopyingSource {
  public:
    BufferSource(const void* data, size_t size) : CopyingSource(size), memory_(allocate(size)) {
        if (size > 0) {
            std::memcpy(memory_.get(), data, size);
        }
    }
    size_t resident_bytes() const override { return byte_count(); }

    Result<FreeableBuffer> load(size_t offset, size_t size, const SegmentInfo&) const override {
        if (!is_inside(offset, size)) {
            return Error::InvalidArgument;
        }
        return FreeableBuffer(memory_.get() + offset, size, nullptr);
    }

  protected:
    bool read(uint64_t offset, size_t size, void* destination) const override {
        std::memcpy(destination, memory_.get() + offset, size);
        return true;
    }

  private:
    struct Free {
        void operator()(char* memory) const { std::free(memory); }
    };
    static char* allocate(size_t size) {
        const size_t padded = (size + kAlignment) / kAlignment * kAlignment;
        return static_cast<char*>(std::aligned_alloc(kAlignment, padded));
    }
    std::unique_ptr<char, Free> memory_;
};

class MappedSource final : public CopyingSource {
  public:
    MappedSource(FileDescriptor file, size_t size, std::unique_ptr<MappedRegion> region)
        : CopyingSource(size), file_(std::move(file)), region_(std::move(region)) {}

    std::string identity() const override { return identity_of(file_.number()); }
    /// The last page of a mapping reads as zeros behind the end of a file that was cut, without a signal.
    bool is_damaged() const override {
        struct stat info = {};
        const bool is_whole = ::fstat(file_.number(), &info) == 0 && static_cast<size_t>(info.st_size) >= byte_count();
        return !is_whole || region_->is_damaged();
    }

    Result<FreeableBuffer> load(size_t offset, size_t size, const SegmentInfo& segment) const override {
        // Flatbuffers hold offsets that are followed; weights are only numbers.
        if (segment.segment_type == Type::Program || segment.segment_type == Type::Backend) {
            return load_copy(offset, size);
        }
        if (!is_inside(offset, size)) {
            return Error::InvalidArgument;
        }
        return FreeableBuffer(region_->data() + offset, size, nullptr);
    }

  protected:
    bool read(uint64_t offset, size_t size, void* destination) const override {
        return read_fully(file_.number(), offset, size, destination);
    }

  private:
    FileDescriptor file_;
    std::unique_ptr<MappedRegion> region_;
};

}  // namespace

Status open_mapped(const std::string& path, std::unique_ptr<DataSource>& source) {
    FileDescriptor file;
    size_t size = 0;
    Status status = open_descriptor(path, file, size);
    if (!status.ok()) {
        return status;
    }
    auto region = size > 0 ? MappedRegion::map(file.number(), size) : nullptr;
    if (region == nullptr) {
        // Some file systems cannot map; reading works everywhere.
        source = std::make_unique<FileSource>(std::move(file), size);
        return {};
    }
    source = std::make_unique<MappedSource>(std::move(file), size, std::move(region));
    return {};
}

Status open_file(const std::string& path, std::unique_ptr<DataSource>& source) {
    FileDescriptor file;
    size_t size = 0;
    Status status = open_descriptor(path, file, size);
    if (status.ok()) {
        source = std::make_unique<FileSource>(std::move(file), size);
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
