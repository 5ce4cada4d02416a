#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "core/runtime/thread_pool.h"
#include "models.h"

using namespace godot_executorch;
using namespace godot_executorch::testing;

// All that a game's threads may do at the same time. Long with STRESS_SECONDS, for the ThreadSanitizer.
TEST_CASE("stress: calls, loads, settings, memory pools and threads at the same time") {
    const char* given = std::getenv("STRESS_SECONDS");
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(given ? 1000 * std::atoi(given) : 500);
    const int before = thread_count();
    const auto pool = std::make_shared<MemoryPool>();
    Session versions[2];
    REQUIRE(versions[0].load_from_file(model_path("linear_portable.pte")).ok());
    REQUIRE(versions[1].load_from_file(model_path("linear_xnnpack.pte")).ok());
    Session shared;
    shared.become_session_of(versions[0]);
    Session pooled[2];
    for (Session& session : pooled) {
        REQUIRE(session.configure_memory(MemoryPolicy::Custom, 0).ok());
        REQUIRE(session.set_memory_pool(pool).ok());
    }
    REQUIRE(pooled[0].load_from_file(model_path("policy.pte")).ok());
    REQUIRE(pooled[1].load_from_file(model_path("convnet_portable.pte")).ok());
    const TensorValue row = floats(std::vector<float>(8, 1.0F), {1, 8});
    const TensorValue image = floats(std::vector<float>(3 * 16 * 16, 0.5F), {1, 3, 16, 16});
    std::atomic<int> failed{0};
    const auto repeat = [&](auto work) {
        return std::thread([&, work] {
            for (int i = 0; std::chrono::steady_clock::now() < end; ++i) {
                failed += work(i) ? 0 : 1;
            }
        });
    };
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t) {
        threads.push_back(repeat([&](int) { return run(shared, floats({1}, {1, 1})) == std::vector<float>{5}; }));
    }
    threads.push_back(repeat([&](int i) {
        shared.become_session_of(versions[i % 2]);
        std::this_thread::sleep_for(std::chrono::microseconds(200));
        return shared.is_loaded();
    }));
    threads.push_back(repeat([&](int) { return run(pooled[0], row).size() == 4; }));
    threads.push_back(repeat([&](int) { return run(pooled[1], image).size() == 4; }));
    threads.push_back(repeat([&](int i) {
        Session session;
        return session.load_from_file(model_path(i % 2 == 0 ? "policy.pte" : "counter.pte")).ok() &&
               session.load_method("forward").ok();
    }));
    threads.push_back(repeat([&](int i) {
        Session& session = pooled[i % 2];
        session.get_memory_info();
        session.get_statistics();
        session.get_profile();
        const bool set = i % 8 != 0 || session.enable_profiling(i % 16 == 0).ok();
        std::this_thread::sleep_for(std::chrono::microseconds(300));
        return set && (i % 64 != 0 || set_thread_count(1 + i / 64 % 2).ok()) && pool->saved() < (size_t{1} << 20);
    }));
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(failed == 0);
    REQUIRE(set_thread_count(before).ok());
}
