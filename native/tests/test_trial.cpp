#include <doctest/doctest.h>
#include <executorch/extension/module/module.h>
#include <executorch/extension/tensor/tensor.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include "core/trial/child_trial.h"
#include "models.h"

using namespace godot_executorch;
using namespace godot_executorch::testing;
using executorch::extension::Module;

namespace {

constexpr int kSeconds = 20;

LoadOptions with_trial() {
    LoadOptions options;
    options.trial_seconds = kSeconds;
    return options;
}

/// Which bytes are changed: those of the flatbuffer, or of what follows it (XNNPACK's own flatbuffer, and weights).
enum class Part { Program, Segments };

/// The same with one to three changed bytes.
std::vector<char> changed(std::vector<char> bytes, Part part, std::mt19937& random) {
    uint64_t program_size = 0;
    std::memcpy(&program_size, bytes.data() + 16, sizeof program_size);
    const size_t first = part == Part::Program ? 64 : program_size;
    const size_t end = part == Part::Program ? program_size : bytes.size();
    for (unsigned changes = 1 + random() % 3; changes > 0; --changes) {
        bytes[first + random() % (end - first)] = static_cast<char>(random());
    }
    return bytes;
}

/// Runs forward with numbers from a generator, as a game would.
Status run_once(Session& model, unsigned seed) {
    std::mt19937 random(seed);
    for (const std::string& name : model.method_names()) {
        MethodSignature signature;
        Status status = model.method_signature(name, signature);
        std::vector<TensorValue> inputs;
        for (const ValueSpec& spec : signature.inputs) {
            TensorValue& input = inputs.emplace_back();
            input.dtype = spec.dtype;
            input.shape = spec.shape;
            input.data.resize(spec.element_count * dtype_size(spec.dtype));
            for (uint8_t& byte : input.data) {
                byte = static_cast<uint8_t>(random() % 64);
            }
        }
        std::vector<TensorValue> outputs;
        status = status.ok() ? model.execute(name, inputs, outputs) : std::move(status);
        if (!status.ok()) {
            return status;
        }
    }
    return {};
}

/// ExecuTorch alone, with InternalConsistency and nothing of ours.
Status run_raw(const std::string& path) {
    Module module(path, Module::LoadMode::File);
    const auto failed = [](executorch::runtime::Error error) { return Status(error, "raw"); };
    const auto loaded = module.load(executorch::runtime::Program::Verification::InternalConsistency);
    if (loaded != executorch::runtime::Error::Ok) {
        return failed(loaded);
    }
    const auto names = module.method_names();
    if (!names.ok()) {
        return failed(names.error());
    }
    for (const std::string& name : names.get()) {
        const auto meta = module.method_meta(name);
        if (!meta.ok()) {
            return failed(meta.error());
        }
        std::vector<executorch::runtime::EValue> values;
        std::vector<executorch::extension::TensorPtr> tensors;
        for (size_t i = 0; i < meta->num_inputs(); ++i) {
            const auto tensor = meta->input_tensor_meta(i);
            if (!tensor.ok()) {
                return failed(tensor.error());
            }
            const std::vector<int32_t> sizes(tensor->sizes().begin(), tensor->sizes().end());
            tensors.push_back(executorch::extension::zeros(sizes, tensor->scalar_type()));
            values.emplace_back(tensors.back());
        }
        const auto result = module.execute(name, values);
        if (!result.ok()) {
            return failed(result.error());
        }
    }
    return {};
}

bool is_crash(const ChildResult& result) {
    return result.end == ChildEnd::Crashed || result.end == ChildEnd::TookTooLong;
}

}  // namespace

