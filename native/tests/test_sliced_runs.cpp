#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "core/runtime/thread_pool.h"
#include "models.h"

using namespace godot_executorch;
using namespace godot_executorch::testing;

namespace {

constexpr std::chrono::nanoseconds kOneInstruction{0};
constexpr std::chrono::nanoseconds kWhole = std::chrono::hours(1);

/// A sliced run with one input, whose first output becomes `result`.
struct Sliced {
    TensorValue input;
    std::vector<float> result;
    int given = 0;
    std::shared_ptr<SlicedRun> run;

    explicit Sliced(TensorValue value, const std::string& method = "forward") : input(std::move(value)) {
        run = std::make_shared<SlicedRun>(
            method,
            [this](Call& call) {
                ++given;
                return call.method().set_tensor(0, input.shape, input.data.data());
            },
            [this](Call& call) {
                const auto& tensor = call.output(0).toTensor();
                const auto* data = static_cast<const float*>(tensor.const_data_ptr());
                result.assign(data, data + tensor.numel());
            });
    }

    /// Runs the rest instruction by instruction; the number of slices.
    int finish(Session& session) {
        int slices = 0;
        for (; !run->is_done() && slices < 10'000; ++slices) {
            session.advance(run, kOneInstruction);
        }
        return slices;
    }
};

TensorValue picture() {
    std::vector<float> values(size_t{3} * 16 * 16);
    for (size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<float>(i % 17) / 17.0F;
    }
    return floats(values, {1, 3, 16, 16});
}

TensorValue one() {
    return floats({1}, {1});
}

}  // namespace

TEST_CASE("a sliced run gives what the whole call gives, in several slices") {
    for (const char* name : {"convnet_portable.pte", "waves.pte"}) {
        Session session;
        REQUIRE(session.load_from_file(model_path(name)).ok());
        const std::vector<float> whole = run(session, picture());
        REQUIRE(whole.size() == 4);
        for (int round = 0; round < 3; ++round) {
            Sliced sliced(picture());
            CHECK(sliced.finish(session) >= 3);
            CHECK(sliced.run->status().ok());
            CHECK(sliced.result == whole);
        }
        CHECK(session.get_statistics().count == 4);
        Sliced at_once(picture());
        session.advance(at_once.run, kWhole);
        CHECK(at_once.run->is_done());
        CHECK(at_once.result == whole);
        CHECK(run(session, picture()) == whole);
    }
}

TEST_CASE("a call runs the rest of a sliced run first") {
    Session session;
    REQUIRE(session.load_from_file(model_path("counter.pte")).ok());
    Sliced sliced(one());
    session.advance(sliced.run, kOneInstruction);
    REQUIRE_FALSE(sliced.run->is_done());
    CHECK(run(session, one()) == std::vector<float>{7});
    CHECK(sliced.run->is_done());
    CHECK(sliced.result == std::vector<float>{6});
    session.advance(sliced.run, kOneInstruction);
    CHECK(run(session, one()) == std::vector<float>{8});

    Sliced first(one());
    Sliced second(one());
    session.advance(first.run, kOneInstruction);
    session.advance(second.run, kOneInstruction);
    CHECK(first.result == std::vector<float>{9});
    second.finish(session);
    CHECK(second.result == std::vector<float>{10});
}

TEST_CASE("a sliced run that is dropped leaves the state as it was") {
    Session session;
    REQUIRE(session.load_from_file(model_path("counter.pte")).ok());
    CHECK(run(session, one()) == std::vector<float>{6});
    int slices = 0;
    {
        Sliced counted(one());
        slices = counted.finish(session);
        CHECK(counted.result == std::vector<float>{7});
    }
    REQUIRE(slices >= 2);
    for (int after = 1; after < slices; ++after) {
        Sliced dropped(one());
        for (int i = 0; i < after; ++i) {
            session.advance(dropped.run, kOneInstruction);
        }
        dropped.run.reset();
        CHECK(run(session, one()) == std::vector<float>{7.0F + static_cast<float>(after)});
    }
}

TEST_CASE("a sliced run ends on the version that it began with") {
    Session session;
    REQUIRE(session.load_from_file(model_path("counter.pte")).ok());
    Sliced sliced(one());
    session.advance(sliced.run, kOneInstruction);
    REQUIRE(session.load_from_file(model_path("linear_portable.pte")).ok());
    CHECK(run(session, floats({1}, {1, 1})) == std::vector<float>{5});
    REQUIRE_FALSE(sliced.run->is_done());
    sliced.finish(session);
    CHECK(sliced.result == std::vector<float>{6});

    REQUIRE(session.load_from_file(model_path("counter.pte")).ok());
    Sliced cleared(one());
    session.advance(cleared.run, kOneInstruction);
    session.clear();
    cleared.finish(session);
    CHECK(cleared.result == std::vector<float>{6});
    Sliced late(one());
    session.advance(late.run, kOneInstruction);
    CHECK(late.run->status().code() == static_cast<int>(Code::NotLoaded));
}

