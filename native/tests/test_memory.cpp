#include <doctest/doctest.h>
#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

#include "allocation_counter.h"
#include "core/platform/memory.h"
#include "core/runtime/thread_pool.h"
#include "core/trial/child_trial.h"
#include "models.h"
#include "process_memory.h"

using namespace godot_executorch;
using namespace godot_executorch::testing;

namespace {

/// Bytes of this process that are in memory and its own (not pages of mapped files).
size_t private_resident() {
    return process_bytes("RssAnon");
}

/// Bytes in use on the process's heap, by the C library's own accounting.
size_t heap_in_use() {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
}

const TensorValue& policy_input() {
    static const TensorValue input = floats(std::vector<float>(8, 1.0F), {1, 8});
    return input;
}

}  // namespace

TEST_CASE("STATIC takes everything from one block, and says how much a model needs") {
    Session tight;
    REQUIRE(tight.configure_memory(MemoryPolicy::Static, 64).ok());
    REQUIRE(tight.load_from_file(model_path("policy.pte")).ok());
    const Status refused = tight.load_method("forward");
    REQUIRE(refused.code() == static_cast<int>(Code::MemoryLimitExceeded));
    const std::string& cause = refused.failure().cause;
    const size_t at = cause.find("needs ");
    REQUIRE(at != std::string::npos);
    const size_t needed = std::stoul(cause.substr(at + 6));
    CHECK(needed > 3136);

    Session model;
    REQUIRE(model.configure_memory(MemoryPolicy::Static, needed).ok());
    REQUIRE(model.load_from_file(model_path("policy.pte")).ok());
    CHECK(run(model, policy_input()).size() == 4);
    const MemoryInfo info = model.get_memory_info();
    CHECK(info.policy == MemoryPolicy::Static);
    CHECK(info.limit == needed);
    CHECK(info.method_allocator_used > 0);

    CHECK(model.configure_memory(MemoryPolicy::Auto, 0).code() == static_cast<int>(Code::InvalidOption));
    CHECK(Session().configure_memory(MemoryPolicy::Static, 0).code() == static_cast<int>(Code::InvalidOption));
}

TEST_CASE("STATIC: a program with several methods is loaded anew in the block that it has") {
    const TensorValue one = floats({1}, {1, 1});
    const TensorValue six = floats({1, 2, 3, 4, 5, 6}, {2, 3});
    const auto run_both = [&](Session& model) {
        std::vector<TensorValue> outputs;
        return run(model, one) == std::vector<float>{5} && model.execute("pair", {six, six}, outputs).ok();
    };
    Session roomy;
    REQUIRE(roomy.configure_memory(MemoryPolicy::Static, 1 << 20).ok());
    REQUIRE(roomy.load_from_file(model_path("methods.pte")).ok());
    REQUIRE(run_both(roomy));
    const MemoryInfo info = roomy.get_memory_info();

    Session model;
    REQUIRE(model.configure_memory(MemoryPolicy::Static, info.total - info.program - info.unused).ok());
    REQUIRE(model.load_from_file(model_path("methods.pte")).ok());
    REQUIRE(run_both(model));
    const int threads = thread_count();
    for (int i = 0; i < 4; ++i) {
        CHECK(model.enable_profiling(i % 2 == 0).ok());
        CHECK(run_both(model));
        REQUIRE(set_thread_count(1 + i % 2).ok());
        CHECK(run_both(model));
    }
    REQUIRE(set_thread_count(threads).ok());
}

TEST_CASE("STATIC: a method's planned memory begins with zeros where another one had temporary memory") {
    StaticBlock block(4096);
    std::memset(block.take_temporary(256, kMemoryAlignment), 0xAB, 256);
    block.reset_temporary();
    MemorySource source;
    source.policy = MemoryPolicy::Static;
    source.block = &block;
    MethodMemory memory(source);
    REQUIRE(memory.plan({100, 20}, false).ok());
    CHECK(memory.copy_planned().empty());
}

