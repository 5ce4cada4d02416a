#include "core/memory/method_memory.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace godot_executorch {
namespace {

using executorch::runtime::Span;

constexpr size_t kStateChunk = 4096;

}  // namespace

MethodMemory::~MethodMemory() {
    // Allocators go before what they allocate from.
    manager_.reset();
    if (pooled_bytes_ > 0) {
        source_.memory_pool->leave(base_, pooled_bytes_);
    }
}

Status MethodMemory::plan(const std::vector<int64_t>& sizes, bool has_state) {
    for (const int64_t size : sizes) {
        planned_bytes_ += align_up(static_cast<size_t>(size));
    }
    size_t spare = 0;
    if (Status status = source_.limit.check(planned_bytes_, spare); !status.ok()) {
        return status;
    }
    uint8_t* base = nullptr;
    if (source_.policy == MemoryPolicy::Static) {
        base = take_from_block();
    } else {
        method_allocator_ = std::make_unique<GrowingAllocator>();
        temporary_allocator_ = std::make_unique<GrowingAllocator>();
        if (source_.policy == MemoryPolicy::Custom && !has_state && planned_bytes_ > 0) {
            base = source_.memory_pool->join(planned_bytes_);
            if (base == nullptr) {
                return Status(Code::MemoryLimitExceeded,
                              "the memory pool has " + std::to_string(source_.memory_pool->limit()) +
                                  " bytes, the model needs " + std::to_string(planned_bytes_));
            }
            pooled_bytes_ = planned_bytes_;
            base_ = base;
        }
    }
    if (base == nullptr && planned_bytes_ > 0) {
        pages_ = Pages(planned_bytes_);
        base = pages_.data();
        if (base == nullptr) {
            return Status(Code::MemoryLimitExceeded,
                          "the system has no " + std::to_string(planned_bytes_) + " bytes for planned memory");
        }
    }
    base_ = base;
    for (const int64_t size : sizes) {
        buffers_.emplace_back(base, static_cast<size_t>(size));
        base += align_up(static_cast<size_t>(size));
    }
    planned_.emplace(Span<Span<uint8_t>>(buffers_.data(), buffers_.size()));
    executorch::runtime::MemoryAllocator* allocator = source_.shared_by;
    manager_.emplace(allocator != nullptr ? allocator : method_allocator_.get(), &*planned_,
                     temporary_allocator_.get());
    return {};
}

Status MethodMemory::hold_to_limit() {
    auto* temporary = dynamic_cast<GrowingAllocator*>(temporary_allocator_.get());
    if (temporary == nullptr) {
        return {};
    }
    size_t spare = 0;
    Status status = source_.limit.check(planned_bytes_ + method_used(), spare);
    if (status.ok()) {
        temporary->set_limit(spare);
    }
    return status;
}

uint8_t* MethodMemory::take_from_block() {
    method_allocator_ = std::make_unique<StaticMethodAllocator>(source_.block);
    temporary_allocator_ = std::make_unique<StaticTemporaryAllocator>(source_.block);
    uint8_t* base = planned_bytes_ > 0 ? source_.block->take(planned_bytes_, kMemoryAlignment) : nullptr;
    if (base == nullptr) {
        planned_shortage_ = planned_bytes_ > 0 ? source_.block->take_shortage() : 0;
    } else {
        // State begins with zeros; what other methods had in their calls may have been here.
        std::fill_n(base, planned_bytes_, uint8_t{0});
    }
    return base;
}

void MethodMemory::capture_initial_state() {
    if (!uses_memory_pool()) {
        initial_ = copy_planned();
    }
}

void MethodMemory::restore_initial_state() {
    if (!uses_memory_pool()) {
        restore_planned(initial_);
    }
}

PlannedCopy MethodMemory::copy_planned() const {
    static constexpr uint8_t kZeros[kStateChunk] = {};
    PlannedCopy copy;
    for (size_t offset = 0; offset < planned_bytes_; offset += kStateChunk) {
        const size_t size = std::min(kStateChunk, planned_bytes_ - offset);
        const uint8_t* chunk = base_ + offset;
        if (std::memcmp(chunk, kZeros, size) != 0) {
            copy.push_back({offset, std::vector<uint8_t>(chunk, chunk + size)});
        }
    }
    return copy;
}

void MethodMemory::restore_planned(const PlannedCopy& copy) {
    if (pages_.data() != nullptr) {
        pages_.release_from(0);
    } else {
        std::fill_n(base_, planned_bytes_, uint8_t{0});
    }
    for (const PlannedStretch& stretch : copy) {
        std::copy(stretch.bytes.begin(), stretch.bytes.end(), base_ + stretch.offset);
    }
}

size_t MethodMemory::method_used() const {
    return method_allocator_->used_size();
}

size_t MethodMemory::method_peak() const {
    const auto* growing = dynamic_cast<const GrowingAllocator*>(method_allocator_.get());
    return growing != nullptr ? growing->peak() : method_allocator_->used_size();
}

size_t MethodMemory::method_capacity() const {
    const auto* growing = dynamic_cast<const GrowingAllocator*>(method_allocator_.get());
    return growing != nullptr ? growing->capacity() : 0;
}

size_t MethodMemory::temporary_peak() const {
    const auto* growing = dynamic_cast<const GrowingAllocator*>(temporary_allocator_.get());
    return growing != nullptr ? growing->peak() : source_.block->temporary_peak();
}

size_t MethodMemory::temporary_capacity() const {
    const auto* growing = dynamic_cast<const GrowingAllocator*>(temporary_allocator_.get());
    return growing != nullptr ? growing->capacity() : 0;
}

size_t MethodMemory::shortage() const {
    const auto* fixed = dynamic_cast<const StaticMethodAllocator*>(method_allocator_.get());
    return planned_shortage_ + (fixed != nullptr ? fixed->overflow() : 0);
}

}  // namespace godot_executorch
