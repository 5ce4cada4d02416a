#include "core/program/data/integrity.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <mutex>
#include <vector>

#include "core/program/data/sha256.h"

namespace godot_executorch {
namespace {

using executorch::runtime::DataLoader;
using executorch::runtime::Error;

constexpr size_t kReadSize = size_t{1} << 20;

std::mutex known_mutex;
std::map<std::string, std::string> known;  // identity of a file -> its hash

Status hash_of(const DataSource& source, std::string& hash) {
    Sha256 sha256;
    std::vector<char> buffer(std::min(kReadSize, source.byte_count()));
    for (size_t offset = 0; offset < source.byte_count(); offset += buffer.size()) {
        const size_t size = std::min(buffer.size(), source.byte_count() - offset);
        const DataLoader::SegmentInfo segment(DataLoader::SegmentInfo::Type::Program);
        const Error error = source.load_into(offset, size, segment, buffer.data());
        if (error != Error::Ok) {
            return Status(Code::FileUnreadable, "cannot read byte " + std::to_string(offset));
        }
        sha256.add(buffer.data(), size);
    }
    hash = sha256.finish();
    return {};
}

}  // namespace

Status sha256_of(const DataSource& source, std::string& hash) {
    const std::string identity = source.identity();
    {
        const std::lock_guard<std::mutex> lock(known_mutex);
        const auto found = known.find(identity);
        hash = !identity.empty() && found != known.end() ? found->second : "";
    }
    if (!hash.empty()) {
        return {};
    }
    Status status = hash_of(source, hash);
    // A file that changed while it was read has another identity now.
    if (status.ok() && !identity.empty() && source.identity() == identity) {
        const std::lock_guard<std::mutex> lock(known_mutex);
        known[identity] = hash;
    }
    return status;
}

Status check_sha256(const DataSource& source, const std::string& expected, const std::string& what) {
    std::string wanted = expected;
    std::transform(wanted.begin(), wanted.end(), wanted.begin(), [](unsigned char c) { return std::tolower(c); });
    std::string hash;
    Status status = sha256_of(source, hash);
    if (!status.ok()) {
        return status;
    }
    if (hash != wanted) {
        return Status(Code::HashMismatch, what + ": expected SHA-256 " + wanted + ", got " + hash);
    }
    return {};
}

}  // namespace godot_executorch