TEST_CASE("STATIC: no heap allocation in a warm call") {
    if (!counts_allocations()) {
        return;
    }
    for (const char* name : {"convnet_portable.pte", "linear_portable.pte", "linear_xnnpack.pte", "policy.pte"}) {
        CAPTURE(name);
        Session model;
        REQUIRE(model.configure_memory(MemoryPolicy::Static, 1 << 20).ok());
        REQUIRE(model.load_from_file(model_path(name)).ok());
        Call call(model);
        REQUIRE(call.begin_forward().ok());
        const std::vector<float> input(3 * 16 * 16, 1.0F);
        const Shape shape = call.signature().inputs[0].shape;
        for (int i = 0; i < 3; ++i) {
            REQUIRE(call.method().set_tensor(0, shape, input.data()).ok());
            REQUIRE(call.execute().ok());
        }
        reset_allocation_count();
        for (int i = 0; i < 100; ++i) {
            const bool ok = call.method().set_tensor(0, shape, input.data()).ok() && call.execute().ok();
            REQUIRE(ok);
        }
        CHECK(allocation_count() == 0);
    }
}

TEST_CASE("CUSTOM shares planned memory between models and shows what it saves") {
    const auto pool = std::make_shared<MemoryPool>();
    Session first;
    Session second;
    for (Session* model : {&first, &second}) {
        REQUIRE(model->configure_memory(MemoryPolicy::Custom, 0).ok());
        REQUIRE(model->set_memory_pool(pool).ok());
    }
    REQUIRE(first.load_from_file(model_path("policy.pte")).ok());
    REQUIRE(second.load_from_file(model_path("convnet_portable.pte")).ok());
    const std::vector<float> alone = run(first, policy_input());
    const TensorValue image = floats(std::vector<float>(3 * 16 * 16, 0.5F), {1, 3, 16, 16});
    const std::vector<float> image_alone = run(second, image);
    REQUIRE(image_alone.size() == 4);
    for (int i = 0; i < 10; ++i) {
        CHECK(run(first, policy_input()) == alone);
        CHECK(run(second, image) == image_alone);
    }
    CHECK(pool->member_count() == 2);
    CHECK(pool->saved() > 0);
    CHECK(pool->saved() == pool->demand() - pool->size());
    second.clear();
    CHECK(pool->member_count() == 1);
    CHECK(pool->saved() == 0);

    Session small;
    REQUIRE(small.configure_memory(MemoryPolicy::Custom, 64).ok());
    REQUIRE(small.load_from_file(model_path("policy.pte")).ok());
    CHECK(small.load_method("forward").code() == static_cast<int>(Code::MemoryLimitExceeded));
}

TEST_CASE("AUTO and CUSTOM keep to a limit too") {
    for (const MemoryPolicy policy : {MemoryPolicy::Auto, MemoryPolicy::Custom}) {
        Session tight;
        REQUIRE(tight.configure_memory(policy, 64).ok());
        REQUIRE(tight.load_from_file(model_path("policy.pte")).ok());
        const Status refused = tight.load_method("forward");
        REQUIRE(refused.code() == static_cast<int>(Code::MemoryLimitExceeded));
        CHECK(refused.failure().cause.find("forward") != std::string::npos);
        Session roomy;
        REQUIRE(roomy.configure_memory(policy, 1 << 20).ok());
        REQUIRE(roomy.load_from_file(model_path("policy.pte")).ok());
        CHECK(run(roomy, policy_input()).size() == 4);
    }
}

TEST_CASE("a memory pool takes no more address space than its models need") {
    if (!counts_allocations()) {
        return;  // sanitizers reserve terabytes themselves
    }
    const ChildResult result = run_in_child(20, [] {
        const rlimit four_gigabytes = {rlim_t{4} << 30, rlim_t{4} << 30};
        ::setrlimit(RLIMIT_AS, &four_gigabytes);
        Session session;
        Status status = session.configure_memory(MemoryPolicy::Custom, 0);
        status = status.ok() ? session.load_from_file(model_path("policy.pte")) : std::move(status);
        return status.ok() ? session.load_method("forward") : std::move(status);
    });
    CAPTURE(result.detail);
    CHECK(result.end == ChildEnd::Ran);
}

