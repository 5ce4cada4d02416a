#include "core/trial/verdicts.h"

#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>

#include "core/runtime/registry.h"

namespace godot_executorch {
namespace {

constexpr size_t kMaximum = 1000;  // then the list begins anew
constexpr char kSeparator = '\x1f';
constexpr char kContents[] = "sha256:";

struct Verdict {
    int code = 0;  // 0 = it ran
    int seconds = 0;
    std::string cause;
    std::string remedy;
};

std::mutex verdicts_mutex;
std::map<std::string, Verdict> verdicts;
std::string list_path;

/// What ran with one runtime may crash in another.
std::string stamp() {
    std::string text = "verdicts of trials:";
    for (const auto& [name, version] : versions()) {
        text += " " + name + " " + version;
    }
    return text;
}

std::string one_line(std::string text) {
    for (char& character : text) {
        character = character == '\n' || character == kSeparator ? ' ' : character;
    }
    return text;
}

std::string to_line(const std::string& identity, const Verdict& verdict) {
    return identity + kSeparator + std::to_string(verdict.code) + kSeparator + one_line(verdict.cause) + kSeparator +
           one_line(verdict.remedy);
}

/// False for a line that is not one.
bool from_line(const std::string& line, std::string& identity, Verdict& verdict) {
    const size_t code = line.find(kSeparator);
    const size_t cause = code == std::string::npos ? code : line.find(kSeparator, code + 1);
    const size_t remedy = cause == std::string::npos ? cause : line.find(kSeparator, cause + 1);
    if (remedy == std::string::npos) {
        return false;
    }
    identity = line.substr(0, code);
    verdict.code = std::atoi(line.c_str() + code + 1);
    verdict.cause = line.substr(cause + 1, remedy - cause - 1);
    verdict.remedy = line.substr(remedy + 1);
    return true;
}

/// With the lock held.
void keep(const std::string& identity, const Verdict& verdict) {
    if (verdicts.size() >= kMaximum) {
        verdicts.clear();
    }
    verdicts[identity] = verdict;
    if (!list_path.empty() && verdict.seconds == 0) {
        // A list that cannot be written costs a trial in the next run, nothing more.
        std::ofstream(list_path, std::ios::app) << to_line(identity, verdict) << '\n';
    }
}

}  // namespace

bool find_verdict(const std::string& identity, int seconds, Status& verdict) {
    const std::lock_guard<std::mutex> lock(verdicts_mutex);
    const auto found = verdicts.find(identity);
    if (identity.empty() || found == verdicts.end()) {
        return false;
    }
    const Verdict& known = found->second;
    if (known.seconds > 0 && known.seconds < seconds) {
        return false;
    }
    verdict = known.code == 0 ? Status() : Status(static_cast<Code>(known.code), known.cause, known.remedy);
    return true;
}

void remember_verdict(const std::string& identity, int seconds, const Status& verdict) {
    if (identity.empty()) {
        return;
    }
    Verdict kept;
    kept.seconds = seconds;
    if (!verdict.ok()) {
        kept.code = verdict.code();
        kept.cause = verdict.failure().cause;
        kept.remedy = verdict.failure().remedy;
    }
    const std::lock_guard<std::mutex> lock(verdicts_mutex);
    keep(identity, kept);
}

void share_verdict(const std::string& known, const std::string& identity) {
    const std::lock_guard<std::mutex> lock(verdicts_mutex);
    const auto found = verdicts.find(known);
    if (!identity.empty() && found != verdicts.end()) {
        keep(identity, Verdict(found->second));
    }
}

bool are_contents_known() {
    const std::lock_guard<std::mutex> lock(verdicts_mutex);
    const auto found = verdicts.lower_bound(kContents);
    return found != verdicts.end() && found->first.compare(0, sizeof kContents - 1, kContents) == 0;
}

void keep_verdicts(const std::string& path) {
    const std::lock_guard<std::mutex> lock(verdicts_mutex);
    std::map<std::string, Verdict> kept;
    std::ifstream list(path);
    std::string line;
    if (std::getline(list, line) && line == stamp()) {
        while (std::getline(list, line)) {
            std::string identity;
            Verdict verdict;
            if (from_line(line, identity, verdict)) {
                kept[identity] = verdict;
            }
        }
    }
    list_path = path;
    if (kept.empty() || kept.size() > kMaximum) {
        std::ofstream(path, std::ios::trunc) << stamp() << '\n';
        return;
    }
    verdicts.insert(kept.begin(), kept.end());
}

}  // namespace godot_executorch
