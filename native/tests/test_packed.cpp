#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "core/packed/packed_file.h"
#include "core/packed/packed_folder.h"
#include "models.h"

using namespace godot_executorch;
using namespace godot_executorch::testing;

namespace fs = std::filesystem;

namespace {

const TensorValue& input() {
    static const TensorValue values = floats(std::vector<float>(8, 1.0F), {1, 8});
    return values;
}

/// A folder of its own for packed weights, from 0 bytes up.
class PackedTest {
  public:
    explicit PackedTest(uint64_t most = 1 << 30)
        : folder_(fs::temp_directory_path() / ("packed-" + std::to_string(::getpid()))) {
        fs::remove_all(folder_);
        keep_packed_weights({folder_.u8string(), 0, most});
    }
    ~PackedTest() {
        keep_packed_weights({});
        fs::remove_all(folder_);
    }

    std::vector<fs::path> files(const std::string& suffix) const {
        std::vector<fs::path> found;
        if (fs::exists(folder_)) {
            for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
                if (entry.path().extension() == suffix) {
                    found.push_back(entry.path());
                }
            }
        }
        return found;
    }
    const fs::path& folder() const { return folder_; }

  private:
    fs::path folder_;
};

struct Loaded {
    std::vector<float> result;
    MemoryInfo info;
};

Loaded load_and_run(const char* file = "policy.pte") {
    Session model;
    REQUIRE(model.load_from_file(model_path(file)).ok());
    Loaded loaded;
    loaded.result = run(model, input());
    loaded.info = model.get_memory_info();
    return loaded;
}

void write(const fs::path& path, const std::vector<char>& bytes) {
    fs::permissions(path, fs::perms::owner_write, fs::perm_options::add);
    std::ofstream(path, std::ios::binary | std::ios::trunc).write(bytes.data(), static_cast<long>(bytes.size()));
}

}  // namespace

TEST_CASE("packed weights are made once and mapped afterwards") {
    const Loaded heap = load_and_run();
    REQUIRE(heap.result.size() == 4);
    CHECK(heap.info.delegate > 0);
    CHECK(heap.info.packed_file == 0);
    const PackedTest test;
    for (int run_number = 0; run_number < 3; ++run_number) {
        const Loaded packed = load_and_run();
        CHECK(packed.result == heap.result);
        CHECK(packed.info.packed_file > 0);
        CHECK(packed.info.delegate == 0);
        CHECK(packed.info.total < heap.info.total);
        CHECK(test.files(kPackedSuffix).size() == 1);
        CHECK(test.files(kSumSuffix).size() == 1);
        CHECK(test.files(kUnfinishedSuffix).empty());
    }
}

TEST_CASE("sessions share a file, also while it is made") {
    const PackedTest test;
    Session first;
    Session second;
    REQUIRE(first.load_from_file(model_path("policy.pte")).ok());
    REQUIRE(second.load_from_file(model_path("policy.pte")).ok());
    std::vector<float> results[2];
    std::thread other([&] { results[1] = run(second, input()); });
    results[0] = run(first, input());
    other.join();
    CHECK(results[0].size() == 4);
    CHECK(results[0] == results[1]);
    CHECK(first.get_memory_info().packed_file > 0);
    CHECK(test.files(kPackedSuffix).size() == 1);
}

TEST_CASE("a packed file that is damaged, empty, or of something else is made anew") {
    const PackedTest test;
    const Loaded right = load_and_run();
    const fs::path path = test.files(kPackedSuffix).at(0);
    const std::vector<char> good = read_file(path.u8string());
    std::vector<char> flipped = good;
    flipped[good.size() / 3] = static_cast<char>(flipped[good.size() / 3] ^ 0x40);
    const std::vector<std::vector<char>> bad = {
        flipped, {}, std::vector<char>(good.size(), 'x'), std::vector<char>(good.begin(), good.end() - 9)};
    for (const std::vector<char>& bytes : bad) {
        write(path, bytes);
        const Loaded again = load_and_run();
        CHECK(again.result == right.result);
        CHECK(again.info.packed_file == good.size());
        CHECK(read_file(path.u8string()) == good);
    }
    fs::remove(test.files(kSumSuffix).at(0));
    CHECK(load_and_run().result == right.result);
    CHECK(test.files(kSumSuffix).size() == 1);
}

TEST_CASE("a file that is cut while it is mapped is made anew before the next call") {
    const PackedTest test;
    Session model;
    REQUIRE(model.load_from_file(model_path("policy.pte")).ok());
    const std::vector<float> right = run(model, input());
    const fs::path path = test.files(kPackedSuffix).at(0);
    fs::permissions(path, fs::perms::owner_write, fs::perm_options::add);
    fs::resize_file(path, 100);
    CHECK(run(model, input()) == right);
    CHECK(fs::file_size(path) > 100);
}

TEST_CASE("what another process holds is left to it, and what it left unfinished is removed") {
    const PackedTest test;
    const Loaded right = load_and_run();
    const fs::path path = test.files(kPackedSuffix).at(0);
    const int other = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(::flock(other, LOCK_EX | LOCK_NB) == 0);
    const Loaded meanwhile = load_and_run();
    CHECK(meanwhile.result == right.result);
    CHECK(meanwhile.info.packed_file == 0);
    ::close(other);
    std::ofstream(test.folder() / ("0123" + std::string(kUnfinishedSuffix))) << "a process was killed";
    fs::remove(path);
    CHECK(load_and_run().info.packed_file > 0);
    CHECK(test.files(kUnfinishedSuffix).empty());
}

TEST_CASE("the folder stays within its limit") {
    size_t size = 0;
    {
        const PackedTest test;
        size = load_and_run().info.packed_file;
    }
    {
        const PackedTest test(size + size / 2);
        std::ofstream(test.folder() / ("old" + std::string(kPackedSuffix))) << std::string(size, 'x');
        CHECK(load_and_run().info.packed_file == size);
        CHECK(test.files(kPackedSuffix).size() == 1);
    }
    const PackedTest test(size);
    const Loaded refused = load_and_run();
    CHECK(refused.result.size() == 4);
    CHECK(test.files(kPackedSuffix).size() <= 1);
}

TEST_CASE("small programs, level NONE and a folder that cannot be made use the heap") {
    const PackedTest test;
    keep_packed_weights({test.folder().u8string(), 1 << 30, uint64_t{2} << 30});
    CHECK(load_and_run().info.packed_file == 0);
    keep_packed_weights({test.folder().u8string() + std::string(250, 'x'), 0, 1 << 30});
    CHECK(load_and_run().result.size() == 4);
    keep_packed_weights({"/dev/null/nothing", 0, 1 << 30});
    CHECK(load_and_run().info.packed_file == 0);
    keep_packed_weights({test.folder().u8string(), 0, 1 << 30});
    Session model;
    REQUIRE(model.set_optimization_level(OptimizationLevel::None).ok());
    REQUIRE(model.load_from_file(model_path("policy.pte")).ok());
    CHECK(run(model, input()).size() == 4);
    CHECK(model.get_memory_info().packed_file == 0);
}
