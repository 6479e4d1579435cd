#include "protocol/json_decoder.hpp"

#include "base/check.hpp"
#include "protocol/json_filter.hpp"
#include "protocol/json_members.hpp"
#include "protocol/payload.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace carillon::protocol {

namespace {

namespace ondemand = simdjson::ondemand;

using value = member_reader::value;

struct position {
    std::optional<stream_position> what;

    result<void> read(member_reader& reader, value from) {
        what.emplace();
        return reader.members(from, member{"offset", what->offset}, member{"epoch", what->epoch});
    }
};

// The parts of requests that are looked at only to see whether they are what the schema says (§3).

struct dictionary {
    result<void> read(member_reader& reader, value from) {
        return reader.members(from, member{"id", ignored<std::string_view>{}}, member{"data", any_value{}},
                              member{"data_b64", ignored<std::string_view>{}});
    }
};

struct subscription {
    subscribe_request what;

    result<void> read(member_reader& reader, value from) {
        whole_filter filter;
        bool positioned = false, recoverable = false;
        any_value data;
        const auto done = reader.members(
            from, member{"channel", what.channel}, member{"token", what.token}, member{"recover", what.recover},
            member{"epoch", what.since.epoch}, member{"offset", what.since.offset}, member{"data", data},
            member{"positioned", positioned}, member{"recoverable", recoverable}, member{"join_leave", what.join_leave},
            member{"delta", what.delta}, member{"tf", filter}, member{"flag", what.flag}, member{"type", what.type},
            member{"phase", ignored<std::int32_t>{}}, member{"cursor", ignored<std::string_view>{}},
            member{"limit", ignored<std::int32_t>{}}, member{"asc", ignored<bool>{}});
        what.filter = filter.given;
        what.positioned = positioned || recoverable;
        what.data = data.raw;
        return done;
    }
};

template <class Request>
result<request> finish(const result<void>& done, Request&& what) {
    if (!done) return done.error();
    return request{std::forward<Request>(what)};
}

template <class Request>
result<request> read_channel_only(member_reader& reader, value from) {
    Request what;
    const auto done = reader.members(from, member{"channel", what.channel});
    return finish(done, what);
}

// By channel, what a client has of the subscriptions that the server makes.
struct subscriptions {
    std::vector<subscribe_request>* into;

    result<void> read(member_reader& reader, value from) {
        return reader.each_member(from, [&](std::string_view channel, value what) {
            subscription each;
            const auto done = reader.read(what, each);
            each.what.channel = channel;
            each.what.filter = nullptr; // the server has not made it for one
            into->push_back(each.what);
            return done;
        });
    }
};

struct headers {
    std::vector<emulated_header>* into;

    result<void> read(member_reader& reader, value from) {
        return reader.each_member(from, [&](std::string_view name, value what) {
            emulated_header& each = into->emplace_back(emulated_header{name, {}});
            return reader.read(what, each.value);
        });
    }
};

result<request> read_connect(member_reader& reader, value from, std::vector<subscribe_request>& kept,
                             std::vector<emulated_header>& kept_headers) {
    connect_request what;
    any_value data;
    kept.clear();
    kept_headers.clear();
    subscriptions all{&kept};
    headers emulated{&kept_headers};
    const auto done = reader.members(
        from, member{"token", what.token}, member{"data", data}, member{"subs", all}, member{"name", what.name},
        member{"version", what.version}, member{"headers", emulated}, member{"flag", ignored<std::int64_t>{}},
        member{"dict", ignored<dictionary>{}}, member{"profile", ignored<std::string_view>{}});
    what.subscriptions = kept;
    what.headers = kept_headers;
    what.data = data.raw;
    return finish(done, what);
}

result<request> read_subscribe(member_reader& reader, value from) {
    subscription what;
    const auto done = what.read(reader, from);
    return finish(done, what.what);
}

result<request> read_publish(member_reader& reader, value from) {
    publish_request what;
    any_value data;
    const auto done =
        reader.members(from, member{"channel", what.channel}, member{"data", data}, member{"type", what.type},
                       member{"key", ignored<std::string_view>{}}, member{"removed", ignored<bool>{}});
    what.data = data.raw;
    return finish(done, what);
}

result<request> read_history(member_reader& reader, value from) {
    history_request what;
    position since;
    const auto done = reader.members(from, member{"channel", what.channel}, member{"limit", what.limit},
                                     member{"since", since}, member{"reverse", what.reverse});
    what.since = since.what;
    return finish(done, what);
}

result<request> read_rpc(member_reader& reader, value from) {
    rpc_request what;
    any_value data;
    const auto done = reader.members(from, member{"method", what.method}, member{"data", data});
    what.data = data.raw;
    return finish(done, what);
}

result<request> read_send(member_reader& reader, value from) {
    send_request what;
    any_value data;
    const auto done = reader.members(from, member{"data", data});
    what.data = data.raw;
    return finish(done, what);
}

result<request> read_refresh(member_reader& reader, value from) {
    refresh_request what;
    const auto done = reader.members(from, member{"token", what.token});
    return finish(done, what);
}

result<request> read_sub_refresh(member_reader& reader, value from) {
    sub_refresh_request what;
    const auto done = reader.members(from, member{"channel", what.channel}, member{"token", what.token});
    return finish(done, what);
}

result<request> read_ping(member_reader& reader, value from) {
    const auto done = reader.members(from);
    return finish(done, ping_request{});
}

struct method {
    std::string_view name;
    result<request> (*read)(member_reader& reader, value from); ///< null: connect, which keeps a list beside it
};

// In the order of the schema: of several, the first that is there counts (protocol §2).
constexpr std::array methods{
    method{"connect", nullptr},
    method{"subscribe", read_subscribe},
    method{"unsubscribe", read_channel_only<unsubscribe_request>},
    method{"publish", read_publish},
    method{"presence", read_channel_only<presence_request>},
    method{"presence_stats", read_channel_only<presence_stats_request>},
    method{"history", read_history},
    method{"ping", read_ping},
    method{"send", read_send},
    method{"rpc", read_rpc},
    method{"refresh", read_refresh},
    method{"sub_refresh", read_sub_refresh},
};

} // namespace

