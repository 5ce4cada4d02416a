#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <thread>

#include "core/runtime/thread_pool.h"
#include "models.h"

using namespace godot_executorch;
using namespace godot_executorch::testing;

TEST_CASE("a linear model gives 2x + 3 from a file, a mapping, a buffer and a stream") {
    for (const char* name : {"linear_xnnpack.pte", "linear_portable.pte"}) {
        const std::vector<char> bytes = read_file(model_path(name));
        for (int way = 0; way < 4; ++way) {
            Session model;
            LoadOptions options;
            options.mmap = way == 0;
            Status status;
            if (way < 2) {
                status = model.load_from_file(model_path(name), options);
            } else if (way == 2) {
                status = model.load_from_buffer(bytes.data(), bytes.size());
            } else {
                const auto read = [&](uint64_t offset, size_t size, void* destination) {
                    std::memcpy(destination, bytes.data() + offset, size);
                    return true;
                };
                status = model.load_from_stream(read, bytes.size());
            }
            REQUIRE(status.ok());
            CHECK(run(model, floats({2.5F}, {1, 1})) == std::vector<float>{8.0F});
            CHECK(run(model, floats({-1.0F}, {1, 1})) == std::vector<float>{1.0F});
        }
    }
}

TEST_CASE("calls before loading and with unknown methods say so") {
    Session model;
    std::vector<TensorValue> outputs;
    CHECK(model.forward({}, outputs).code() == static_cast<int>(Code::NotLoaded));
    REQUIRE(model.load_from_file(model_path("methods.pte")).ok());
    const Status status = model.execute("backward", {}, outputs);
    REQUIRE(status.code() == static_cast<int>(Code::UnknownMethod));
    CHECK(status.failure().cause.find("forward, pair") != std::string::npos);
    model.clear();
    CHECK_FALSE(model.is_loaded());
    CHECK(model.forward({}, outputs).code() == static_cast<int>(Code::NotLoaded));
}

TEST_CASE("methods are called by name, and constant methods are values") {
    Session model;
    REQUIRE(model.load_from_file(model_path("methods.pte")).ok());
    std::vector<TensorValue> outputs;
    const TensorValue two = floats({2, 2, 2, 2, 2, 2}, {2, 3});
    REQUIRE(model.execute("pair", {floats({1, 2, 3, 4, 5, 6}, {2, 3}), two}, outputs).ok());
    REQUIRE(outputs.size() == 2);
    CHECK(to_floats(outputs[0]) == std::vector<float>{3, 4, 5, 6, 7, 8});
    CHECK(to_floats(outputs[1]) == std::vector<float>{2, 4, 6, 8, 10, 12});
    Call call(model);
    REQUIRE(call.begin("answer").ok());
    REQUIRE(call.execute().ok());
    CHECK(call.output(0).toInt() == 42);
}

TEST_CASE("mutable buffers keep their state per session, and reset_state restores the initial value") {
    Session model;
    REQUIRE(model.load_from_file(model_path("counter.pte")).ok());
    const TensorValue one = floats({1}, {1});
    CHECK(run(model, one) == std::vector<float>{6});
    CHECK(run(model, one) == std::vector<float>{7});
    const std::unique_ptr<Session> session = model.new_session();
    CHECK(run(*session, one) == std::vector<float>{6});
    CHECK(run(model, one) == std::vector<float>{8});
    REQUIRE(model.reset_state().ok());
    CHECK(run(model, one) == std::vector<float>{6});
    CHECK(run(*session, one) == std::vector<float>{7});
}

TEST_CASE("state that has become zero is not the initial one after a change") {
    Session model;
    REQUIRE(model.load_from_file(model_path("counter.pte")).ok());
    CHECK(run(model, floats({-5}, {1})) == std::vector<float>{0});
    REQUIRE(model.enable_profiling(true).ok());
    CHECK(run(model, floats({1}, {1})) == std::vector<float>{1});
}

TEST_CASE("state survives a change of the optimization level and of profiling") {
    Session model;
    REQUIRE(model.load_from_file(model_path("counter.pte")).ok());
    const TensorValue one = floats({1}, {1});
    CHECK(run(model, one) == std::vector<float>{6});
    REQUIRE(model.set_optimization_level(OptimizationLevel::Aggressive).ok());
    CHECK(run(model, one) == std::vector<float>{7});
    REQUIRE(model.enable_profiling(true).ok());
    CHECK(run(model, one) == std::vector<float>{8});
    REQUIRE(model.enable_profiling(false).ok());
    CHECK(run(model, one) == std::vector<float>{9});
    REQUIRE(model.reset_state().ok());
    CHECK(run(model, one) == std::vector<float>{6});
}

