#include "core/platform/mapped_region.h"

#include <windows.h>

namespace godot_executorch {
namespace {

/// The pages of a file on another machine can vanish; of one that is here they cannot, because Windows refuses to cut
/// a file that is mapped.
bool is_on_another_machine(HANDLE file) {
    FILE_REMOTE_PROTOCOL_INFO info = {};
    return ::GetFileInformationByHandleEx(file, FileRemoteProtocolInfo, &info, sizeof info) != 0;
}

}  // namespace

std::unique_ptr<MappedRegion> MappedRegion::map(const File& file) {
    const HANDLE handle = reinterpret_cast<HANDLE>(file.handle());
    if (file.size() == 0 || is_on_another_machine(handle)) {
        return nullptr;
    }
    const HANDLE mapping = ::CreateFileMappingW(handle, nullptr, PAGE_READONLY, 0, 0, nullptr);
    if (mapping == nullptr) {
        return nullptr;
    }
    const void* data = ::MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, file.size());
    ::CloseHandle(mapping);  // the view keeps it
    if (data == nullptr) {
        return nullptr;
    }
    return std::unique_ptr<MappedRegion>(new MappedRegion(static_cast<const char*>(data), file.size(), 0));
}

MappedRegion::MappedRegion(const char* data, size_t size, size_t slot) : data_(data), size_(size), slot_(slot) {
}

MappedRegion::~MappedRegion() {
    ::UnmapViewOfFile(data_);
}

bool MappedRegion::is_damaged() const {
    return false;
}

}  // namespace godot_executorch
