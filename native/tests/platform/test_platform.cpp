/// What systems do differently, without ExecuTorch: so that it can be run where its libraries are missing.

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "core/platform/child_process.h"
#include "core/platform/clock.h"
#include "core/platform/file.h"
#include "core/platform/library.h"
#include "core/platform/mapped_region.h"
#include "core/platform/memory.h"
#include "core/platform/processor.h"

using namespace godot_executorch;

namespace {

/// A folder of its own, whose name is not ASCII, and which is gone afterwards.
class Folder {
  public:
    Folder() : path_(std::filesystem::temp_directory_path() / std::filesystem::u8path(u8"godot \u00e9\u540d")) {
        std::filesystem::remove_all(path_);
        std::filesystem::create_directories(path_);
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string file(const char* name) const { return (path_ / name).u8string(); }
    size_t count() const {
        size_t files = 0;
        for (const auto& entry : std::filesystem::directory_iterator(path_)) {
            files += entry.is_regular_file() ? 1 : 0;
        }
        return files;
    }

  private:
    std::filesystem::path path_;
};

std::vector<uint8_t> bytes_of(const std::string& text) {
    return {text.begin(), text.end()};
}

}  // namespace

TEST_CASE("a file is written whole, read at any place, and replaced") {
    const Folder folder;
    const std::string path = folder.file("model.pte");
    REQUIRE(write_file(path, bytes_of("0123456789")));
    CHECK(folder.count() == 1);
    File file;
    REQUIRE(File::open(path, file).ok());
    CHECK(file.size() == 10);
    char part[4] = {};
    CHECK(file.read_at(3, 3, part));
    CHECK(std::string(part) == "345");
    CHECK_FALSE(file.read_at(8, 3, part));
    CHECK_FALSE(is_file_locked(path));
    file = File();
    REQUIRE(write_file(path, bytes_of("other")));
    REQUIRE(File::open(path, file).ok());
    CHECK(file.size() == 5);
    CHECK(folder.count() == 1);
}

TEST_CASE("a path that is not a file is refused") {
    const Folder folder;
    File file;
    CHECK_FALSE(File::open(folder.file("missing"), file).ok());
    CHECK_FALSE(File::open(folder.file("."), file).ok());
    CHECK_FALSE(write_file(folder.file("missing/model.pte"), bytes_of("x")));
    CHECK_FALSE(File::open(std::string(kNoFileFolder) + "model.pte", file).ok());
}

TEST_CASE("the identity of a file is unknown while it is new, and differs after a change") {
    const Folder folder;
    const std::string path = folder.file("model.pte");
    REQUIRE(write_file(path, bytes_of("one")));
    File file;
    REQUIRE(File::open(path, file).ok());
    CHECK(file.identity().empty());
    std::string before;
    for (int tries = 0; tries < 100 && before.empty(); ++tries) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        before = file.identity();
    }
    CHECK_FALSE(before.empty());
    CHECK(file.identity() == before);
    file = File();
    REQUIRE(write_file(path, bytes_of("two")));
    REQUIRE(File::open(path, file).ok());
    CHECK(file.identity() != before);
}

TEST_CASE("a mapping has the file's bytes, and outlives the file being cut") {
    const Folder folder;
    const std::string path = folder.file("model.pte");
    REQUIRE(write_file(path, std::vector<uint8_t>(100'000, 7)));
    File file;
    REQUIRE(File::open(path, file).ok());
    const auto mapped = MappedRegion::map(file);
    REQUIRE(mapped != nullptr);
    CHECK(mapped->data()[99'999] == 7);
    CHECK_FALSE(mapped->is_damaged());
    std::error_code refused;
    std::filesystem::resize_file(std::filesystem::u8path(path), 10, refused);
    if (refused) {
        CHECK(mapped->data()[99'999] == 7);  // Windows keeps a file that is mapped
    } else {
        CHECK(mapped->data()[99'999] == 0);
        CHECK(mapped->is_damaged());
    }
}

TEST_CASE("an empty file has no mapping") {
    const Folder folder;
    REQUIRE(write_file(folder.file("empty"), {}));
    File file;
    REQUIRE(File::open(folder.file("empty"), file).ok());
    CHECK(MappedRegion::map(file) == nullptr);
}

TEST_CASE("a library beside this one is found by its name") {
    void* found = find_in_library(NEIGHBOUR, "godot_executorch_neighbour");
    REQUIRE(found != nullptr);
    CHECK(reinterpret_cast<int (*)()>(found)() == 42);
    CHECK(find_in_library(NEIGHBOUR, "godot_executorch_missing") == nullptr);
    CHECK(find_in_library("godot_executorch_missing", "godot_executorch_neighbour") == nullptr);
    std::string reason;
    CHECK_FALSE(open_library("/missing/library.so", reason));
    CHECK_FALSE(reason.empty());
}

TEST_CASE("a child does its work, or its end is told") {
    const auto report_of = [](int seconds, const std::function<std::string()>& work) {
        ChildProcess child;
        if (child.is_child()) {
            child.work_and_end(seconds, work);
        }
        return child.wait(seconds);
    };
    const ChildReport answered = report_of(20, [] { return std::string("yes"); });
    if (answered.end == ChildEnd::NotStarted) {
        CHECK_FALSE(answered.detail.empty());  // Windows cannot copy a process
        return;
    }
    CHECK(answered.end == ChildEnd::Answered);
    CHECK(answered.detail == "yes");
    CHECK(report_of(20, [] { return std::string(); }).end == ChildEnd::Ran);
    CHECK(report_of(20, []() -> std::string { std::abort(); }).end == ChildEnd::Crashed);
    const ChildReport late = report_of(1, []() -> std::string {
        while (true) {
            std::this_thread::sleep_for(std::chrono::seconds(1));
        }
    });
    CHECK(late.end == ChildEnd::TookTooLong);
}

TEST_CASE("memory has the alignment that was asked for, and pages are zeros") {
    void* memory = allocate_aligned(64, 640);
    REQUIRE(memory != nullptr);
    CHECK(reinterpret_cast<uintptr_t>(memory) % 64 == 0);
    free_aligned(memory);
    Pages pages(1 << 20);
    REQUIRE(pages.data() != nullptr);
    CHECK(pages.data()[(1 << 20) - 1] == 0);
    std::memset(pages.data(), 1, pages.size());
    pages.release_from(1 << 16);
    CHECK(pages.data()[0] == 1);
    CHECK(pages.data()[pages.size() - 1] == 0);
}

TEST_CASE("the clock of a thread goes on while it works") {
    const int64_t before = thread_work_ns();
    volatile uint64_t sum = 0;
    for (uint64_t number = 0; number < 300'000'000; ++number) {
        sum = sum + number;
    }
    const int64_t after = thread_work_ns();
    CHECK((after > before || after == 0));
    CHECK(processor_kind() == processor_kind());
}
