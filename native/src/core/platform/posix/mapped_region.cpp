#include "core/platform/mapped_region.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <mutex>

namespace godot_executorch {
namespace {

struct Slot {
    std::atomic<uintptr_t> begin{0};
    std::atomic<uintptr_t> end{0};
    std::atomic<bool> damaged{false};
};

constexpr size_t kSlots = 256;
Slot slots[kSlots];
std::mutex slots_mutex;
struct sigaction previous_action;
uintptr_t page_size = 4096;

/// Runs in a signal handler: only atomics and system calls.
bool replace_page(uintptr_t address) {
    for (Slot& slot : slots) {
        if (address < slot.begin.load() || address >= slot.end.load()) {
            continue;
        }
        slot.damaged = true;
        void* page = reinterpret_cast<void*>(address / page_size * page_size);
        return ::mmap(page, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
    }
    return false;
}

void handle_bus_error(int number, siginfo_t* info, void* context) {
    if (replace_page(reinterpret_cast<uintptr_t>(info->si_addr))) {
        return;
    }
    if ((previous_action.sa_flags & SA_SIGINFO) != 0 && previous_action.sa_sigaction != nullptr) {
        previous_action.sa_sigaction(number, info, context);
    } else if (previous_action.sa_handler != SIG_IGN && previous_action.sa_handler != SIG_DFL) {
        previous_action.sa_handler(number);
    } else {
        // The address is in none of our mappings. The access is repeated and ends the process, as without this handler.
        ::sigaction(SIGBUS, &previous_action, nullptr);
    }
}

void install_handler() {
    static std::once_flag once;
    std::call_once(once, [] {
        page_size = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
        struct sigaction action = {};
        action.sa_sigaction = handle_bus_error;
        action.sa_flags = SA_SIGINFO | SA_NODEFER;
        sigemptyset(&action.sa_mask);  // a macro on macOS
        ::sigaction(SIGBUS, &action, &previous_action);
    });
}

}  // namespace

std::unique_ptr<MappedRegion> MappedRegion::map(const File& file) {
    install_handler();
    const size_t size = file.size();
    if (size == 0) {
        return nullptr;
    }
    const std::lock_guard<std::mutex> lock(slots_mutex);
    size_t slot = 0;
    while (slot < kSlots && slots[slot].begin != 0) {
        ++slot;
    }
    if (slot == kSlots) {
        return nullptr;
    }
    void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, static_cast<int>(file.handle()), 0);
    if (data == MAP_FAILED) {
        return nullptr;
    }
    return std::unique_ptr<MappedRegion>(new MappedRegion(static_cast<const char*>(data), size, slot));
}

MappedRegion::MappedRegion(const char* data, size_t size, size_t slot) : data_(data), size_(size), slot_(slot) {
    const auto begin = reinterpret_cast<uintptr_t>(data);
    slots[slot].damaged = false;
    slots[slot].end = (begin + size + page_size - 1) / page_size * page_size;
    slots[slot].begin = begin;
}

MappedRegion::~MappedRegion() {
    const std::lock_guard<std::mutex> lock(slots_mutex);
    slots[slot_].end = 0;
    slots[slot_].begin = 0;
    ::munmap(const_cast<char*>(data_), size_);
}

bool MappedRegion::is_damaged() const {
    return slots[slot_].damaged;
}

}  // namespace godot_executorch