TEST_CASE("a further session of a small model takes less than 20 KB") {
    if (!counts_allocations()) {
        return;
    }
    constexpr size_t kSessions = 200;
    Session model;
    REQUIRE(model.load_from_file(model_path("policy.pte")).ok());
    REQUIRE(run(model, policy_input()).size() == 4);
    ::malloc_trim(0);
    const size_t before = private_resident();
    std::vector<std::unique_ptr<Session>> sessions;
    for (size_t i = 0; i < kSessions; ++i) {
        sessions.push_back(model.new_session());
        REQUIRE(run(*sessions.back(), policy_input()).size() == 4);
    }
    const size_t each = (private_resident() - before) / kSessions;
    const MemoryInfo info = sessions.back()->get_memory_info();
    MESSAGE("a further session takes " << each << " bytes, its allocators " << info.allocators << " of them, "
                                       << info.planned.at(0) << " planned, the delegate " << info.delegate);
    CHECK(each < 20 * 1024);
}

TEST_CASE("a model with state stays out of the pool") {
    const auto pool = std::make_shared<MemoryPool>();
    Session model;
    REQUIRE(model.configure_memory(MemoryPolicy::Custom, 0).ok());
    REQUIRE(model.set_memory_pool(pool).ok());
    REQUIRE(model.load_from_file(model_path("counter.pte")).ok());
    CHECK(run(model, floats({1}, {1})) == std::vector<float>{6});
    CHECK(run(model, floats({1}, {1})) == std::vector<float>{7});
    CHECK(pool->member_count() == 0);
}

TEST_CASE("get_memory_info adds up to what the process grew by") {
    if (!counts_allocations()) {
        return;
    }
    Session warm;
    REQUIRE(warm.load_from_file(model_path("linear_xnnpack.pte")).ok());
    run(warm, floats({1}, {1, 1}));
    ::malloc_trim(0);
    const size_t before = private_resident();
    Session model;
    REQUIRE(model.load_from_file(model_path("big.pte")).ok());
    CHECK(run(model, floats(std::vector<float>(2048, 1.0F), {1, 2048})).size() == 2048);
    const size_t grown = private_resident() - before;
    const MemoryInfo info = model.get_memory_info();
    CAPTURE(grown);
    CAPTURE(info.total);
    CHECK(info.total > (size_t{96} << 20));  // six layers of 16.8 MB, packed by XNNPACK
    CHECK(static_cast<double>(info.total) == doctest::Approx(static_cast<double>(grown)).epsilon(0.15));
    model.clear();
    ::malloc_trim(0);
    CHECK(private_resident() < before + (size_t{4} << 20));
}

TEST_CASE("a model's memory does not count what another thread takes while it loads") {
    const auto loaded_bytes = [] {
        Session model;
        REQUIRE(model.load_from_file(model_path("big.pte")).ok());
        REQUIRE(model.load_method("forward").ok());
        return model.get_memory_info().delegate;
    };
    const size_t alone = loaded_bytes();
    CHECK(alone > (size_t{96} << 20));
    std::atomic<bool> is_done{false};
    std::vector<std::unique_ptr<char[]>> taken;
    std::thread other([&] {
        while (!is_done && taken.size() < 4096) {
            taken.push_back(std::make_unique<char[]>(64 << 10));
        }
    });
    const size_t beside = loaded_bytes();
    is_done = true;
    other.join();
    CHECK(beside == alone);
}

TEST_CASE("packed weights count once, for the first session that holds them") {
    Session model;
    REQUIRE(model.load_from_file(model_path("policy.pte")).ok());
    REQUIRE(model.load_method("forward").ok());
    const size_t packed = model.get_memory_info().delegate;
    CHECK(packed > 0);
    const std::unique_ptr<Session> other = model.new_session();
    REQUIRE(other->load_method("forward").ok());
    CHECK(other->get_memory_info().delegate == 0);
    REQUIRE(model.set_optimization_level(OptimizationLevel::None).ok());
    CHECK(model.get_memory_info().delegate == packed);  // it has its own now
}

