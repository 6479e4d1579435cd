#include "protobuf/decoder.hpp"

#include <simdjson.h>

#include <protozero/pbf_reader.hpp>
#include <protozero/varint.hpp>
#include <utility>

// The numbers of the fields are those of proto/client.proto.
namespace carillon::protobuf {

namespace {

using namespace protocol;
using protozero::pbf_reader;
using protozero::pbf_wire_type;

constexpr std::uint32_t field(protozero::pbf_tag_type tag, pbf_wire_type type) noexcept {
    return protozero::tag_and_type(tag, type);
}
constexpr std::uint32_t bytes_field(protozero::pbf_tag_type tag) noexcept {
    return field(tag, pbf_wire_type::length_delimited);
}
constexpr std::uint32_t number_field(protozero::pbf_tag_type tag) noexcept { return field(tag, pbf_wire_type::varint); }

// What is in a message that is not what it must be.
struct mistake {
    decode_error why;
};

std::string_view bytes(pbf_reader& from) {
    const protozero::data_view view = from.get_view();
    return {view.data(), view.size()};
}

std::string_view text(pbf_reader& from) {
    const std::string_view read = bytes(from);
    if (!simdjson::validate_utf8(read.data(), read.size())) throw mistake{decode_error::wrong_type};
    return read;
}

// Deeper ones are counted, but not looked into: no filter is so deep.
constexpr int filter_levels_max = 16;

void read_filter(pbf_reader from, filter_node& into, std::size_t& items, int level) {
    while (from.next()) {
        switch (from.tag_and_type()) {
        case bytes_field(1): into.op = text(from); break;
        case bytes_field(2): into.key = text(from); break;
        case bytes_field(3): into.cmp = text(from); break;
        case bytes_field(4): into.val = text(from); break;
        case bytes_field(5): {
            const std::string_view each = text(from);
            if (++items <= filter_node::kept_max) into.vals.push_back(each);
            break;
        }
        case bytes_field(6): {
            const pbf_reader inner = from.get_message();
            filter_node unkept;
            filter_node& each = ++items <= filter_node::kept_max ? into.nodes.emplace_back() : unkept;
            if (level < filter_levels_max) read_filter(inner, each, items, level + 1);
            break;
        }
        default: from.skip();
        }
    }
}

subscribe_request read_subscribe(pbf_reader from, filter_node& filter) {
    subscribe_request what;
    while (from.next()) {
        switch (from.tag_and_type()) {
        case bytes_field(1): what.channel = text(from); break;
        case bytes_field(2): what.token = text(from); break;
        case number_field(3): what.recover = from.get_bool(); break;
        case bytes_field(6): what.since.epoch = text(from); break;
        case number_field(7): what.since.offset = from.get_uint64(); break;
        case bytes_field(8): what.data = bytes(from); break;
        case number_field(9):
        case number_field(10): what.positioned = from.get_bool() || what.positioned; break;
        case number_field(11): what.join_leave = from.get_bool(); break;
        case bytes_field(12): what.delta = text(from); break;
        case bytes_field(13):
            filter = {};
            what.filter = &filter;
            read_filter(from.get_message(), filter, filter.items, 1);
            break;
        case number_field(14): what.flag = from.get_int64(); break;
        case number_field(15): what.type = from.get_int32(); break;
        default: from.skip();
        }
    }
    return what;
}

// An entry of the map of subscriptions.
subscribe_request read_known(pbf_reader from) {
    std::string_view channel;
    subscribe_request what;
    filter_node unkept; // the server has not made it for one
    while (from.next()) {
        switch (from.tag_and_type()) {
        case bytes_field(1): channel = text(from); break;
        case bytes_field(2): what = read_subscribe(from.get_message(), unkept); break;
        default: from.skip();
        }
    }
    what.channel = channel;
    what.filter = nullptr;
    return what;
}

// An entry of the map of headers.
emulated_header read_header(pbf_reader from) {
    emulated_header what;
    while (from.next()) {
        switch (from.tag_and_type()) {
        case bytes_field(1): what.name = text(from); break;
        case bytes_field(2): what.value = text(from); break;
        default: from.skip();
        }
    }
    return what;
}

connect_request read_connect(pbf_reader from, std::vector<subscribe_request>& kept,
                             std::vector<emulated_header>& kept_headers) {
    connect_request what;
    kept.clear();
    kept_headers.clear();
    while (from.next()) {
        switch (from.tag_and_type()) {
        case bytes_field(1): what.token = text(from); break;
        case bytes_field(2): what.data = bytes(from); break;
        case bytes_field(3): kept.push_back(read_known(from.get_message())); break;
        case bytes_field(4): what.name = text(from); break;
        case bytes_field(5): what.version = text(from); break;
        case bytes_field(6): kept_headers.push_back(read_header(from.get_message())); break;
        default: from.skip();
        }
    }
    what.subscriptions = kept;
    what.headers = kept_headers;
    return what;
}

template <class Request>
Request read_channel_only(pbf_reader from) {
    Request what;
    while (from.next()) {
        if (from.tag_and_type() == bytes_field(1)) {
            what.channel = text(from);
        } else {
            from.skip();
        }
    }
    return what;
}

publish_request read_publish(pbf_reader from) {
    publish_request what;
    while (from.next()) {
        switch (from.tag_and_type()) {
        case bytes_field(1): what.channel = text(from); break;
        case bytes_field(2): what.data = bytes(from); break;
        case number_field(3): what.type = from.get_int32(); break;
        default: from.skip();
        }
    }
    return what;
}

stream_position read_position(pbf_reader from) {
    stream_position what;
    while (from.next()) {
        switch (from.tag_and_type()) {
        case number_field(1): what.offset = from.get_uint64(); break;
        case bytes_field(2): what.epoch = text(from); break;
        default: from.skip();
        }
    }
    return what;
}

history_request read_history(pbf_reader from) {
    history_request what;
    while (from.next()) {
        switch (from.tag_and_type()) {
        case bytes_field(1): what.channel = text(from); break;
        case number_field(7): what.limit = from.get_int32(); break;
        case bytes_field(8): what.since = read_position(from.get_message()); break;
        case number_field(9): what.reverse = from.get_bool(); break;
        default: from.skip();
        }
    }
    return what;
}

rpc_request read_rpc(pbf_reader from) {
    rpc_request what;
    while (from.next()) {
        switch (from.tag_and_type()) {
        case bytes_field(1): what.data = bytes(from); break;
        case bytes_field(2): what.method = text(from); break;
        default: from.skip();
        }
    }
    return what;
}

send_request read_send(pbf_reader from) {
    send_request what;
    while (from.next()) {
        if (from.tag_and_type() == bytes_field(1)) {
            what.data = bytes(from);
        } else {
            from.skip();
        }
    }
    return what;
}

refresh_request read_refresh(pbf_reader from) {
    refresh_request what;
    while (from.next()) {
        if (from.tag_and_type() == bytes_field(1)) {
            what.token = text(from);
        } else {
            from.skip();
        }
    }
    return what;
}

sub_refresh_request read_sub_refresh(pbf_reader from) {
    sub_refresh_request what;
    while (from.next()) {
        switch (from.tag_and_type()) {
        case bytes_field(1): what.channel = text(from); break;
        case bytes_field(2): what.token = text(from); break;
        default: from.skip();
        }
    }
    return what;
}

request read_request(protozero::pbf_tag_type tag, pbf_reader from, std::vector<subscribe_request>& kept,
                     std::vector<emulated_header>& kept_headers, filter_node& filter) {
    switch (tag) {
    case 4: return read_connect(from, kept, kept_headers);
    case 5: return read_subscribe(from, filter);
    case 6: return read_channel_only<unsubscribe_request>(from);
    case 7: return read_publish(from);
    case 8: return read_channel_only<presence_request>(from);
    case 9: return read_channel_only<presence_stats_request>(from);
    case 10: return read_history(from);
    case 11: return ping_request{};
    case 12: return read_send(from);
    case 13: return read_rpc(from);
    case 14: return read_refresh(from);
    default: return read_sub_refresh(from);
    }
}

} // namespace

result<command> decoder::decode(std::string_view one) {
    if (one.empty()) return command{}; // a pong (§1.2), the one thing that idle clients say
    try {
        constexpr protozero::pbf_tag_type first = 4, last = 15;
        command decoded;
        protozero::pbf_tag_type chosen = last + 1;
        pbf_reader from{one.data(), one.size()};
        while (from.next()) {
            const protozero::pbf_tag_type tag = from.tag();
            if (from.tag_and_type() == number_field(1)) {
                decoded.id = from.get_uint32();
            } else if (tag >= first && tag <= last && from.wire_type() == pbf_wire_type::length_delimited) {
                // Of several, the first of the schema counts (§2).
                request what = read_request(tag, from.get_message(), subscriptions_of_connect_, headers_of_connect_,
                                            filter_of_subscribe_);
                if (tag > chosen) continue;
                decoded.what = std::move(what);
                chosen = tag;
            } else {
                from.skip();
            }
        }
        if (decoded.id == 0 && !std::holds_alternative<send_request>(decoded.what)) return command{};
        if (decoded.id != 0 && chosen > last) return decode_error::no_method;
        return decoded;
    } catch (const protozero::exception&) { return decode_error::torn; } catch (const mistake& what) {
        return what.why;
    }
}

std::optional<std::string_view> next_delimited(std::string_view& message) noexcept {
    if (message.empty()) return std::nullopt;
    const char* at = message.data();
    const char* const end = at + message.size();
    std::uint64_t size = 0;
    try {
        size = protozero::decode_varint(&at, end);
    } catch (const protozero::exception&) { return std::nullopt; }
    if (size > static_cast<std::uint64_t>(end - at)) return std::nullopt;
    const std::string_view one{at, static_cast<std::size_t>(size)};
    message.remove_prefix(static_cast<std::size_t>(at - message.data()) + one.size());
    return one;
}

} // namespace carillon::protobuf
