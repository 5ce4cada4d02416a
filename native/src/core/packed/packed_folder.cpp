#include "core/packed/packed_folder.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

#include "core/packed/packed_file.h"
#include "core/platform/file.h"

namespace godot_executorch {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSpareBytes = uint64_t{256} << 20;

std::mutex folder_mutex;
PackedFolder current;

struct Kept {
    fs::path path;
    fs::file_time_type used;
    uint64_t size = 0;
};

}  // namespace

void keep_packed_weights(PackedFolder folder) {
    const std::lock_guard<std::mutex> lock(folder_mutex);
    current = std::move(folder);
}

PackedFolder packed_folder() {
    const std::lock_guard<std::mutex> lock(folder_mutex);
    return current;
}

void clean_packed_folder(const PackedFolder& folder, const std::string& kept) {
    std::vector<Kept> files;
    uint64_t total = 0;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(fs::u8path(folder.path), error)) {
        const fs::path& path = entry.path();
        if (path.extension() == kUnfinishedSuffix && !is_file_locked(path.u8string())) {
            fs::remove(path, error);
        } else if (path.extension() == kPackedSuffix) {
            // The list beside it has the time of the last use.
            const fs::path list = fs::path(path).replace_extension(kSumSuffix);
            files.push_back({path, fs::last_write_time(list, error), entry.file_size(error)});
            total += files.back().size;
        }
    }
    std::sort(files.begin(), files.end(), [](const Kept& left, const Kept& right) { return left.used < right.used; });
    for (const Kept& file : files) {
        if (total <= folder.most_bytes) {
            return;
        }
        if (file.path != fs::u8path(kept)) {
            // A process that has mapped it keeps its pages.
            fs::remove(file.path, error);
            fs::remove(fs::path(file.path).replace_extension(kSumSuffix), error);
            total -= file.size;
        }
    }
}

bool has_room(const PackedFolder& folder, uint64_t bytes) {
    std::error_code error;
    const fs::space_info space = fs::space(fs::u8path(folder.path), error);
    return !error && space.available > bytes + kSpareBytes;
}

}  // namespace godot_executorch