TEST_CASE("a 100 MB file is mapped, not copied; a stream of it is never in memory twice") {
    if (!counts_allocations()) {
        return;
    }
    const std::vector<char> bytes = read_file(model_path("big.pte"));
    REQUIRE(bytes.size() > 100'000'000);
    ::malloc_trim(0);
    const size_t before = private_resident();
    Session mapped;
    REQUIRE(mapped.load_from_file(model_path("big.pte")).ok());
    const size_t grown = private_resident() - before;
    MESSAGE("mapping 101 MB takes " << grown / 1024 << " KiB of private memory");
    CHECK(grown < (size_t{2} << 20));
    mapped.clear();
    // The bytes of `bytes` are the file here; what counts is what comes on top of them.
    size_t most = 0;
    const auto read = [&](uint64_t offset, size_t size, void* destination) {
        std::memcpy(destination, bytes.data() + offset, size);
        most = std::max(most, heap_in_use());
        return true;
    };
    const size_t heap_before = heap_in_use();
    Session streamed;
    REQUIRE(streamed.load_from_stream(read, bytes.size()).ok());
    CHECK(heap_in_use() - heap_before < (size_t{2} << 20));
    REQUIRE(streamed.load_method("forward").ok());
    const double packed = static_cast<double>(heap_in_use() - heap_before);
    const double peak = static_cast<double>(most - heap_before);
    MESSAGE("packed weights take " << packed / 1e6 << " MB, at most " << peak / 1e6 << " MB while they are read");
    CHECK(packed < 1.1 * static_cast<double>(bytes.size()));
    CHECK(peak < 1.3 * static_cast<double>(bytes.size()));
}

TEST_CASE("ten sessions of a 100 MB model share its packed weights") {
    if (!counts_allocations()) {
        return;
    }
    const TensorValue input = floats(std::vector<float>(2048, 1.0F), {1, 2048});
    ::malloc_trim(0);
    const size_t before = private_resident();
    Session model;
    REQUIRE(model.load_from_file(model_path("big.pte")).ok());
    const std::vector<float> expected = run(model, input);
    const size_t one = private_resident() - before;
    std::vector<std::unique_ptr<Session>> sessions;
    for (int i = 0; i < 9; ++i) {
        sessions.push_back(model.new_session());
        CHECK(run(*sessions.back(), input) == expected);
    }
    const size_t ten = private_resident() - before;
    CAPTURE(one);
    CAPTURE(ten);
    CHECK(static_cast<double>(ten) < 1.3 * static_cast<double>(one));
    // The weights stay while one session is left.
    model.clear();
    sessions.resize(1);
    CHECK(run(*sessions[0], input) == expected);
}

TEST_CASE("planned memory that no call has used stays the system's") {
    if (!counts_allocations()) {
        return;
    }
    const TensorValue row = floats(std::vector<float>(1024, 1.0F), {1, 1024});
    Session model;
    REQUIRE(model.load_from_file(model_path("wide.pte")).ok());
    REQUIRE(run(model, row).size() == 1024);
    REQUIRE(model.get_memory_info().planned.at(0) >= (1 << 28));
    const size_t before = private_resident();
    REQUIRE(model.reset_state().ok());
    CHECK(private_resident() < before + (size_t{4} << 20));
    REQUIRE(model.enable_profiling(true).ok());
    CHECK(run(model, row).size() == 1024);
    CHECK(private_resident() < before + (size_t{4} << 20));
}

TEST_CASE("a thousand loads and unloads end where they began") {
    const int rounds = counts_allocations() ? 1000 : 50;
    const auto once = [] {
        Session model;
        REQUIRE(model.load_from_file(model_path("policy.pte")).ok());
        REQUIRE(run(model, policy_input()).size() == 4);
        model.clear();
    };
    for (int i = 0; i < 20; ++i) {
        once();
    }
    const size_t before = heap_in_use();
    for (int i = 0; i < rounds; ++i) {
        once();
    }
    if (counts_allocations()) {
        CHECK(heap_in_use() < before + 64 * 1024);
    }
}