TEST_CASE("settings that come between slices hold from the next call on") {
    Session session;
    REQUIRE(session.load_from_file(model_path("counter.pte")).ok());
    Sliced sliced(one());
    session.advance(sliced.run, kOneInstruction);
    CHECK(session.reset_state().ok());
    CHECK(session.enable_profiling(true).ok());
    CHECK(session.set_optimization_level(OptimizationLevel::None).ok());
    CHECK(session.get_memory_info().planned.size() > 0);
    sliced.finish(session);
    CHECK(sliced.result == std::vector<float>{6});
    CHECK(sliced.given == 1);
    CHECK(run(session, one()) == std::vector<float>{6});
    CHECK(session.get_profile().calls.size() == 1);
}

TEST_CASE("a sliced run begins again when the threads are others") {
    Session session;
    REQUIRE(session.load_from_file(model_path("waves.pte")).ok());
    const std::vector<float> whole = run(session, picture());
    Sliced sliced(picture());
    session.advance(sliced.run, kOneInstruction);
    REQUIRE_FALSE(sliced.run->is_done());
    const int threads = thread_count();
    REQUIRE(set_thread_count(threads + 1).ok());
    sliced.finish(session);
    CHECK(sliced.result == whole);
    CHECK(sliced.given == 2);
    REQUIRE(set_thread_count(threads).ok());
    CHECK(run(session, picture()) == whole);
}

TEST_CASE("a sliced run does not wait for a call of another thread") {
    Session session;
    REQUIRE(session.load_from_file(model_path("counter.pte")).ok());
    Sliced sliced(one());
    {
        Call call(session);
        REQUIRE(call.begin_forward().ok());
        std::thread([&] { session.advance(sliced.run, kWhole); }).join();
        CHECK_FALSE(sliced.run->is_done());
    }
    sliced.finish(session);
    CHECK(sliced.result == std::vector<float>{6});
}

TEST_CASE("calls of another thread and slices take turns") {
    Session session;
    REQUIRE(session.load_from_file(model_path("convnet_portable.pte")).ok());
    const std::vector<float> whole = run(session, picture());
    std::atomic<int> failed{0};
    std::thread caller([&] {
        for (int i = 0; i < 50; ++i) {
            failed += run(session, picture()) == whole ? 0 : 1;
        }
    });
    for (int i = 0; i < 50; ++i) {
        Sliced sliced(picture());
        while (!sliced.run->is_done()) {
            session.advance(sliced.run, kOneInstruction);
        }
        failed += sliced.result == whole ? 0 : 1;
    }
    caller.join();
    CHECK(failed == 0);
}

TEST_CASE("sliced runs are refused with their reason") {
    Session session;
    REQUIRE(session.load_from_file(model_path("linear_portable.pte")).ok());
    Sliced unknown(floats({1}, {1, 1}), "backward");
    session.advance(unknown.run, kWhole);
    REQUIRE(unknown.run->is_done());
    CHECK(unknown.run->status().code() == static_cast<int>(Code::UnknownMethod));

    Session pooled;
    REQUIRE(pooled.configure_memory(MemoryPolicy::Custom, 0).ok());
    REQUIRE(pooled.load_from_file(model_path("convnet.pte")).ok());
    Sliced refused(picture());
    pooled.advance(refused.run, kWhole);
    REQUIRE(refused.run->is_done());
    CHECK(refused.run->status().code() == static_cast<int>(Code::InvalidOption));
    CHECK(run(pooled, picture()).size() == 4);
    CHECK(pooled.get_statistics().errors == 1);
}

TEST_CASE("slices are traced as one call") {
    Session session;
    REQUIRE(session.load_from_file(model_path("waves.pte")).ok());
    REQUIRE(session.enable_profiling(true).ok());
    const std::vector<float> whole = run(session, picture());
    Sliced sliced(picture());
    sliced.finish(session);
    CHECK(sliced.result == whole);
    const Profile profile = session.get_profile();
    REQUIRE(profile.calls.size() == 2);
    const auto names = [](const TracedCall& call) {
        std::vector<std::string> all;
        for (const TracedEvent& event : call.events) {
            all.push_back(event.name);
        }
        return all;
    };
    CHECK(names(profile.calls[1]) == names(profile.calls[0]));
    Sliced open(picture());
    session.advance(open.run, kOneInstruction);
    CHECK(session.save_etdump(model_path("sliced.etdump")).ok());
    CHECK(open.result == whole);
}
