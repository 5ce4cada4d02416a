#include <doctest/doctest.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include "core/platform/file.h"
#include "core/program/data/sha256.h"
#include "core/trial/verdicts.h"
#include "models.h"

using namespace godot_executorch;
using namespace godot_executorch::testing;

namespace {

constexpr int kSeconds = 20;

LoadOptions with_trial() {
    LoadOptions options;
    options.trial_seconds = kSeconds;
    return options;
}

}  // namespace

TEST_CASE("a file is tried once, again when it has changed, and not at all after a restart") {
    const std::string list = std::string(TEST_MODELS) + "/tried_files.txt";
    std::remove(list.c_str());
    keep_verdicts(list);
    // A byte more, so that no other test has tried the same contents.
    const auto contents = [](const char* name) {
        std::vector<char> bytes = read_file(model_path(name));
        bytes.push_back('1');
        return bytes;
    };
    const std::string path = scratch_file(contents("policy.pte"));
    const auto lines = [&] {
        const std::vector<char> text = read_file(list);
        return std::count(text.begin(), text.end(), '\n');
    };
    const auto before = lines();
    Session model;
    REQUIRE(model.load_from_file(path, with_trial()).ok());
    CHECK(lines() == before + 1);
    REQUIRE(model.load_from_file(path, with_trial()).ok());
    CHECK(lines() == before + 1);
    scratch_file(contents("convnet.pte"));
    REQUIRE(model.load_from_file(path, with_trial()).ok());
    CHECK(lines() == before + 2);
    // What the next run reads.
    std::string known;
    std::ifstream file(list);
    for (long i = 0; i <= before; ++i) {
        std::getline(file, known);
    }
    known = known.substr(0, known.find('\x1f'));
    Status verdict;
    CHECK(find_verdict(known, kSeconds, verdict));
    CHECK(verdict.ok());
    CHECK_FALSE(find_verdict(known + "0", kSeconds, verdict));
    std::ofstream(list, std::ios::trunc) << "verdicts of another version\n1:2:3\x1f" << "0\x1f\x1f\n";
    keep_verdicts(list);
    CHECK_FALSE(find_verdict("1:2:3", kSeconds, verdict));
    std::remove(list.c_str());
}

TEST_CASE("a file that has just changed goes by its contents, and later by its times as well") {
    const std::string list = std::string(TEST_MODELS) + "/tried_files.txt";
    std::remove(list.c_str());
    keep_verdicts(list);
    std::vector<char> good = read_file(model_path("linear_xnnpack.pte"));
    good.push_back('2');
    const std::string path = scratch_file(good);
    File file;
    REQUIRE(File::open(path, file).ok());
    CHECK(file.identity().empty());
    Session model;
    REQUIRE(model.load_from_file(path, with_trial()).ok());
    // Written in place at once: the same inode, size and often the same times.
    std::vector<char> bad = good;
    const std::string name = "XnnpackBackend";
    const auto place = std::search(bad.begin(), bad.end(), name.begin(), name.end());
    REQUIRE(place != bad.end());
    bad[static_cast<size_t>(place - bad.begin())] = 'x';
    const std::vector<char>* const contents[] = {&bad, &good, &bad, &good};
    for (const std::vector<char>* bytes : contents) {
        std::fstream(path, std::ios::binary | std::ios::in | std::ios::out)
            .write(bytes->data(), static_cast<std::streamsize>(bytes->size()));
        CHECK(model.load_from_file(path, with_trial()).ok() == (bytes == &good));
        LoadOptions with_hash;
        with_hash.sha256 = std::string(64, '0');
        const Status wrong = model.load_from_file(path, with_hash);
        REQUIRE_FALSE(wrong.ok());
        Sha256 sha256;
        sha256.add(bytes->data(), bytes->size());
        CHECK(wrong.failure().cause.find(sha256.finish()) != std::string::npos);
    }
    const auto lines = [&] {
        const std::vector<char> text = read_file(list);
        return std::count(text.begin(), text.end(), '\n');
    };
    const auto before = lines();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (file.identity().empty() && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    REQUIRE_FALSE(file.identity().empty());
    REQUIRE(model.load_from_file(path, with_trial()).ok());
    CHECK(lines() == before + 1);  // not tried again: the verdict of its contents
    Status verdict;
    CHECK(find_verdict(file.identity(), kSeconds, verdict));
    std::remove(list.c_str());
}

TEST_CASE("a refusal is remembered as well, and after a restart; one for its time only for as much time") {
    const std::string list = std::string(TEST_MODELS) + "/verdicts.txt";
    std::remove(list.c_str());
    keep_verdicts(list);
    remember_verdict("7:8:9", 0, Status(Code::StructureInvalid, "it crashed", "Do not load it."));
    remember_verdict("7:8:10", 20, Status(Code::StructureInvalid, "it did not end"));
    const std::vector<char> text = read_file(list);
    CHECK(std::count(text.begin(), text.end(), '\n') == 2);
    Status verdict;
    keep_verdicts(list);
    REQUIRE(find_verdict("7:8:9", 5, verdict));
    REQUIRE(verdict.code() == static_cast<int>(Code::StructureInvalid));
    CHECK(verdict.failure().cause == "it crashed");
    CHECK(verdict.failure().remedy == "Do not load it.");
    CHECK(find_verdict("7:8:10", 20, verdict));
    CHECK_FALSE(find_verdict("7:8:10", 60, verdict));
    std::remove(list.c_str());
}

namespace {

// The trial forks after it has looked at the file, so this changes it in the middle of it.
std::string changed_at_fork;

void change_file() {
    if (!changed_at_fork.empty()) {
        std::fstream file(changed_at_fork, std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(-1, std::ios::end).put('x');
    }
}

}  // namespace

TEST_CASE("a file that changes during its trial is tried again") {
    const std::string list = std::string(TEST_MODELS) + "/tried_files.txt";
    std::remove(list.c_str());
    keep_verdicts(list);
    std::vector<char> bytes = read_file(model_path("policy.pte"));
    bytes.push_back('3');
    const std::string path = scratch_file(bytes);
    static const int registered = ::pthread_atfork(nullptr, change_file, nullptr);
    REQUIRE(registered == 0);
    changed_at_fork = path;
    Session model;
    const Status loaded = model.load_from_file(path, with_trial());
    changed_at_fork.clear();
    CHECK(loaded.ok());
    const std::vector<char> text = read_file(list);
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);  // the versions only
    std::remove(list.c_str());
}
