#include "protocol/json_decoder.hpp"

#include "base/check.hpp"
#include "protocol/payload.hpp"

#include <simdjson.h>

#include <array>
#include <limits>
#include <string>

namespace carillon::protocol {

namespace {

namespace ondemand = simdjson::ondemand;

class decode_error_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "carillon.protocol"; }
    std::string message(int value) const override {
        switch (static_cast<decode_error>(value)) {
        case decode_error::empty: return "the message or one of its lines is empty";
        case decode_error::not_json: return "a line is not one JSON object";
        case decode_error::wrong_type: return "a member of a command has the wrong type";
        case decode_error::bad_payload: return "an embedded payload is not valid JSON";
        case decode_error::no_method: return "a command asks for nothing";
        }
        return "unknown";
    }
};

// The text of a value as it stands in the message, without the white space around it.
result<std::string_view> raw_text(ondemand::value value) {
    ondemand::json_type type;
    if (value.type().get(type)) return decode_error::not_json;
    std::string_view raw;
    switch (type) {
    case ondemand::json_type::array: {
        ondemand::array array;
        if (value.get_array().get(array) || array.raw_json().get(raw)) return decode_error::not_json;
        break;
    }
    case ondemand::json_type::object: {
        ondemand::object object;
        if (value.get_object().get(object) || object.raw_json().get(raw)) return decode_error::not_json;
        break;
    }
    default: raw = value.raw_json_token(); break;
    }
    while (!raw.empty() && static_cast<unsigned char>(raw.back()) <= ' ') raw.remove_suffix(1);
    // simdjson has looked at the structure only; everybody who is subscribed will parse the rest.
    if (!is_json(raw)) return decode_error::bad_payload;
    return raw;
}

result<void> read(ondemand::value value, std::string_view& into) {
    bool null = false;
    if (value.is_null().get(null)) return decode_error::wrong_type;
    if (null) return {};
    if (value.get_string().get(into)) return decode_error::wrong_type;
    return {};
}

// Reads the string members that `names` lists; everything else is skipped. False members of other kinds are the
// caller's.
template <std::size_t N, class Other>
result<void> read_members(ondemand::value& value,
                          const std::array<std::pair<std::string_view, std::string_view*>, N>& names, Other&& other) {
    ondemand::object object;
    if (value.get_object().get(object)) return decode_error::wrong_type;
    for (auto member : object) {
        ondemand::field field;
        if (std::move(member).get(field)) return decode_error::not_json;
        std::string_view key;
        if (field.unescaped_key().get(key)) return decode_error::not_json;
        std::string_view* into = nullptr;
        for (const auto& [name, target] : names) {
            if (name == key) into = target;
        }
        const result<void> done = into != nullptr ? read(field.value(), *into) : other(key, field.value());
        if (!done) return done;
    }
    return {};
}

constexpr auto skip = [](std::string_view, ondemand::value) -> result<void> { return {}; };

using names1 = std::array<std::pair<std::string_view, std::string_view*>, 1>;
using names2 = std::array<std::pair<std::string_view, std::string_view*>, 2>;
using names3 = std::array<std::pair<std::string_view, std::string_view*>, 3>;

template <class Request>
result<request> finish(const result<void>& done, Request&& what) {
    if (!done) return done.error();
    return request{std::forward<Request>(what)};
}

template <class Request>
result<request> read_channel_only(ondemand::value value) {
    Request what;
    const auto done = read_members(value, names1{{{"channel", &what.channel}}}, skip);
    return finish(done, what);
}

result<request> read_connect(ondemand::value value) {
    connect_request what;
    const auto done =
        read_members(value, names3{{{"token", &what.token}, {"name", &what.name}, {"version", &what.version}}}, skip);
    return finish(done, what);
}

result<request> read_subscribe(ondemand::value value) {
    subscribe_request what;
    const auto done = read_members(value, names2{{{"channel", &what.channel}, {"token", &what.token}}}, skip);
    return finish(done, what);
}

result<request> read_publish(ondemand::value value) {
    publish_request what{{}, "null"};
    const auto done = read_members(value, names1{{{"channel", &what.channel}}},
                                   [&](std::string_view key, ondemand::value member) -> result<void> {
                                       if (key != "data") return {};
                                       const result<std::string_view> raw = raw_text(member);
                                       if (!raw) return raw.error();
                                       what.data = *raw;
                                       return {};
                                   });
    return finish(done, what);
}

