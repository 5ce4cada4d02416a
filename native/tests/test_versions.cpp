#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <thread>

#include "core/runtime/thread_pool.h"
#include "models.h"

using namespace godot_executorch;
using namespace godot_executorch::testing;

namespace {

const TensorValue& one() {
    static const TensorValue value = floats({1}, {1});
    return value;
}

/// Runs `work` in a thread of its own while this one is inside a call; false when it waits for the call.
bool ends_during_a_call(Session& session, const std::function<void()>& work) {
    std::future<void> done;
    bool ended = false;
    {
        Call call(session);
        REQUIRE(call.begin_forward().ok());
        done = std::async(std::launch::async, work);
        ended = done.wait_for(std::chrono::seconds(20)) == std::future_status::ready;
    }
    done.wait();
    return ended;
}

}  // namespace

TEST_CASE("only calls wait for a running call") {
    Session other;
    REQUIRE(other.load_from_file(model_path("counter.pte")).ok());
    const int threads = thread_count();
    const auto session_is_free = [&](const std::function<void(Session&)>& work) {
        Session session;
        REQUIRE(session.load_from_file(model_path("counter.pte")).ok());
        REQUIRE(run(session, one()) == std::vector<float>{6});
        return ends_during_a_call(session, [&] { work(session); });
    };
    CHECK(session_is_free([](Session& session) { session.clear(); }));
    CHECK(session_is_free([&](Session& session) { session.become_session_of(other); }));
    CHECK(session_is_free([](Session& session) {
        CHECK(session.load_from_file(model_path("counter.pte")).ok());
        CHECK(session.is_loaded());
    }));
    CHECK(session_is_free([](Session& session) { CHECK(session.reset_state().ok()); }));
    CHECK(session_is_free([](Session& session) { CHECK(session.enable_profiling(true).ok()); }));
    CHECK(
        session_is_free([](Session& session) { CHECK(session.set_optimization_level(OptimizationLevel::None).ok()); }));
    CHECK(session_is_free([](Session& session) { CHECK_FALSE(session.set_memory_pool(nullptr).ok()); }));
    CHECK(session_is_free([](Session& session) {
        CHECK_FALSE(session.configure_memory(MemoryPolicy::Auto, 0).ok());
        CHECK(session.get_memory_info().planned.size() > 0);
        CHECK(session.get_statistics().count == 1);
        session.reset_statistics();
        session.get_profile();
        CHECK(session.method_names().size() == 1);
        MethodSignature signature;
        CHECK(session.method_signature("forward", signature).ok());
        CHECK(session.set_signature("forward", {{"x", "", {}, {}}}, {{"y", "", {}, {}}}).ok());
        CHECK(session.new_session()->is_loaded());
    }));
    CHECK(session_is_free([&](Session&) {
        CHECK(set_thread_count(threads + 1).ok());
        CHECK(thread_count() == threads + 1);
        CHECK(set_thread_count(threads).ok());
    }));
}

TEST_CASE("what was set during a call holds from the next one on") {
    Session session;
    REQUIRE(session.load_from_file(model_path("counter.pte")).ok());
    CHECK(run(session, one()) == std::vector<float>{6});
    CHECK(ends_during_a_call(session, [&] {
        CHECK(session.reset_state().ok());
        CHECK(session.enable_profiling(true).ok());
        CHECK(session.set_optimization_level(OptimizationLevel::None).ok());
        CHECK(session.set_signature("forward", {{"step", "", {}, {}}}, {{"sum", "", {}, {}}}).ok());
    }));
    CHECK(run(session, one()) == std::vector<float>{6});
    CHECK(session.get_profile().calls.size() == 1);
    MethodSignature signature;
    REQUIRE(session.method_signature("forward", signature).ok());
    CHECK(signature.inputs[0].name == "step");
    CHECK(run(session, one()) == std::vector<float>{7});
}

TEST_CASE("a call ends on the version that it began with") {
    Session session;
    REQUIRE(session.load_from_file(model_path("linear_portable.pte")).ok());
    const float input = 1;
    {
        Call call(session);
        REQUIRE(call.begin_forward().ok());
        std::thread([&] { session.clear(); }).join();
        CHECK_FALSE(session.is_loaded());
        REQUIRE(call.method().set_tensor(0, call.signature().inputs[0].shape, &input).ok());
        REQUIRE(call.execute().ok());
        CHECK(*static_cast<const float*>(call.output(0).toTensor().const_data_ptr()) == 5.0F);
    }
    std::vector<TensorValue> outputs;
    CHECK(session.forward({floats({1}, {1, 1})}, outputs).code() == static_cast<int>(Code::NotLoaded));
}

TEST_CASE("no call fails while the session goes from version to version") {
    Session versions[2];
    REQUIRE(versions[0].load_from_file(model_path("linear_portable.pte")).ok());
    REQUIRE(versions[1].load_from_file(model_path("linear_xnnpack.pte")).ok());
    Session session;
    session.become_session_of(versions[0]);
    std::atomic<bool> stop{false};
    std::atomic<int> failed{0};
    std::atomic<int> calls{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            while (!stop) {
                failed += run(session, floats({1}, {1, 1})) == std::vector<float>{5} ? 0 : 1;
                ++calls;
            }
        });
    }
    for (int i = 0; i < 2000 || calls < 100; ++i) {
        session.become_session_of(versions[i % 2]);
    }
    stop = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(failed == 0);
}
