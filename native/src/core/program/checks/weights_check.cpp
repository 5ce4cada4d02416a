#include "core/program/checks/weights_check.h"

#include <cstring>
#include <set>
#include <vector>

#include "core/program/checks/flatbuffer_view.h"
#include "core/tensor/dtype.h"
#include "core/tensor/shape.h"

namespace godot_executorch {
namespace {

using executorch::runtime::DataLoader;

// The header of extension/flat_tensor: magic, length, place and size of the flatbuffer, begin and size of the segments.
constexpr size_t kIdentifierOffset = 4;
constexpr char kIdentifier[] = "FT01";
constexpr size_t kHeaderOffset = 8;
constexpr char kHeaderMagic[] = "FH01";
constexpr size_t kHeaderBytes = 48;
// Fields of flat_tensor.fbs.
constexpr int kVersion = 0;
constexpr int kSegments = 1;
constexpr int kNamedData = 2;

struct Header {
    uint64_t flatbuffer_end = 0;
    uint64_t segment_base = 0;
    uint64_t segment_bytes = 0;
};

Status invalid(const std::string& what) {
    return Status(Code::StructureInvalid, "its structure is damaged: " + what);
}

/// Whether `size` bytes from `offset` on lie inside of `available` bytes.
bool is_inside(uint64_t offset, uint64_t size, uint64_t available) {
    return offset <= available && size <= available - offset;
}

Status read_header(const DataSource& source, Header& header) {
    const DataLoader::SegmentInfo segment(DataLoader::SegmentInfo::Type::Program);
    uint8_t bytes[kHeaderBytes] = {};
    const uint64_t file_size = source.byte_count();
    if (file_size < kHeaderBytes) {
        return invalid("it has only " + std::to_string(file_size) + " bytes");
    }
    if (source.load_into(0, kHeaderBytes, segment, bytes) != executorch::runtime::Error::Ok) {
        return Status(Code::FileUnreadable, "cannot read its first bytes");
    }
    if (std::memcmp(bytes + kIdentifierOffset, kIdentifier, 4) != 0 ||
        std::memcmp(bytes + kHeaderOffset, kHeaderMagic, 4) != 0) {
        return invalid("it does not begin as external weights do (FT01)");
    }
    const FlatbufferView view(bytes, kHeaderBytes);
    const auto offset = view.read<uint64_t>(kHeaderOffset + 8);
    const auto size = view.read<uint64_t>(kHeaderOffset + 16);
    header.segment_base = view.read<uint64_t>(kHeaderOffset + 24);
    header.segment_bytes = view.read<uint64_t>(kHeaderOffset + 32);
    if (!is_inside(offset, size, file_size) || !is_inside(header.segment_base, header.segment_bytes, file_size)) {
        return invalid("it ends after the file does (the file may be cut short)");
    }
    header.flatbuffer_end = offset + size;
    return {};
}

Status check_segments(const FlatbufferVector& segments, const Header& header, std::vector<uint64_t>& sizes) {
    for (size_t i = 0; i < segments.size(); ++i) {
        const FlatbufferTable segment = segments.table(i);
        const auto offset = segment.number<uint64_t>(0);
        sizes.push_back(segment.number<uint64_t>(1));
        if (!segment.exists() || !is_inside(offset, sizes.back(), header.segment_bytes)) {
            return invalid("segment " + std::to_string(i) + " lies outside the file");
        }
    }
    return {};
}

/// A tensor's layout, whose elements must fill no more than its segment.
Status check_layout(const FlatbufferTable& layout, uint64_t available) {
    const size_t element = dtype_size(static_cast<Dtype>(layout.number<int8_t>(0)));
    const FlatbufferVector sizes = layout.vector(1);
    const FlatbufferVector order = layout.vector(2);
    if (element == 0 || !sizes.holds(4) || sizes.size() > kMaximumRank || order.size() != sizes.size()) {
        return invalid("a tensor has a dtype, sizes or an order of dimensions that do not exist");
    }
    uint64_t bytes = element;
    std::set<uint8_t> dimensions;
    for (size_t i = 0; i < sizes.size(); ++i) {
        const auto size = sizes.number<int32_t>(i);
        const auto dimension = order.number<uint8_t>(i);
        if (size < 0 || dimension >= sizes.size() || !dimensions.insert(dimension).second ||
            (size > 0 && bytes > available / static_cast<uint64_t>(size))) {
            return invalid("a tensor is larger than its segment, or has a wrong order of dimensions");
        }
        bytes *= static_cast<uint64_t>(size);
    }
    return bytes > available ? invalid("a tensor is larger than its segment") : Status();
}

Status check_table(const DataSource& source, const Header& header) {
    const DataLoader::SegmentInfo segment(DataLoader::SegmentInfo::Type::Program);
    auto loaded = source.load(0, static_cast<size_t>(header.flatbuffer_end), segment);
    if (!loaded.ok()) {
        return Status(loaded.error(), "cannot read it");
    }
    const FlatbufferView view(static_cast<const uint8_t*>(loaded->data()), loaded->size());
    const FlatbufferTable root = FlatbufferTable::root(view);
    // ExecuTorch reads it too: where it lies outside, the view is damaged.
    const auto version = root.number<uint32_t>(kVersion);
    std::vector<uint64_t> sizes;
    Status status = check_segments(root.vector(kSegments), header, sizes);
    const FlatbufferVector named = root.vector(kNamedData);
    std::set<std::string_view> keys;
    for (size_t i = 0; status.ok() && i < named.size(); ++i) {
        const FlatbufferTable entry = named.table(i);
        const auto index = entry.number<uint32_t>(1);
        if (entry.text(0).empty() || !keys.insert(entry.text(0)).second || index >= sizes.size()) {
            return invalid("named data " + std::to_string(i) + " has no name of its own, or no segment");
        }
        const FlatbufferTable layout = entry.table(2);
        status = layout.exists() ? check_layout(layout, sizes[index]) : Status();
    }
    if (status.ok() && !view.is_damaged() && version != 0) {
        return Status(Code::StructureInvalid, "its version " + std::to_string(version) + " is not known",
                      "Import the model again.");
    }
    if (status.ok() && (view.is_damaged() || !root.vector(kSegments).exists() || !named.exists())) {
        return invalid("an offset points outside the file");
    }
    return status;
}

}  // namespace

Status check_weights(const DataSource& source, const std::string& name) {
    Header header;
    Status status = read_header(source, header);
    status = status.ok() ? check_table(source, header) : std::move(status);
    return std::move(status).within(name + ": ");
}

}  // namespace godot_executorch