TEST_CASE("what a child does is told: its end, its error, its crash, its hang") {
    CHECK(run_in_child(kSeconds, [] { return Status(); }).end == ChildEnd::Ran);
    const ChildResult refused = run_in_child(kSeconds, [] { return Status(Code::NotLoaded, "said by the child"); });
    CHECK(refused.end == ChildEnd::Answered);
    CHECK(refused.detail == "said by the child");
    const ChildResult crashed = run_in_child(kSeconds, [] {
        ::raise(SIGSEGV);
        return Status();
    });
    CHECK(crashed.end == ChildEnd::Crashed);
    const ChildResult hung = run_in_child(1, [] {
        while (true) {
            ::pause();
        }
        return Status();
    });
    CHECK(hung.end == ChildEnd::TookTooLong);
}

TEST_CASE("no valid program is refused by the trial") {
    for (const char* name : {"linear_xnnpack.pte", "linear_portable.pte", "methods.pte", "counter.pte", "policy.pte",
                             "convnet.pte", "convnet_portable.pte", "channels_last.pte", "same_bool.pte"}) {
        CAPTURE(name);
        Session model;
        const Status status = model.load_from_file(model_path(name), with_trial());
        CHECK_MESSAGE(status.ok(), (status.ok() ? "" : status.failure().cause));
        const std::vector<char> bytes = read_file(model_path(name));
        CHECK(model.load_from_buffer(bytes.data(), bytes.size(), with_trial()).ok());
    }
    // What the child is told is told here, with its code.
    std::vector<char> bytes = read_file(model_path("linear_xnnpack.pte"));
    const std::string name = "XnnpackBackend";
    *(std::search(bytes.begin(), bytes.end(), name.begin(), name.end()) + 13) = 'x';
    Session model;
    const Status refused = model.load_from_buffer(bytes.data(), bytes.size(), with_trial());
    REQUIRE(refused.code() == static_cast<int>(Code::BackendMissing));
    CHECK(refused.failure().cause.find("XnnpackBackenx") != std::string::npos);
    CHECK(refused.failure().remedy.find("get_backends()") != std::string::npos);
    CHECK_FALSE(model.load_from_file(model_path("external.pte"), with_trial()).ok());
    LoadOptions options = with_trial();
    options.external = {model_path("weights.ptd")};
    CHECK(model.load_from_file(model_path("external.pte"), options).ok());
}

TEST_CASE("a trial leaves the session's state alone") {
    Session model;
    REQUIRE(model.load_from_file(model_path("counter.pte"), with_trial()).ok());
    CHECK(run(model, floats({1}, {1})) == std::vector<float>{6});
}

TEST_CASE("trials while other threads run models never hang") {
    const TensorValue input = floats(std::vector<float>(3 * 16 * 16, 0.5F), {1, 3, 16, 16});
    Session running;
    REQUIRE(running.load_from_file(model_path("convnet.pte")).ok());
    const std::vector<float> expected = run(running, input);
    std::atomic<bool> stop{false};
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t) {
        threads.emplace_back([&, session = std::shared_ptr<Session>(running.new_session())] {
            while (!stop) {
                wrong += run(*session, input) == expected ? 0 : 1;
                Session another;
                wrong += another.load_from_file(model_path("policy.pte")).ok() ? 0 : 1;
                wrong += another.load_method("forward").ok() ? 0 : 1;
            }
        });
    }
    const std::vector<char> bytes = read_file(model_path("convnet.pte"));
    for (int i = 0; i < 30; ++i) {
        Session model;
        CHECK(model.load_from_buffer(bytes.data(), bytes.size(), with_trial()).ok());
    }
    stop = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(wrong == 0);
}

