#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace godot_executorch {

struct TracedEvent {
    std::string name;
    std::string backend;
    int depth = 0;  // 0 the method, 1 an operator or delegate call, 2 inside the delegate
    double start_us = 0;
    double duration_us = 0;
    int64_t instruction = -1;
    int64_t debug_handle = -1;
};

struct TracedCall {
    uint64_t sequence = 0;
    std::string method;
    int64_t start = 0;  // now_ticks()
    double wall_us = 0;
    std::vector<TracedEvent> events;
};

struct OperatorTotal {
    std::string name;
    std::string backend;
    int depth = 0;
    uint64_t calls = 0;
    double total_us = 0;
    double min_us = 0;
    double max_us = 0;
};

struct Profile {
    std::vector<TracedCall> calls;  // the last ones, newest last
    std::vector<OperatorTotal> operators;
    std::map<std::string, uint64_t> allocations;  // bytes by allocator
};

}  // namespace godot_executorch
