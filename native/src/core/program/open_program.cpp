#include "core/program/open_program.h"

#include <algorithm>
#include <utility>

#include "core/program/checks/weights_check.h"
#include "core/program/data/integrity.h"

namespace godot_executorch {
namespace {

Status open_external(const ExternalWeights& weights, bool mmap, std::unique_ptr<DataSource>& source) {
    if (weights.read != nullptr) {
        source = from_stream(weights.read, weights.size);
        return {};
    }
    return mmap ? open_mapped(weights.path, source) : open_file(weights.path, source);
}

/// A stream of the caller's shares its position with a fork of this process, so it is copied to the heap.
Status make_readable_after_fork(std::unique_ptr<DataSource>& source) {
    if (source->is_readable_after_fork()) {
        return {};
    }
    std::vector<char> bytes(source->byte_count());
    const executorch::runtime::DataLoader::SegmentInfo segment(
        executorch::runtime::DataLoader::SegmentInfo::Type::Program);
    if (source->load_into(0, bytes.size(), segment, bytes.data()) != executorch::runtime::Error::Ok) {
        return Status(Code::FileUnreadable, "cannot read the model");
    }
    source = copy_buffer(bytes.data(), bytes.size());
    return {};
}

/// The hashes of all files; empty when one was not checked.
std::string checked_of(const LoadOptions& options) {
    std::string all = options.sha256;
    for (const ExternalWeights& weights : options.external) {
        all = all.empty() || weights.sha256.empty() ? "" : all + " " + weights.sha256;
    }
    return all;
}

}  // namespace

bool needs_trial(const LoadOptions& options) {
    return options.trial_seconds > 0 &&
           (options.sha256.empty() || std::any_of(options.external.begin(), options.external.end(),
                                                  [](const auto& weights) { return weights.sha256.empty(); }));
}

Status open_program(std::unique_ptr<DataSource> source, const LoadOptions& options,
                    std::shared_ptr<const LoadedProgram>& program) {
    if (!options.sha256.empty()) {
        Status status = check_sha256(*source, options.sha256, "the model file");
        if (!status.ok()) {
            return status;
        }
    }
    std::vector<std::unique_ptr<DataSource>> external;
    for (const ExternalWeights& weights : options.external) {
        Status status = open_external(weights, options.mmap, external.emplace_back());
        if (status.ok() && !weights.sha256.empty()) {
            status = check_sha256(*external.back(), weights.sha256, weights.path);
        }
        status = status.ok() ? check_weights(*external.back(), weights.path) : std::move(status);
        if (status.ok() && needs_trial(options)) {
            status = make_readable_after_fork(external.back());
        }
        if (!status.ok()) {
            return status;
        }
    }
    if (needs_trial(options)) {
        Status status = make_readable_after_fork(source);
        if (!status.ok()) {
            return status;
        }
    }
    return LoadedProgram::load(std::move(source), std::move(external), checked_of(options), program);
}

}  // namespace godot_executorch
