#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "core/program/data/data_source.h"
#include "core/program/data/sha256.h"
#include "core/runtime/guarded.h"
#include "core/trial/child_trial.h"
#include "models.h"

using namespace godot_executorch;
using namespace godot_executorch::testing;

namespace {

std::string hash_of(const std::string& text) {
    Sha256 sha256;
    sha256.add(text.data(), text.size());
    return sha256.finish();
}

}  // namespace

TEST_CASE("SHA-256 gives the standard's results") {
    CHECK(hash_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(hash_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hash_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    Sha256 million;
    for (int i = 0; i < 10000; ++i) {
        million.add(std::string(100, 'a').data(), 100);
    }
    CHECK(million.finish() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("a file is loaded only when its hash is the expected one") {
    const std::vector<char> good = read_file(model_path("linear_portable.pte"));
    const std::string path = scratch_file(good);
    LoadOptions options;
    options.sha256 = hash_of(std::string(good.begin(), good.end()));
    Session model;
    CHECK(model.load_from_file(path, options).ok());
    CHECK(model.load_from_file(path, options).ok());
    std::vector<char> changed = good;
    changed.back() = static_cast<char>(changed.back() ^ 1);
    scratch_file(changed);
    const Status refused = model.load_from_file(path, options);
    REQUIRE(refused.code() == static_cast<int>(Code::HashMismatch));
    CHECK(refused.failure().cause.find(options.sha256) != std::string::npos);
    CHECK(model.load_from_buffer(changed.data(), changed.size(), options).code() ==
          static_cast<int>(Code::HashMismatch));
    // What was loaded before stays.
    CHECK(run(model, floats({1}, {1, 1})) == std::vector<float>{5});
}

TEST_CASE("a pipe with a model's name is refused, not waited for") {
    const std::string path = std::string(TEST_MODELS) + "/pipe_" + std::to_string(getpid()) + ".pte";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    const ChildResult result = run_in_child(60, [&] { return Session().load_from_file(path); });
    CHECK(result.end == ChildEnd::Answered);
    CHECK(result.code == static_cast<int>(Code::FileUnreadable));
    std::remove(path.c_str());
}

TEST_CASE("files that are not programs are refused") {
    Session model;
    CHECK(model.load_from_file("/nowhere/model.pte").code() == static_cast<int>(Code::FileUnreadable));
    CHECK(model.load_from_file(TEST_MODELS).code() == static_cast<int>(Code::FileUnreadable));
    const std::vector<char> cases[] = {
        {}, {'E'}, std::vector<char>(1000, 'x'), {'P', 'K', 3, 4}, std::vector<char>(64, 0)};
    for (const std::vector<char>& bytes : cases) {
        CHECK(model.load_from_file(scratch_file(bytes)).code() == static_cast<int>(Code::NotAProgram));
        CHECK(model.load_from_buffer(bytes.data(), bytes.size()).code() == static_cast<int>(Code::NotAProgram));
    }
    CHECK_FALSE(model.is_loaded());
}

TEST_CASE("truncated programs are refused, wherever they end") {
    for (const char* name : {"linear_xnnpack.pte", "methods.pte", "convnet.pte"}) {
        const std::vector<char> whole = read_file(model_path(name));
        for (size_t size = 0; size < whole.size(); size += 37) {
            Session model;
            Status status = model.load_from_buffer(whole.data(), size);
            if (status.ok()) {
                status = model.load_method("forward");
            }
            CAPTURE(size);
            // The last bytes can be padding.
            CHECK((!status.ok() || size + 64 > whole.size()));
        }
    }
}

TEST_CASE("state is found in the program") {
    const auto has_state = [](const char* name) {
        Session model;
        MethodSignature signature;
        REQUIRE(model.load_from_file(model_path(name)).ok());
        REQUIRE(model.method_signature("forward", signature).ok());
        return signature.has_state;
    };
    CHECK(has_state("counter.pte"));
    for (const char* name : {"linear_xnnpack.pte", "linear_portable.pte", "policy.pte", "convnet.pte",
                             "convnet_portable.pte", "channels_last.pte", "same_int8.pte"}) {
        CAPTURE(name);
        CHECK_FALSE(has_state(name));
    }
}

TEST_CASE("a file that is cut short while it is mapped gives an error, not a crash") {
    const std::string path = scratch_file(read_file(model_path("big.pte")));
    Session model;
    REQUIRE(model.load_from_file(path).ok());
    REQUIRE(::truncate(path.c_str(), 4096) == 0);
    const Status status = model.load_method("forward");
    if (status.ok()) {
        std::vector<TensorValue> outputs;
        const Status ran = model.forward({floats(std::vector<float>(2048, 1.0F), {1, 2048})}, outputs);
        CHECK(ran.code() == static_cast<int>(Code::FileChanged));
    }
    std::remove(path.c_str());
}

TEST_CASE("a small file that is cut short inside its last page is noticed when a method is loaded") {
    const std::string path = scratch_file(read_file(model_path("linear_xnnpack.pte")));
    Session model;
    REQUIRE(model.load_from_file(path).ok());
    REQUIRE(::truncate(path.c_str(), 1000) == 0);
    CHECK(model.load_method("forward").code() == static_cast<int>(Code::FileChanged));
    std::remove(path.c_str());
}

TEST_CASE("a file that is cut short inside its last page between two calls is noticed by the next") {
    const std::vector<char> whole = read_file(model_path("convnet_portable.pte"));
    const std::string path = scratch_file(whole);
    const TensorValue image = floats(std::vector<float>(3 * 16 * 16, 0.5F), {1, 3, 16, 16});
    Session model;
    REQUIRE(model.load_from_file(path).ok());
    std::vector<TensorValue> outputs;
    REQUIRE(model.forward({image}, outputs).ok());
    REQUIRE(::truncate(path.c_str(), static_cast<off_t>(whole.size() - 200)) == 0);
    CHECK(model.forward({image}, outputs).code() == static_cast<int>(Code::FileChanged));
    CHECK(outputs.empty());
    std::remove(path.c_str());
}

TEST_CASE("a file that is rewritten in place does not change what was read of it") {
    const std::string path = scratch_file(read_file(model_path("linear_portable.pte")));
    Session model;
    REQUIRE(model.load_from_file(path).ok());
    {
        std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
        file.write(std::string(600, '\xff').data(), 600);
    }
    std::vector<TensorValue> outputs;
    CHECK(model.forward({floats({1}, {1, 1})}, outputs).ok());
    std::remove(path.c_str());
}

TEST_CASE("a compressed stream is unpacked once, not anew for every segment that lies before") {
    constexpr size_t kBytes = size_t{8} << 20;
    constexpr size_t kSegment = kBytes / 16;
    const std::vector<char> bytes(kBytes, 'x');
    size_t position = 0;
    size_t unpacked = 0;
    uint64_t checksum = 0;
    // As a ZIP does it: going back begins at the first byte, and each byte on the way is work.
    const auto unpack = [&](uint64_t offset, size_t size, void* destination) {
        position = offset < position ? 0 : position;
        for (; position < offset + size; ++position, ++unpacked) {
            checksum = checksum * 31 + static_cast<uint8_t>(bytes[position]);
        }
        std::memcpy(destination, bytes.data() + offset, size);
        return true;
    };
    const std::unique_ptr<DataSource> source = from_stream(unpack, kBytes);
    const DataSource::SegmentInfo segment(DataSource::SegmentInfo::Type::Constant);
    std::vector<char> read(kBytes);
    REQUIRE(source->load_into(0, kBytes, segment, read.data()) == executorch::runtime::Error::Ok);
    for (size_t i = 16; i-- > 0;) {
        auto loaded = source->load(i * kSegment, kSegment, segment);
        REQUIRE(loaded.ok());
        CHECK(std::memcmp(loaded->data(), bytes.data() + i * kSegment, kSegment) == 0);
    }
    CHECK(checksum != 0);
    CHECK(unpacked <= kBytes + (size_t{1} << 20));
}

TEST_CASE("a fatal check inside ExecuTorch becomes an error") {
    const Status status = guarded("testing", []() -> Status {
        ET_CHECK_MSG(false, "this check fails");
        return {};
    });
    REQUIRE(status.code() == static_cast<int>(Code::FatalCheck));
    CHECK(status.failure().cause.find("this check fails") != std::string::npos);
}
