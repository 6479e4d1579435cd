#include "session/backlog.hpp"

#include "base/check.hpp"
#include "carriers/wrapping.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace carillon::session {

namespace {

// Of the unmasked frame at the front (RFC 6455 §5.2), whatever its first byte says.
std::size_t frame_bytes(std::string_view bytes) noexcept {
    const auto at = [&](std::size_t i) { return static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])); };
    CHECK(bytes.size() >= 2);
    const std::size_t length_bytes = at(1) == 126 ? 2 : at(1) == 127 ? 8 : 0;
    if (length_bytes == 0) return 2 + at(1);
    CHECK(bytes.size() >= 2 + length_bytes);
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < length_bytes; ++i) length = length << 8 | at(2 + i);
    return 2 + length_bytes + length;
}

// Of the message at the front, with its length in front of it as a varint.
std::size_t delimited_bytes(std::string_view bytes) noexcept {
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const auto byte = static_cast<unsigned char>(bytes[i]);
        length |= std::uint64_t{byte & 0x7fu} << (7 * i);
        if (byte < 0x80) return i + 1 + length;
    }
    CHECK(false);
}

} // namespace

std::vector<std::uint32_t> message_ends(hub::format speaks, std::string_view bytes) {
    const carriers::wrapping& how = carriers::wrapping_of(speaks);
    std::vector<std::uint32_t> ends;
    for (std::size_t begin = 0; begin < bytes.size();) {
        const std::string_view left = bytes.substr(begin);
        const std::size_t size = how.framed          ? frame_bytes(left)
                                 : how.after.empty() ? delimited_bytes(left)
                                                     : left.find(how.after) + how.after.size();
        CHECK(size <= left.size());
        begin += size;
        ends.push_back(static_cast<std::uint32_t>(begin));
    }
    return ends;
}

bool backlog::is_cut(std::uint64_t source) const noexcept { return std::ranges::find(*cut_, source) != cut_->end(); }

// Who is to be told gets nothing further of that source, for it would not know what it lacks.
void backlog::lose(const net::label& what) {
    ++(*dropped_)(what.counted);
    if ((what.flags & told) == 0 || is_cut(what.source)) return;
    cut_->push_back(what.source);
    waiting_->drop_all([&](const net::label& each) { return each.source == what.source; },
                       [&](const net::label& each) { ++(*dropped_)(each.counted); });
}

bool backlog::make_room(std::size_t bytes, std::uint32_t kind) {
    while (!waiting_->fits(bytes, limit_bytes_)) {
        const auto gone = waiting_->drop_oldest(
            [&](const net::label& each) { return (each.flags & yields) != 0 && (kind == 0 || each.kind == kind); });
        if (!gone) return false;
        lose(*gone);
    }
    return true;
}

bool backlog::add(const net::shared_bytes& bytes, const hub::frames::notes& of, std::span<const hub::range> others,
                  std::size_t sent) {
    const net::label what{.source = of.source, .kind = of.kind, .counted = of.counted, .flags = of.flags};
    // By their ends, since each is one message.
    const auto is_other = [&](std::uint32_t end) {
        return std::ranges::any_of(others, [&](const hub::range& each) { return each.begin < end && end <= each.end; });
    };
    std::uint32_t newest = 0;
    for (const std::uint32_t end : of.ends)
        if (others.empty() || !is_other(end)) newest = end;
    std::uint32_t begin = 0;
    for (const std::uint32_t end : of.ends) {
        const std::uint32_t from = std::exchange(begin, end);
        const std::size_t size = end - from;
        if (end <= sent) continue;
        if (from < sent) {
            waiting_->push(bytes, sent, end, true, {}); // it was begun, and so it is finished, whatever fits
        } else if (is_cut(what.source)) {
            if (others.empty() || !is_other(end)) ++(*dropped_)(what.counted);
        } else if (!others.empty() && is_other(end)) {
            if (!make_room(size)) return false;
            if (!is_cut(what.source)) waiting_->push(bytes, from, end, false, {});
        } else if ((what.flags & latest) != 0) {
            std::optional<net::label> older;
            waiting_->drop_all([&](const net::label& each) { return each.source == what.source; },
                               [&](const net::label& each) {
                                   if (older) ++(*dropped_)(each.counted);
                                   older = each;
                               });
            if (older) lose(*older);
            if (end != newest || is_cut(what.source)) {
                lose(what);
                continue;
            }
            if (!make_room(size)) return false;
            waiting_->push(bytes, from, end, false, what);
        } else if (!make_room(size, what.kind) || is_cut(what.source)) {
            lose(what);
        } else {
            waiting_->push(bytes, from, end, false, what);
        }
    }
    return true;
}

} // namespace carillon::session
