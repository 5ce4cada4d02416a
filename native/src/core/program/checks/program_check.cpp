#include "core/program/checks/program_check.h"

#include <algorithm>
#include <vector>

#include "core/program/checks/flatbuffer_view.h"
#include "core/program/checks/method_check.h"
#include "core/program/checks/state_check.h"
#include "core/tensor/dtype.h"

namespace godot_executorch {
namespace {

using executorch::runtime::DataLoader;

// executorch/schema/extended_header: magic, length, size of the flatbuffer, where segments begin.
constexpr size_t kHeaderOffset = 8;
constexpr char kHeaderMagic[] = "eh00";
constexpr size_t kHeaderBytes = 64;

// Fields of executorch_flatbuffer.Program.
constexpr int kVersion = 0;
constexpr int kPlans = 1;
constexpr int kConstantBuffers = 2;
constexpr int kInlineDelegateData = 3;
constexpr int kSegments = 4;
constexpr int kConstantSegment = 5;
constexpr int kMutableSegments = 6;
constexpr int kNamedData = 7;

constexpr char kDamaged[] = "the program's structure is damaged: ";

Status invalid(const std::string& what) {
    return Status(Code::StructureInvalid, kDamaged + what);
}

struct Header {
    uint64_t program_size = 0;
    uint64_t segment_base = 0;
};

Status read_header(const DataSource& source, Header& header) {
    uint8_t bytes[kHeaderBytes] = {};
    const size_t size = std::min(kHeaderBytes, source.byte_count());
    const DataLoader::SegmentInfo segment(DataLoader::SegmentInfo::Type::Program);
    if (source.load_into(0, size, segment, bytes) != executorch::runtime::Error::Ok) {
        return Status(Code::FileUnreadable, "cannot read the file's first bytes");
    }
    const FlatbufferView view(bytes, size);
    header.program_size = source.byte_count();
    if (std::memcmp(bytes + kHeaderOffset, kHeaderMagic, 4) == 0) {
        header.program_size = view.read<uint64_t>(kHeaderOffset + 8);
        header.segment_base = view.read<uint64_t>(kHeaderOffset + 16);
    }
    if (header.program_size > source.byte_count() || header.segment_base > source.byte_count()) {
        return invalid("it ends after the file does (the file may be cut short)");
    }
    return {};
}

Status check_segments(const FlatbufferTable& program, const Header& header, size_t file_size, ProgramTables& tables) {
    const FlatbufferVector segments = program.vector(kSegments);
    for (size_t i = 0; i < segments.size(); ++i) {
        const FlatbufferTable segment = segments.table(i);
        const auto offset = segment.number<uint64_t>(0);
        const auto size = segment.number<uint64_t>(1);
        const uint64_t available = file_size - header.segment_base;
        if (offset > available || size > available - offset) {
            return invalid("segment " + std::to_string(i) + " lies outside the file (the file may be cut short)");
        }
        tables.segment_sizes.push_back(size);
    }
    return {};
}

/// Where the constants of a segment begin.
Status read_constants(const FlatbufferTable& entry, const ProgramTables& tables, ConstantTable& constants) {
    const auto index = entry.number<uint32_t>(0);
    const FlatbufferVector offsets = entry.vector(1);
    if (!offsets.holds(sizeof(uint64_t)) || (offsets.size() > 0 && index >= tables.segment_sizes.size())) {
        return invalid("a segment of constants does not exist");
    }
    constants.size = offsets.size() > 0 ? tables.segment_sizes[index] : 0;
    for (size_t i = 0; i < offsets.size(); ++i) {
        constants.offsets.push_back(offsets.number<uint64_t>(i));
        if (constants.offsets.back() > constants.size) {
            return invalid("constant " + std::to_string(i) + " lies outside its segment");
        }
    }
    return {};
}

Status check_data(const FlatbufferTable& program, ProgramTables& tables) {
    Status status = read_constants(program.table(kConstantSegment), tables, tables.constants);
    const FlatbufferVector mutable_segments = program.vector(kMutableSegments);
    for (size_t i = 0; status.ok() && i < mutable_segments.size(); ++i) {
        status = read_constants(mutable_segments.table(i), tables, tables.mutable_constants.emplace_back());
    }
    const FlatbufferVector named = program.vector(kNamedData);
    for (size_t i = 0; status.ok() && i < named.size(); ++i) {
        const FlatbufferTable entry = named.table(i);
        if (entry.text(0).empty() || entry.number<uint32_t>(1) >= tables.segment_sizes.size()) {
            return invalid("named data " + std::to_string(i) + " does not exist");
        }
    }
    tables.constant_buffers = program.vector(kConstantBuffers).size();
    tables.inline_delegate_data = program.vector(kInlineDelegateData).size();
    return status;
}

}  // namespace

Status check_program(const DataSource& source, ProgramFacts& facts) {
    Header header;
    Status status = read_header(source, header);
    if (!status.ok()) {
        return status;
    }
    const DataLoader::SegmentInfo segment(DataLoader::SegmentInfo::Type::Program);
    auto loaded = source.load(0, static_cast<size_t>(header.program_size), segment);
    if (!loaded.ok()) {
        return Status(loaded.error(), "cannot read the program");
    }
    const FlatbufferView view(static_cast<const uint8_t*>(loaded->data()), loaded->size());
    const FlatbufferTable program = FlatbufferTable::root(view);
    if (program.number<uint32_t>(kVersion) != 0) {
        return Status(Code::NotAProgram, "the program's schema is newer than this runtime's",
                      "Import the model again.");
    }
    ProgramTables tables;
    status = check_segments(program, header, source.byte_count(), tables);
    status = status.ok() ? check_data(program, tables) : std::move(status);
    const FlatbufferVector plans = program.vector(kPlans);
    if (status.ok() && plans.size() == 0) {
        return invalid("it has no methods");
    }
    for (size_t i = 0; status.ok() && i < plans.size(); ++i) {
        MethodCheck method(plans.table(i), tables);
        status = method.check();
        if (!status.ok()) {
            return std::move(status).within(std::string(kDamaged) + "method " + method.name() + ": ");
        }
        if (StateCheck(plans.table(i), method.values()).has_state()) {
            facts.methods_with_state.insert(method.name());
        }
    }
    if (status.ok() && view.is_damaged()) {
        return invalid("an offset points outside the file");
    }
    return status;
}

}  // namespace godot_executorch