struct json_decoder::implementation {
    explicit implementation(std::size_t bytes_max) : parser{bytes_max}, message_bytes_max{bytes_max} {
        CHECK(parser.allocate(bytes_max) == simdjson::SUCCESS);
    }

    result<command> decode(std::string_view line);
    result<command> decode_mended(std::string_view line, error_code why);

    ondemand::parser parser;
    std::size_t message_bytes_max;
    std::vector<subscribe_request> subscriptions_of_connect;
    std::vector<emulated_header> headers_of_connect;
    filter_node filter_of_subscribe;
    std::string mended; // a line with half surrogates, while its command is used
};

json_decoder::json_decoder(std::size_t message_bytes_max)
    : inner_{std::make_unique<implementation>(message_bytes_max)} {}

json_decoder::~json_decoder() = default;

result<command> json_decoder::decode(std::string_view line) {
    const result<command> decoded = inner_->decode(line);
    return decoded ? decoded : inner_->decode_mended(line, decoded.error());
}

result<command> json_decoder::implementation::decode(std::string_view line) {
    CHECK(line.size() <= message_bytes_max);
    if (line.empty()) return decode_error::empty;
    if (line == "{}") return command{}; // a pong (§4.1), the one thing that idle clients say
    ondemand::document document;
    const simdjson::padded_string_view padded{line, line.size() + simdjson::SIMDJSON_PADDING};
    if (parser.iterate(padded).get(document)) return decode_error::not_json;
    ondemand::object object;
    if (document.get_object().get(object)) return decode_error::not_json;

    member_reader reader;
    reader.filter = &filter_of_subscribe;
    command decoded;
    std::size_t chosen = methods.size();
    for (auto each : object) {
        ondemand::field field;
        if (std::move(each).get(field)) return decode_error::not_json;
        std::string_view key;
        if (field.unescaped_key().get(key)) return decode_error::not_json;
        const auto which = static_cast<std::size_t>(
            std::find_if(methods.begin(), methods.end(), [&](const method& one) { return one.name == key; }) -
            methods.begin());
        if (which == methods.size()) {
            any_value unknown;
            const auto done =
                key == "id" ? reader.read(field.value(), decoded.id) : reader.read(field.value(), unknown);
            if (!done) return done.error();
            continue;
        }
        bool null = false;
        if (field.value().is_null().get(null)) return decode_error::not_json;
        if (null) continue;
        const result<request> what =
            methods[which].read == nullptr
                ? read_connect(reader, field.value(), subscriptions_of_connect, headers_of_connect)
                : methods[which].read(reader, field.value());
        if (!what) return what.error();
        if (which > chosen) continue;
        decoded.what = *what;
        chosen = which;
    }
    // There is a current location unless the document has ended: something follows the object.
    const char* location = nullptr;
    if (!document.current_location().get(location)) return decode_error::not_json;
    if (decoded.id == 0 && !std::holds_alternative<send_request>(decoded.what)) return command{};
    if (decoded.id != 0 && chosen == methods.size()) return decode_error::no_method;
    decoded.too_deep = reader.too_deep;
    return decoded;
}

// Half a surrogate pair in a string that is looked at (a channel, the name of a member) is no text that UTF-8 could
// hold. It counts as U+FFFD, as at peers; only simdjson takes it for a mistake. What is published stays as it is.
result<command> json_decoder::implementation::decode_mended(std::string_view line, error_code why) {
    if (!replace_half_surrogates(line, mended)) return why;
    mended.append(simdjson::SIMDJSON_PADDING, ' ');
    result<command> decoded = decode(std::string_view{mended}.substr(0, line.size()));
    if (!decoded) return decoded;
    if (auto* publish = std::get_if<publish_request>(&decoded->what); publish != nullptr && !publish->data.empty()) {
        const auto at = static_cast<std::size_t>(publish->data.data() - mended.data());
        publish->data = line.substr(at, publish->data.size());
    }
    return decoded;
}

std::optional<std::string_view> next_line(std::string_view& message) noexcept {
    if (message.empty()) return std::nullopt;
    const std::size_t end = message.find('\n');
    const std::string_view line = message.substr(0, end);
    message.remove_prefix(end == std::string_view::npos ? message.size() : end + 1);
    return line;
}

} // namespace carillon::protocol