TEST_CASE("external weights with changed bytes are refused or read, with a valid hash too") {
    const std::vector<char> good = read_file(model_path("weights.ptd"));
    std::mt19937 random(5);
    int refused = 0;
    for (int i = 0; i < 400; ++i) {
        std::vector<char> bytes = good;
        for (unsigned changes = 1 + random() % 3; changes > 0; --changes) {
            bytes[random() % std::min<size_t>(bytes.size(), 512)] = static_cast<char>(random());
        }
        LoadOptions options;
        ExternalWeights& weights = options.external.emplace_back("changed.ptd");
        weights.size = bytes.size();
        weights.read = [&bytes](uint64_t offset, size_t size, void* destination) {
            std::memcpy(destination, bytes.data() + offset, size);
            return true;
        };
        // Without a trial, as a file with a valid hash is loaded. A crash would be this process's.
        Session session;
        const bool ok = session.load_from_file(model_path("external.pte"), options).ok();
        refused += ok && !run(session, floats({1}, {1, 1})).empty() ? 0 : 1;
    }
    CHECK(refused > 100);
    CHECK(refused < 400);
}

TEST_CASE("programs with changed bytes are refused or run; what crashes, crashes in a child") {
    std::mt19937 random(7);
    int refused = 0;
    int ran = 0;
    const char* const names[] = {"convnet_portable.pte", "convnet.pte", "methods.pte", "policy.pte"};
    for (int i = 0; i < 80; ++i) {
        const std::vector<char> bytes = changed(read_file(model_path(names[i % 4])), Part::Program, random);
        Session model;
        const bool ok = model.load_from_buffer(bytes.data(), bytes.size(), with_trial()).ok();
        ++(ok ? ran : refused);
    }
    CHECK(refused > 0);
    CHECK(ran > 0);
}

namespace {

void measure(Part part, const std::vector<std::string>& names, int files) {
    int raw_crashes = 0;
    int check_refuses = 0;
    int check_crashes = 0;
    int trial_refuses = 0;
    int trial_crashes = 0;
    std::mt19937 random(11);
    for (int i = 0; i < files; ++i) {
        const std::vector<char> bytes =
            changed(read_file(model_path(names[static_cast<size_t>(i) % names.size()])), part, random);
        const std::string path = scratch_file(bytes);
        raw_crashes += is_crash(run_in_child(5, [&] { return run_raw(path); })) ? 1 : 0;
        Session model;
        if (!model.load_from_buffer(bytes.data(), bytes.size()).ok()) {
            ++check_refuses;
            continue;
        }
        const auto in_game = [&](unsigned seed) {
            return is_crash(run_in_child(5, [&] { return run_once(model, seed); }));
        };
        const bool crashes = in_game(1) || in_game(2) || in_game(3);
        check_crashes += crashes ? 1 : 0;
        if (!model.load_from_buffer(bytes.data(), bytes.size(), with_trial()).ok()) {
            ++trial_refuses;
            continue;
        }
        trial_crashes += crashes ? 1 : 0;
    }
    MESSAGE("of " << files << ": InternalConsistency alone " << raw_crashes << " crashes; check refuses "
                  << check_refuses << ", leaves " << check_crashes << " crashes; trial refuses " << trial_refuses
                  << " more, leaves " << trial_crashes << " crashes");
}

}  // namespace

// docs/integrity.md has its table.
TEST_CASE("measure what each step leaves of changed programs" * doctest::skip()) {
    measure(Part::Program, {"convnet_portable.pte", "convnet.pte", "methods.pte", "policy.pte", "counter.pte"}, 12000);
}

TEST_CASE("measure what each step leaves of changed segments" * doctest::skip()) {
    measure(Part::Segments, {"convnet.pte", "policy.pte", "linear_xnnpack.pte"}, 6000);
}

TEST_CASE("measure what a trial costs" * doctest::skip()) {
    for (const char* name : {"linear_xnnpack.pte", "convnet.pte", "big.pte"}) {
        const auto time_of = [&](int seconds) {
            const auto start = std::chrono::steady_clock::now();
            LoadOptions options;
            options.trial_seconds = seconds;
            Session model;
            REQUIRE(model.load_from_file(model_path(name), options).ok());
            return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
        };
        const double without = time_of(0);
        const double first = time_of(kSeconds);
        MESSAGE(std::string(name) << ": load without a trial " << without << " ms, the first time " << first
                                  << " ms, the second " << time_of(kSeconds) << " ms");
    }
}