result<request> read_rpc(ondemand::value value) {
    rpc_request what;
    const auto done = read_members(value, names1{{{"method", &what.method}}}, skip);
    return finish(done, what);
}

result<request> read_refresh(ondemand::value value) {
    refresh_request what;
    const auto done = read_members(value, names1{{{"token", &what.token}}}, skip);
    return finish(done, what);
}

result<request> read_sub_refresh(ondemand::value value) {
    sub_refresh_request what;
    const auto done = read_members(value, names2{{{"channel", &what.channel}, {"token", &what.token}}}, skip);
    return finish(done, what);
}

template <class Request>
result<request> read_nothing(ondemand::value value) {
    const auto done = read_members(value, std::array<std::pair<std::string_view, std::string_view*>, 0>{}, skip);
    return finish(done, Request{});
}

struct method {
    std::string_view name;
    result<request> (*read)(ondemand::value);
};

// In the order of the schema: of several, the first that is there counts (protocol §2).
constexpr std::array methods{
    method{"connect", read_connect},
    method{"subscribe", read_subscribe},
    method{"unsubscribe", read_channel_only<unsubscribe_request>},
    method{"publish", read_publish},
    method{"presence", read_channel_only<presence_request>},
    method{"presence_stats", read_channel_only<presence_stats_request>},
    method{"history", read_channel_only<history_request>},
    method{"ping", read_nothing<ping_request>},
    method{"send", read_nothing<send_request>},
    method{"rpc", read_rpc},
    method{"refresh", read_refresh},
    method{"sub_refresh", read_sub_refresh},
};

} // namespace

const boost::system::error_category& decode_category() noexcept {
    static const decode_error_category category;
    return category;
}

struct json_decoder::implementation {
    explicit implementation(std::size_t bytes_max) : parser{bytes_max}, message_bytes_max{bytes_max} {
        CHECK(parser.allocate(bytes_max) == simdjson::SUCCESS);
    }

    result<command> decode(std::string_view line);

    ondemand::parser parser;
    std::size_t message_bytes_max;
};

json_decoder::json_decoder(std::size_t message_bytes_max)
    : inner_{std::make_unique<implementation>(message_bytes_max)} {}

json_decoder::~json_decoder() = default;

result<command> json_decoder::decode(std::string_view line) { return inner_->decode(line); }

result<command> json_decoder::implementation::decode(std::string_view line) {
    CHECK(line.size() <= message_bytes_max);
    if (line.empty()) return decode_error::empty;
    if (line == "{}") return command{}; // a pong (§4.1), the one thing that idle clients say
    ondemand::document document;
    const simdjson::padded_string_view padded{line, line.size() + simdjson::SIMDJSON_PADDING};
    if (parser.iterate(padded).get(document)) return decode_error::not_json;
    ondemand::object object;
    if (document.get_object().get(object)) return decode_error::not_json;

    command decoded;
    std::size_t chosen = methods.size();
    for (auto member : object) {
        ondemand::field field;
        if (std::move(member).get(field)) return decode_error::not_json;
        std::string_view key;
        if (field.unescaped_key().get(key)) return decode_error::not_json;
        if (key == "id") {
            std::uint64_t id = 0;
            if (field.value().get_uint64().get(id) || id > std::numeric_limits<std::uint32_t>::max()) {
                return decode_error::wrong_type;
            }
            decoded.id = static_cast<std::uint32_t>(id);
            continue;
        }
        for (std::size_t i = 0; i < chosen; ++i) {
            if (methods[i].name != key) continue;
            bool null = false;
            if (field.value().is_null().get(null)) return decode_error::not_json;
            if (null) break;
            result<request> what = methods[i].read(field.value());
            if (!what) return what.error();
            decoded.what = *what;
            chosen = i;
            break;
        }
    }
    // There is a current location unless the document has ended: something follows the object.
    const char* location = nullptr;
    if (!document.current_location().get(location)) return decode_error::not_json;
    if (decoded.id == 0 && !std::holds_alternative<send_request>(decoded.what)) return command{};
    if (decoded.id != 0 && chosen == methods.size()) return decode_error::no_method;
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
