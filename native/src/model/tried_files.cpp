#include "model/tried_files.h"

#include <fstream>
#include <mutex>
#include <set>

#include "model/runtime_info.h"

namespace godot_executorch {
namespace {

constexpr size_t kMaximum = 1000;  // then the list begins anew

std::mutex tried_mutex;
std::set<std::string> tried;
std::string list_path;

/// What ran with one runtime may crash in another.
std::string stamp() {
    std::string text = "files that ran in a trial:";
    for (const auto& [name, version] : versions()) {
        text += " " + name + " " + version;
    }
    return text;
}

}  // namespace

bool was_tried(const std::string& identity) {
    const std::lock_guard<std::mutex> lock(tried_mutex);
    return !identity.empty() && tried.count(identity) > 0;
}

void remember_tried(const std::string& identity) {
    const std::lock_guard<std::mutex> lock(tried_mutex);
    if (identity.empty() || !tried.insert(identity).second || list_path.empty()) {
        return;
    }
    // A list that cannot be written costs a trial in the next run, nothing more.
    std::ofstream(list_path, std::ios::app) << identity << '\n';
}

void keep_tried_files(const std::string& path) {
    const std::lock_guard<std::mutex> lock(tried_mutex);
    std::set<std::string> kept;
    std::ifstream list(path);
    std::string line;
    if (std::getline(list, line) && line == stamp()) {
        while (std::getline(list, line)) {
            kept.insert(line);
        }
    }
    list_path = path;
    if (kept.empty() || kept.size() > kMaximum) {
        std::ofstream(path, std::ios::trunc) << stamp() << '\n';
        return;
    }
    tried.insert(kept.begin(), kept.end());
}

}  // namespace godot_executorch