TEST_CASE("every optimization level gives the same numbers") {
    std::vector<float> input(3 * 16 * 16);
    for (size_t i = 0; i < input.size(); ++i) {
        input[i] = std::sin(static_cast<float>(i));
    }
    Session portable;
    REQUIRE(portable.load_from_file(model_path("convnet_portable.pte")).ok());
    const std::vector<float> expected = run(portable, floats(input, {1, 3, 16, 16}));
    REQUIRE(expected.size() == 4);
    for (int level = 0; level < 3; ++level) {
        Session model;
        REQUIRE(model.load_from_file(model_path("convnet.pte")).ok());
        REQUIRE(model.set_optimization_level(static_cast<OptimizationLevel>(level)).ok());
        const std::vector<float> got = run(model, floats(input, {1, 3, 16, 16}));
        REQUIRE(got.size() == 4);
        for (size_t i = 0; i < 4; ++i) {
            CHECK(got[i] == doctest::Approx(expected[i]).epsilon(1e-4));
        }
    }
}

TEST_CASE("a channels-last model takes and gives C order") {
    Session model;
    REQUIRE(model.load_from_file(model_path("channels_last.pte")).ok());
    const std::vector<float> values = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    CHECK(run(model, floats(values, {1, 2, 2, 3})) == values);
}

TEST_CASE("external weights: with their file, and a clear error without") {
    LoadOptions options;
    options.external = {model_path("weights.ptd")};
    Session model;
    REQUIRE(model.load_from_file(model_path("external.pte"), options).ok());
    CHECK(run(model, floats({1}, {1, 1})) == std::vector<float>{5});
    Session without;
    REQUIRE(without.load_from_file(model_path("external.pte")).ok());
    CHECK_FALSE(without.load_method("forward").ok());
    options.external = {model_path("nowhere.ptd")};
    CHECK(without.load_from_file(model_path("external.pte"), options).code() == static_cast<int>(Code::FileUnreadable));
    options.external = {model_path("linear_xnnpack.pte")};
    CHECK_FALSE(without.load_from_file(model_path("external.pte"), options).ok());
}

TEST_CASE("one session called from several threads is serialised") {
    Session model;
    REQUIRE(model.load_from_file(model_path("policy.pte")).ok());
    const std::vector<float> expected = run(model, floats(std::vector<float>(8, 1.0F), {1, 8}));
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 500; ++i) {
                wrong += run(model, floats(std::vector<float>(8, 1.0F), {1, 8})) == expected ? 0 : 1;
                const MemoryInfo info = model.get_memory_info();
                wrong += info.planned.size() == 1 ? 0 : 1;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(wrong == 0);
    CHECK(model.get_statistics().count == 2001);
}

TEST_CASE("sessions of one program run side by side") {
    Session model;
    REQUIRE(model.load_from_file(model_path("convnet.pte")).ok());
    const TensorValue input = floats(std::vector<float>(3 * 16 * 16, 0.5F), {1, 3, 16, 16});
    const std::vector<float> expected = run(model, input);
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, session = std::shared_ptr<Session>(model.new_session())] {
            for (int i = 0; i < 200; ++i) {
                wrong += run(*session, input) == expected ? 0 : 1;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(wrong == 0);
}

TEST_CASE("the number of threads changes under loaded and running models") {
    const TensorValue input = floats(std::vector<float>(3 * 16 * 16, 0.5F), {1, 3, 16, 16});
    const int before = thread_count();
    Session model;
    Session counter;
    REQUIRE(model.load_from_file(model_path("convnet.pte")).ok());
    REQUIRE(counter.load_from_file(model_path("counter.pte")).ok());
    const std::vector<float> expected = run(model, input);
    CHECK(run(counter, floats({1}, {1})) == std::vector<float>{6});
    std::atomic<bool> stop{false};
    std::atomic<int> wrong{0};
    std::thread caller([&] {
        while (!stop) {
            wrong += run(model, input).size() == 4 ? 0 : 1;
        }
    });
    for (int i = 0; i < 10; ++i) {
        REQUIRE(set_thread_count(1 + i % 3).ok());
        CHECK(thread_count() == 1 + i % 3);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    stop = true;
    caller.join();
    CHECK(wrong == 0);
    CHECK(run(counter, floats({1}, {1})) == std::vector<float>{7});
    CHECK_FALSE(set_thread_count(-1).ok());
    REQUIRE(set_thread_count(before).ok());
    const std::vector<float> after = run(model, input);
    for (size_t i = 0; i < expected.size(); ++i) {
        CHECK(after[i] == doctest::Approx(expected[i]).epsilon(1e-5));
    }
}
