#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <utility>

#include "core/runtime/ticks.h"
#include "models.h"

using namespace godot_executorch;
using namespace godot_executorch::testing;

TEST_CASE("statistics count, and percentiles are numpy's") {
    // Ticks of a clock whose rate is found out: whole microseconds up to its precision.
    const double ticks_per_us = 1000.0 / (ticks_to_ns(1'000'000'000) / 1e9);
    Statistics statistics;
    for (int i = 1; i <= 10; ++i) {
        statistics.add(std::llround(i * ticks_per_us));
    }
    const StatisticsReport report = statistics.report();
    CHECK(report.count == 10);
    CHECK(report.mean_us == doctest::Approx(5.5).epsilon(0.01));
    CHECK(report.p50_us == doctest::Approx(5.5).epsilon(0.01));
    CHECK(report.p90_us == doctest::Approx(9.1).epsilon(0.01));
    CHECK(report.min_us == doctest::Approx(1).epsilon(0.01));
    CHECK(report.max_us == doctest::Approx(10).epsilon(0.01));
    CHECK(report.last_us == doctest::Approx(10).epsilon(0.01));
    CHECK(report.total_us == doctest::Approx(55).epsilon(0.01));
    CHECK(Statistics().report().count == 0);
}

TEST_CASE("the call log gives every call once and numbers them") {
    CallLog log;
    log.add({1, 0, 0, 0, 0});
    CHECK(log.take().empty());
    log.set_capacity(3);
    for (uint64_t i = 1; i <= 5; ++i) {
        log.add({i, 0, 0, 0, 0});
    }
    const std::vector<CallRecord> records = log.take();
    REQUIRE(records.size() == 3);
    CHECK(records.front().sequence == 3);
    CHECK(records.back().sequence == 5);
    CHECK(log.take().empty());
}

TEST_CASE("profiling names operators and what runs inside XNNPACK") {
    Session model;
    REQUIRE(model.load_from_file(model_path("convnet.pte")).ok());
    REQUIRE(model.enable_profiling(true).ok());
    const TensorValue input = floats(std::vector<float>(3 * 16 * 16, 0.5F), {1, 3, 16, 16});
    for (int i = 0; i < 20; ++i) {
        REQUIRE(run(model, input).size() == 4);
    }
    const Profile profile = model.get_profile();
    REQUIRE(profile.calls.size() == TraceResults::kCalls);
    CHECK(profile.calls.back().sequence == 20);
    const std::vector<TracedEvent>& events = profile.calls.back().events;
    REQUIRE_FALSE(events.empty());
    CHECK(events.front().name == "forward");
    CHECK(events.front().depth == 0);
    const auto has = [&](int depth, const std::string& part) {
        return std::any_of(events.begin(), events.end(), [&](const TracedEvent& event) {
            return event.depth == depth && event.name.find(part) != std::string::npos;
        });
    };
    CHECK(has(1, "DELEGATE_CALL"));
    CHECK(has(2, "Convolution"));
    for (const TracedEvent& event : events) {
        CHECK(event.duration_us >= 0);
        CHECK(event.start_us + event.duration_us <= events.front().duration_us + 1.0);
        CHECK((event.depth == 0 || event.instruction >= 0));
    }
    for (const OperatorTotal& total : profile.operators) {
        CHECK(total.calls == 20);
        CHECK(total.min_us <= total.max_us);
    }
    REQUIRE(model.enable_profiling(false).ok());
    CHECK(model.get_profile().calls.empty());
}

TEST_CASE("portable kernels are named too") {
    Session model;
    REQUIRE(model.load_from_file(model_path("convnet_portable.pte")).ok());
    REQUIRE(model.enable_profiling(true).ok());
    REQUIRE(run(model, floats(std::vector<float>(3 * 16 * 16, 0.5F), {1, 3, 16, 16})).size() == 4);
    const Profile profile = model.get_profile();
    CHECK(std::any_of(profile.operators.begin(), profile.operators.end(), [](const OperatorTotal& total) {
        return total.depth == 1 && total.name.find("convolution.out") != std::string::npos;
    }));
}

TEST_CASE("when one method cannot be loaded anew, the others have the new tracer") {
    const std::vector<char> bytes = read_file(model_path("two_delegates.pte"));
    bool fails = false;
    const auto read = [&](uint64_t offset, size_t size, void* destination) {
        std::memcpy(destination, bytes.data() + offset, size);
        return !std::exchange(fails, false);
    };
    const TensorValue input = floats({1}, {1, 1});
    Session model;
    REQUIRE(model.load_from_stream(read, bytes.size()).ok());
    for (const bool enabled : {true, false}) {
        CHECK(run(model, input, "first") == std::vector<float>{5});
        CHECK(run(model, input, "second") == std::vector<float>{5});
        fails = true;
        CHECK_FALSE(model.enable_profiling(enabled).ok());
        CHECK(run(model, input, "second") == std::vector<float>{5});
        const Profile profile = model.get_profile();
        CHECK(profile.calls.empty() == !enabled);
        CHECK((!enabled || !profile.calls.back().events.empty()));
    }
}

TEST_CASE("an ETDump is written whole, or an error says why not") {
    const std::string path = std::string(TEST_MODELS) + "/calls.etdp";
    std::remove(path.c_str());
    Session model;
    REQUIRE(model.load_from_file(model_path("convnet.pte")).ok());
    CHECK_FALSE(model.save_etdump(path).ok());
    REQUIRE(model.enable_profiling(true).ok());
    CHECK_FALSE(model.save_etdump(path).ok());
    const TensorValue input = floats(std::vector<float>(3 * 16 * 16, 0.5F), {1, 3, 16, 16});
    for (int i = 0; i < 200; ++i) {
        REQUIRE(run(model, input).size() == 4);
    }
    REQUIRE(model.save_etdump(path).ok());
    const std::vector<char> bytes = read_file(path);
    REQUIRE(bytes.size() > 100);
    CHECK(std::string(bytes.data() + 8, 4) == "ED00");
    CHECK(bytes.size() < (size_t{1} << 20));
    CHECK(model.save_etdump(path).ok());
    CHECK(read_file(path).size() == bytes.size());
    CHECK(model.save_etdump("/nowhere/calls.etdp").code() == static_cast<int>(Code::FileUnreadable));
}

TEST_CASE("measure what profiling costs" * doctest::skip()) {
    Session model;
    REQUIRE(model.load_from_file(model_path("linear_xnnpack.pte")).ok());
    const float value = 1.0F;
    int wrong = 0;
    const auto median_ns = [&] {
        std::vector<double> batches;
        for (int batch = 0; batch < 200; ++batch) {
            const auto start = std::chrono::steady_clock::now();
            for (int i = 0; i < 2000; ++i) {
                Call call(model);
                const bool ok = call.begin_forward().ok() &&
                                call.method().set_tensor(0, call.signature().inputs[0].shape, &value).ok() &&
                                call.execute().ok();
                wrong += ok ? 0 : 1;
            }
            const auto end = std::chrono::steady_clock::now();
            batches.push_back(std::chrono::duration<double, std::nano>(end - start).count() / 2000);
        }
        std::sort(batches.begin(), batches.end());
        return batches[batches.size() / 2];
    };
    const double never = median_ns();
    REQUIRE(model.enable_profiling(true).ok());
    const double on = median_ns();
    REQUIRE(model.enable_profiling(false).ok());
    const double off = median_ns();
    CHECK(wrong == 0);
    MESSAGE("a call of " << never << " ns: off again " << off / never << "x, on " << on / never << "x");
}
