#include "core/packed/packed_file.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <system_error>
#include <utility>
#include <vector>

#include "core/packed/packed_folder.h"
#include "core/platform/processor.h"
#include "core/program/data/data_source.h"
#include "core/program/data/integrity.h"
#include "core/program/data/sha256.h"
#include "core/runtime/registry.h"

namespace godot_executorch {
namespace {

namespace fs = std::filesystem;

/// A file as XNNPACK knows it, by the path that it was opened with.
struct InUse {
    std::string path;
    std::string final_path;
    size_t users = 0;
    size_t bytes = 0;  // once it is complete and has its final name
};

// XNNPACK cuts longer paths without a word.
constexpr size_t kLongestPath = 254;
constexpr size_t kKeyLength = 32;

std::mutex in_use_mutex;
std::map<std::string, InUse> in_use;

std::string key_of(const std::string& payload, const std::string& method) {
    std::string text = payload + "\n" + method + "\n" + processor_kind();
    for (const auto& [name, version] : versions()) {
        text += "\n" + name + " " + version;
    }
    Sha256 sha256;
    sha256.add(text.data(), text.size());
    return sha256.finish().substr(0, kKeyLength);
}

std::string sum_path(const std::string& path) {
    return fs::u8path(path).replace_extension(kSumSuffix).u8string();
}

/// The list: the SHA-256, and the file's identity when its contents were last read and found right.
void write_sum(const std::string& path, const std::string& hash, const std::string& identity) {
    const std::string text = hash + "\n" + identity + "\n";
    write_file(sum_path(path), std::vector<uint8_t>(text.begin(), text.end()));
}

bool is_sound(const std::string& path) {
    std::ifstream list(fs::u8path(sum_path(path)));
    std::string wanted;
    std::string known;
    File file;
    if (!std::getline(list, wanted) || !std::getline(list, known) || !File::open(path, file).ok()) {
        return false;
    }
    const std::string identity = file.identity();
    if (!identity.empty() && identity == known) {
        std::error_code error;
        fs::last_write_time(fs::u8path(sum_path(path)), fs::file_time_type::clock::now(), error);
        return true;
    }
    std::unique_ptr<DataSource> source;
    std::string hash;
    if (!open_file(path, source).ok() || !sha256_of(*source, hash).ok() || hash != wanted) {
        return false;
    }
    write_sum(path, hash, identity);
    return true;
}

void remove_file(const std::string& path) {
    std::error_code error;
    fs::remove(fs::u8path(path), error);
}

/// Chooses the path of a method that no session has loaded. False when its weights belong on the heap.
bool prepare(const PackedFolder& folder, const std::string& key, size_t file_bytes, InUse& entry) {
    std::error_code error;
    fs::create_directories(fs::u8path(folder.path), error);
    entry.final_path = (fs::u8path(folder.path) / (key + kPackedSuffix)).u8string();
    if (is_file_locked(entry.final_path)) {
        return false;  // of a process that made it and still runs
    }
    File file;
    if (is_sound(entry.final_path) && File::open(entry.final_path, file).ok()) {
        entry.path = entry.final_path;
        entry.bytes = file.size();
        return entry.path.size() <= kLongestPath;
    }
    remove_file(entry.final_path);
    // Of this process alone, and not of one that was killed.
    const std::string number = std::to_string(std::random_device{}());
    entry.path = (fs::u8path(folder.path) / (key + "-" + number + kUnfinishedSuffix)).u8string();
    return entry.path.size() <= kLongestPath && has_room(folder, file_bytes);
}

}  // namespace

PackedFile PackedFile::choose(const std::string& payload, const std::string& method, size_t file_bytes) {
    PackedFile chosen;
    const PackedFolder folder = packed_folder();
    if (folder.path.empty() || payload.empty() || file_bytes < folder.least_bytes || file_bytes > folder.most_bytes) {
        return chosen;
    }
    const std::string key = key_of(payload, method);
    const std::lock_guard<std::mutex> lock(in_use_mutex);
    auto found = in_use.find(key);
    if (found == in_use.end()) {
        InUse entry;
        if (!prepare(folder, key, file_bytes, entry)) {
            return chosen;
        }
        found = in_use.emplace(key, std::move(entry)).first;
    }
    InUse& entry = found->second;
    if (entry.bytes > 0 && (!File::open(entry.final_path, chosen.file_).ok() || chosen.file_.size() != entry.bytes)) {
        return chosen;  // others still map what is no longer there
    }
    ++entry.users;
    chosen.key_ = key;
    chosen.path_ = entry.path;
    chosen.bytes_ = entry.bytes;
    return chosen;
}

PackedFile::~PackedFile() {
    if (key_.empty()) {
        return;
    }
    const std::lock_guard<std::mutex> lock(in_use_mutex);
    const auto found = in_use.find(key_);
    if (--found->second.users == 0) {
        if (found->second.bytes == 0) {
            remove_file(found->second.path);
        }
        in_use.erase(found);
    }
}

PackedFile::PackedFile(PackedFile&& other) noexcept
    : key_(std::exchange(other.key_, {})),
      path_(std::exchange(other.path_, {})),
      file_(std::move(other.file_)),
      bytes_(std::exchange(other.bytes_, 0)) {
}

PackedFile& PackedFile::operator=(PackedFile&& other) noexcept {
    std::swap(key_, other.key_);
    std::swap(path_, other.path_);
    std::swap(file_, other.file_);
    std::swap(bytes_, other.bytes_);
    return *this;
}

void PackedFile::keep() {
    if (key_.empty() || bytes_ > 0) {
        return;
    }
    const PackedFolder folder = packed_folder();
    const std::lock_guard<std::mutex> lock(in_use_mutex);
    InUse& entry = in_use.at(key_);
    if (entry.bytes == 0) {
        std::unique_ptr<DataSource> source;
        std::string hash;
        // Without named weights XNNPACK writes nothing; on Windows it makes no file.
        if (!open_file(entry.path, source).ok() || source->byte_count() == 0 || !sha256_of(*source, hash).ok()) {
            return;
        }
        write_sum(entry.final_path, hash, "");
        std::error_code error;
        // Nothing is added later, and XNNPACK locks only what it can write: several processes can map it.
        fs::permissions(fs::u8path(entry.path), fs::perms::owner_read, error);
        fs::rename(fs::u8path(entry.path), fs::u8path(entry.final_path), error);
        if (error) {
            remove_file(sum_path(entry.final_path));
            return;
        }
        entry.bytes = source->byte_count();
        clean_packed_folder(folder, entry.final_path);
    }
    if (File::open(entry.final_path, file_).ok()) {
        bytes_ = entry.bytes;
    }
}

}  // namespace godot_executorch
