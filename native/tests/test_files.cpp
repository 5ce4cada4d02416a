#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <random>

#include "model/child_trial.h"
#include "model/sha256.h"
#include "models.h"

using namespace godot_executorch;
using namespace godot_executorch::testing;

namespace {

std::string scratch_file(const std::vector<char>& bytes) {
    const std::string path = std::string(TEST_MODELS) + "/scratch.pte";
    const std::string partial = path + ".partial";
    std::ofstream(partial, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    std::rename(partial.c_str(), path.c_str());
    return path;
}

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
    Model model;
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

TEST_CASE("files that are no programs are refused") {
    Model model;
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
            Model model;
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

TEST_CASE("no valid program is refused, by the check or by the trial in a child process") {
    for (const char* name : {"linear_xnnpack.pte", "linear_portable.pte", "methods.pte", "counter.pte", "policy.pte",
                             "convnet.pte", "convnet_portable.pte", "channels_last.pte", "same_bool.pte"}) {
        CAPTURE(name);
        const Status status = try_in_child(model_path(name), 20);
        CHECK_MESSAGE(status.ok(), (status.ok() ? "" : status.failure().cause));
    }
    CHECK(try_in_child(model_path("external.pte"), 20).code() == static_cast<int>(Code::StructureInvalid));
}

TEST_CASE("state is found in the program") {
    const auto has_state = [](const char* name) {
        Model model;
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

namespace {

struct Outcomes {
    int refused_by_check = 0;  // our walk
    int refused_by_load = 0;   // ExecuTorch's verification
    int refused_in_trial = 0;  // an error in the child
    int crashed_in_trial = 0;  // or a hang
    int ran = 0;
};

/// What becomes of programs with a few changed bytes in their flatbuffer.
Outcomes try_changed_programs(int rounds) {
    const char* const names[] = {"convnet_portable.pte", "convnet.pte", "methods.pte", "policy.pte"};
    std::mt19937 random(7);
    Outcomes outcomes;
    for (int i = 0; i < rounds; ++i) {
        std::vector<char> bytes = read_file(model_path(names[i % 4]));
        uint64_t program_size = 0;
        std::memcpy(&program_size, bytes.data() + 16, sizeof program_size);
        for (unsigned changes = 1 + random() % 3; changes > 0; --changes) {
            bytes[64 + random() % (program_size - 64)] = static_cast<char>(random());
        }
        Model model;
        const Status loaded = model.load_from_buffer(bytes.data(), bytes.size());
        if (!loaded.ok()) {
            const bool ours = loaded.code() == static_cast<int>(Code::StructureInvalid);
            ++(ours ? outcomes.refused_by_check : outcomes.refused_by_load);
            continue;
        }
        const Status tried = try_in_child(scratch_file(bytes), 5);
        const bool crashed = !tried.ok() && tried.failure().cause.find("it does not run") == std::string::npos;
        ++(tried.ok() ? outcomes.ran : crashed ? outcomes.crashed_in_trial : outcomes.refused_in_trial);
    }
    return outcomes;
}

}  // namespace

TEST_CASE("programs with changed bytes are refused or run; what crashes, crashes in a child") {
    const Outcomes outcomes = try_changed_programs(80);
    CHECK(outcomes.refused_by_check > 0);
    CHECK(outcomes.ran > 0);
}

TEST_CASE("measure what the check and the trial leave" * doctest::skip()) {
    const Outcomes outcomes = try_changed_programs(2000);
    MESSAGE("of 2000: refused by the check "
            << outcomes.refused_by_check << ", by ExecuTorch's verification " << outcomes.refused_by_load
            << ", in the trial " << outcomes.refused_in_trial << ", crashed in the trial " << outcomes.crashed_in_trial
            << ", ran " << outcomes.ran);
}

TEST_CASE("a file that is cut short while it is mapped gives an error, not a crash") {
    const std::string path = scratch_file(read_file(model_path("big.pte")));
    Model model;
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

TEST_CASE("a file that is rewritten in place does not change what was read of it") {
    const std::string path = scratch_file(read_file(model_path("linear_portable.pte")));
    Model model;
    REQUIRE(model.load_from_file(path).ok());
    {
        std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
        file.write(std::string(600, '\xff').data(), 600);
    }
    std::vector<TensorValue> outputs;
    CHECK(model.forward({floats({1}, {1, 1})}, outputs).ok());
    std::remove(path.c_str());
}

TEST_CASE("a fatal check inside ExecuTorch becomes an error") {
    const Status status = guarded("testing", []() -> Status {
        ET_CHECK_MSG(false, "this check fails");
        return {};
    });
    REQUIRE(status.code() == static_cast<int>(Code::FatalCheck));
    CHECK(status.failure().cause.find("this check fails") != std::string::npos);
}
