#include "core/metrics/tracer.h"

#include <executorch/runtime/platform/clock.h>
#include <executorch/runtime/platform/platform.h>

#include <algorithm>
#include <cstring>

#include "core/platform/file.h"
#include "core/runtime/ticks.h"

namespace godot_executorch {
namespace {

using executorch::runtime::AllocatorID;
using executorch::runtime::ChainID;
using executorch::runtime::DebugHandle;
using executorch::runtime::DelegateDebugIdType;
using executorch::runtime::DelegateDebugIntId;
using executorch::runtime::EventTracerEntry;

constexpr char kExecute[] = "Method::execute";
constexpr char kStep[] = "Method::step";
constexpr char kOperatorCall[] = "OPERATOR_CALL";
constexpr char kDelegateCall[] = "DELEGATE_CALL";
constexpr char kKernelPrefix[] = "native_call_";

int64_t nanoseconds(et_timestamp_t ticks) {
    return static_cast<int64_t>(executorch::runtime::ticks_to_ns(ticks));
}

}  // namespace

Tracer::Tracer(std::shared_ptr<TraceResults> results) : results_(std::move(results)) {
    fresh_dump();
}

Tracer::~Tracer() = default;

void Tracer::fresh_dump() {
    dump_ = make_call_dump();
    dumped_calls_ = 0;
}

void Tracer::begin_load() {
    create_event_block("Load");
}

void Tracer::begin_call(const std::string& method, const std::string& backend) {
    if (dumped_calls_ >= kCallsPerDump) {
        fresh_dump();
    }
    ++dumped_calls_;
    backend_ = backend;
    current_ = {};
    current_.method = method;
    open_.clear();
    sliced_.reset();
    is_executing_ = true;
}

void Tracer::begin_slices() {
    create_event_block("Execute");
    sliced_ = start_profiling(kExecute, executorch::runtime::kUnsetChainId, executorch::runtime::kUnsetDebugHandle);
}

void Tracer::end_call(uint64_t sequence, int64_t start, int64_t duration) {
    if (sliced_) {
        end_profiling(*sliced_);
        sliced_.reset();
    }
    is_executing_ = false;
    current_.sequence = sequence;
    current_.start = start;
    current_.wall_us = ticks_to_ns(duration) / 1000.0;
    std::stable_sort(current_.events.begin(), current_.events.end(), [](const TracedEvent& a, const TracedEvent& b) {
        return std::make_pair(a.start_us, a.depth) < std::make_pair(b.start_us, b.depth);
    });
    results_->add(std::move(current_));
}

Status Tracer::save_etdump(const std::string& path) {
    if (dump_ == nullptr) {
        return Status(Code::InvalidOption, "this build does not have the library that writes ETDumps",
                      "Save it in the editor, or export for debugging.");
    }
    if (dumped_calls_ > 0) {
        saved_dump_ = dump_->take();
        fresh_dump();
    }
    if (saved_dump_.empty()) {
        return Status(Code::InvalidOption, "there is no traced call to save", "Enable profiling and run the model.");
    }
    if (!write_file(path, saved_dump_)) {
        return Status(Code::FileUnreadable, "cannot write " + path, "Check the folder and the free space.");
    }
    return {};
}

void Tracer::create_event_block(const char* name) {
    if (dump_ != nullptr) {
        dump_->tracer().create_event_block(name);
    }
}

int64_t Tracer::current_instruction() const {
    // The debug handle of the first instruction is 0, as an unset one; only the chain distinguishes them.
    return chain_id_ == executorch::runtime::kUnsetChainId ? -1 : static_cast<int64_t>(debug_handle_);
}

int64_t Tracer::end_time() const {
    // A dump has just read the clock; using its time keeps both the same.
    return dump_ != nullptr ? last_runtime_time() : nanoseconds(executorch::runtime::pal_current_ticks());
}

int64_t Tracer::open(const char* name, const EventTracerEntry& dumped, int64_t instruction) {
    const int64_t id = next_id_++;
    if (is_executing_) {
        open_[id] = {name != nullptr ? name : "", dumped, nanoseconds(dumped.start_time), instruction,
                     current_.events.size()};
    } else {
        open_[id] = {"", dumped, 0, -1, 0};
    }
    return id;
}

EventTracerEntry Tracer::start_profiling(const char* name, ChainID chain, DebugHandle handle) {
    EventTracerEntry entry{};
    if (dump_ != nullptr) {
        dump_->tracer().set_chain_debug_handle(chain_id_, debug_handle_);
        entry = dump_->tracer().start_profiling(name, chain, handle);
    } else {
        entry.start_time = executorch::runtime::pal_current_ticks();
    }
    const bool is_execute = is_executing_ && name != nullptr && std::strcmp(name, kExecute) == 0;
    const int64_t id = open(name, entry, is_execute ? -1 : current_instruction());
    if (is_execute) {
        current_start_ns_ = open_[id].start_ns;
    }
    EventTracerEntry result = entry;
    result.event_id = id;
    return result;
}

void Tracer::end_profiling(EventTracerEntry entry) {
    const auto found = open_.find(entry.event_id);
    if (found == open_.end()) {
        return;
    }
    const Open event = std::move(found->second);
    open_.erase(found);
    if (dump_ != nullptr) {
        dump_->tracer().end_profiling(event.dumped);
    }
    const int64_t end = end_time();
    if (is_executing_ && !event.name.empty()) {
        // The wrapper around a kernel counts only for kernels that do not report themselves.
        const bool redundant = event.name == kOperatorCall && current_.events.size() > event.events_before;
        if (!redundant && event.name != kStep) {
            add_event(event.name, false, event.start_ns, end, event.instruction);
        }
    }
}

EventTracerEntry Tracer::start_profiling_delegate(const char* name, DelegateDebugIntId index) {
    EventTracerEntry entry{};
    if (dump_ != nullptr) {
        dump_->tracer().set_chain_debug_handle(chain_id_, debug_handle_);
        entry = dump_->tracer().start_profiling_delegate(name, index);
    } else {
        entry.start_time = executorch::runtime::pal_current_ticks();
    }
    const std::string label = name != nullptr ? name : std::to_string(index);
    EventTracerEntry result = entry;
    result.event_id = open(label.c_str(), entry, current_instruction());
    return result;
}

void Tracer::end_profiling_delegate(EventTracerEntry entry, const void* metadata, size_t size) {
    const auto found = open_.find(entry.event_id);
    if (found == open_.end()) {
        return;
    }
    const Open event = std::move(found->second);
    open_.erase(found);
    if (dump_ != nullptr) {
        dump_->tracer().end_profiling_delegate(event.dumped, metadata, size);
    }
    const int64_t end = end_time();
    if (is_executing_) {
        add_event(event.name, true, event.start_ns, end, event.instruction);
    }
}

void Tracer::log_profiling_delegate(const char* name, DelegateDebugIntId index, et_timestamp_t start,
                                    et_timestamp_t end, const void* metadata, size_t size) {
    if (dump_ != nullptr) {
        dump_->tracer().set_chain_debug_handle(chain_id_, debug_handle_);
        dump_->tracer().log_profiling_delegate(name, index, start, end, metadata, size);
    }
    if (is_executing_) {
        add_event(name != nullptr ? name : std::to_string(index), true, nanoseconds(start), nanoseconds(end),
                  current_instruction());
    }
}

void Tracer::add_event(const std::string& name, bool in_delegate, int64_t start_ns, int64_t end_ns,
                       int64_t instruction) {
    if (current_.events.size() >= kEventsPerCall) {
        return;
    }
    TracedEvent event;
    event.start_us = static_cast<double>(start_ns - current_start_ns_) / 1000.0;
    event.duration_us = static_cast<double>(end_ns - start_ns) / 1000.0;
    event.instruction = instruction;
    event.debug_handle = instruction;
    event.name = name;
    if (in_delegate) {
        event.depth = 2;
        event.backend = backend_;
    } else if (name == kExecute) {
        event.name = current_.method;
    } else {
        event.depth = 1;
        event.backend = name == kDelegateCall ? backend_ : "";
        const bool known = name == kDelegateCall || name == kOperatorCall || name.rfind(kKernelPrefix, 0) == 0;
        event.depth = known ? 1 : 2;
    }
    current_.events.push_back(std::move(event));
}

void Tracer::track_allocation(AllocatorID id, size_t size) {
    if (id < allocators_.size()) {
        results_->add_allocation(allocators_[id], size);
    }
}

AllocatorID Tracer::track_allocator(const char* name) {
    allocators_.emplace_back(name);
    return static_cast<AllocatorID>(allocators_.size() - 1);
}

}  // namespace godot_executorch
