#include "api/decoder.hpp"

#include "base/check.hpp"
#include "protocol/json_members.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <sodium.h>

namespace carillon::api {

namespace {

namespace ondemand = simdjson::ondemand;
using protocol::any_value;
using protocol::decode_error;
using protocol::member;
using protocol::member_reader;
using value = member_reader::value;

// What the members of one request are read with.
struct source {
    std::string_view sent;  // the body as it was sent
    const char* begin = {}; // of the copy that is read, which may have been mended
    const limits* most = {};
    std::string too_many; // a sentence

    /// A value as it was sent: the copy has the same length.
    std::string raw(const any_value& of) const {
        if (of.raw.empty()) return {};
        return std::string{sent.substr(static_cast<std::size_t>(of.raw.data() - begin), of.raw.size())};
    }
};

// The members of the schema that are kept: each owns what it has read.
struct text {
    std::string& into;
    result<void> read(member_reader& reader, value from) const {
        std::string_view view;
        auto done = reader.read(from, view);
        into.assign(view);
        return done;
    }
};

// JSON of any kind; null is one.
struct json {
    const source& of;
    std::string& into;
    bool* given = nullptr;
    result<void> read_any(member_reader& reader, value from) const {
        any_value any;
        auto done = reader.read_any(from, any);
        if (!done) return done;
        into = of.raw(any);
        if (given != nullptr) *given = true;
        return done;
    }
};

// Base64 with its padding, as encoders of the protocol's JSON write it; in lines (RFC 2045 §6.8), as those of mail do.
struct base64 {
    std::string& into;
    bool* given = nullptr;
    result<void> read(member_reader& reader, value from) const {
        std::string_view view;
        if (auto done = reader.read(from, view); !done) return done;
        if (view.empty()) return {};
        std::string bytes(view.size(), '\0');
        std::size_t size = 0;
        const char* end = nullptr;
        const int failed = sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), view.data(),
                                             view.size(), "\r\n", &size, &end, sodium_base64_VARIANT_ORIGINAL);
        if (failed != 0 || end != view.data() + view.size()) return decode_error::wrong_type;
        bytes.resize(size);
        into = std::move(bytes);
        if (given != nullptr) *given = true;
        return {};
    }
};

template <class Each>
result<void> each_element(value from, Each&& each) {
    ondemand::array array;
    if (from.get_array().get(array)) return decode_error::wrong_type;
    for (auto one : array) {
        value what;
        if (std::move(one).get(what)) return decode_error::not_json;
        if (auto done = each(what); !done) return done;
    }
    return {};
}

struct texts {
    source& of;
    std::vector<std::string>& into;
    std::size_t most;
    std::string_view what;
    result<void> read(member_reader& reader, value from) const {
        into.clear();
        return each_element(from, [&](value each) -> result<void> {
            if (into.size() >= most) {
                of.too_many = fmt::format("There are more than {} {}.", most, what);
                return decode_error::wrong_type;
            }
            return text{into.emplace_back()}.read(reader, each);
        });
    }
};

struct tags {
    std::vector<std::pair<std::string, std::string>>& into;
    result<void> read(member_reader& reader, value from) const {
        into.clear();
        return reader.each_member(from, [&](std::string_view name, value what) -> result<void> {
            auto& [key, said] = into.emplace_back();
            key.assign(name);
            return text{said}.read(reader, what);
        });
    }
};

struct position {
    std::optional<std::pair<std::uint64_t, std::string>>& into;
    result<void> read(member_reader& reader, value from) const {
        into.emplace();
        return reader.members(from, member{"offset", into->first}, member{"epoch", text{into->second}});
    }
};

struct close_code {
    disconnect_request& into;
    result<void> read(member_reader& reader, value from) const {
        // Whoever gives a code gives its reason, too.
        into.code = 0;
        into.reason.clear();
        return reader.members(from, member{"code", into.code}, member{"reason", text{into.reason}},
                              member{"reconnect", protocol::ignored<bool>{}});
    }
};

template <class... More>
result<void> read_publication(source& of, member_reader& reader, value from, publication& what, More... more) {
    std::string binary;
    bool is_binary = false;
    const auto done =
        reader.members(from, more..., member{"data", json{of, what.data, &what.given}},
                       member{"b64data", base64{binary, &is_binary}}, member{"skip_history", what.skip_history},
                       member{"tags", tags{what.tags}}, member{"idempotency_key", text{what.idempotency_key}},
                       member{"delta", what.delta}, member{"version", what.version},
                       member{"version_epoch", text{what.version_epoch}}, member{"count", what.count});
    if (is_binary) what.data = std::move(binary);
    what.given = what.given || is_binary;
    return done;
}

template <class... More>
result<void> read_whom(member_reader& reader, value from, whom& who, More... more) {
    return reader.members(from, member{"user", text{who.user}}, member{"client", text{who.client}},
                          member{"session", text{who.session}}, more...);
}

// --- one function for each command

result<void> read_request(source& of, member_reader& reader, value from, publish_request& what) {
    return read_publication(of, reader, from, what.what, member{"channel", text{what.channel}});
}

result<void> read_request(source& of, member_reader& reader, value from, broadcast_request& what) {
    return read_publication(of, reader, from, what.what,
                            member{"channels", texts{of, what.channels, of.most->broadcast_channels_max, "channels"}});
}

result<void> read_request(source& of, member_reader& reader, value from, subscribe_request& what) {
    return read_whom(reader, from, what.who, member{"channel", text{what.channel}}, member{"info", json{of, what.info}},
                     member{"b64info", base64{what.info}}, member{"data", json{of, what.data}},
                     member{"b64data", base64{what.data}}, member{"recover_since", position{what.recover_since}},
                     member{"expire_at", what.expire_at});
}

result<void> read_request(source&, member_reader& reader, value from, unsubscribe_request& what) {
    return read_whom(reader, from, what.who, member{"channel", text{what.channel}});
}

result<void> read_request(source& of, member_reader& reader, value from, disconnect_request& what) {
    return read_whom(reader, from, what.who,
                     member{"whitelist", texts{of, what.whitelist, of.most->broadcast_channels_max, "clients"}},
                     member{"disconnect", close_code{what}});
}

result<void> read_request(source& of, member_reader& reader, value from, refresh_request& what) {
    return read_whom(reader, from, what.who, member{"expired", what.expired}, member{"expire_at", what.expire_at},
                     member{"info", json{of, what.info}});
}

result<void> read_request(source&, member_reader& reader, value from, channels_request& what) {
    return reader.members(from, member{"pattern", text{what.pattern}}, member{"after", text{what.after}},
                          member{"limit", what.limit});
}

result<void> read_request(source&, member_reader& reader, value from, connections_request& what) {
    return reader.members(from, member{"user", text{what.user}}, member{"cursor", text{what.cursor}},
                          member{"limit", what.limit});
}

result<void> read_request(source&, member_reader& reader, value from, info_request&) { return reader.members(from); }

result<void> read_request(source&, member_reader& reader, value from, history_request& what) {
    return reader.members(from, member{"channel", text{what.channel}}, member{"limit", what.limit},
                          member{"since", position{what.since}}, member{"reverse", what.reverse});
}

template <class OfChannel>
requires requires(OfChannel what) { what.channel; }
result<void> read_request(source&, member_reader& reader, value from, OfChannel& what) {
    return reader.members(from, member{"channel", text{what.channel}});
}

template <class Request>
result<void> read_as(source& of, member_reader& reader, value from, command& into) {
    return read_request(of, reader, from, into.emplace<Request>());
}

using read_command = result<void> (*)(source& of, member_reader& reader, value from, command& into);

// In the order of `command`, without the last, which has no method.
constexpr std::array<read_command, std::variant_size_v<command> - 1> readers{
    read_as<publish_request>,        read_as<broadcast_request>,      read_as<subscribe_request>,
    read_as<unsubscribe_request>,    read_as<disconnect_request>,     read_as<refresh_request>,
    read_as<presence_request>,       read_as<presence_stats_request>, read_as<history_request>,
    read_as<history_remove_request>, read_as<channels_request>,       read_as<info_request>,
    read_as<connections_request>,
};

std::optional<std::size_t> index_of(std::string_view method) noexcept {
    const std::size_t index = method.empty() ? readers.size() : method_index(method);
    return index < readers.size() ? std::optional{index} : std::nullopt;
}

// `{"publish":{...}}`; of several methods the first one counts.
struct one_of_batch {
    source& of;
    command& into;
    result<void> read(member_reader& reader, value from) const {
        return reader.each_member(from, [&](std::string_view name, value what) -> result<void> {
            const auto which = index_of(name);
            bool null = false;
            if (what.is_null().get(null)) return decode_error::not_json;
            any_value unknown;
            if (!which || null || !std::holds_alternative<unknown_request>(into)) return reader.read_any(what, unknown);
            return readers[*which](of, reader, what, into);
        });
    }
};

struct commands {
    source& of;
    std::vector<command>& into;
    result<void> read(member_reader& reader, value from) const {
        into.clear();
        return each_element(from, [&](value each) -> result<void> {
            if (into.size() >= of.most->batch_commands_max) {
                of.too_many = fmt::format("There are more than {} commands.", of.most->batch_commands_max);
                return decode_error::wrong_type;
            }
            return one_of_batch{of, into.emplace_back(unknown_request{})}.read(reader, each);
        });
    }
};

result<void> read_method(source& of, member_reader& reader, value from, std::string_view method, request& into) {
    if (method == "batch") {
        auto& batch = into.emplace<batch_request>();
        return reader.members(from, member{"commands", commands{of, batch.commands}},
                              member{"parallel", batch.parallel});
    }
    command& one = into.emplace<command>(unknown_request{});
    const auto which = index_of(method);
    return which ? readers[*which](of, reader, from, one) : result<void>{};
}

} // namespace

struct decoder::implementation {
    using read_body = std::function<result<void>(source&, member_reader&, value)>;

    explicit implementation(const limits& how) : most{how}, parser{how.body_bytes_max} {
        CHECK(parser.allocate(std::max<std::size_t>(how.body_bytes_max, 64)) == simdjson::SUCCESS);
    }

    std::optional<mistake> decode(std::string_view body, const read_body& read);
    result<void> decode_copy(source& of, member_reader& reader, const read_body& read);

    limits most;
    ondemand::parser parser;
    std::string copy; // with room behind it, which simdjson reads
};

decoder::decoder(const limits& how) : inner_{std::make_unique<implementation>(how)} {}
decoder::~decoder() = default;

// Half a surrogate pair in a string counts as U+FFFD, as in the commands of clients; what is published stays as it is.
std::optional<mistake> decoder::implementation::decode(std::string_view body, const read_body& read) {
    CHECK(body.size() <= most.body_bytes_max);
    std::string mended;
    for (bool mending = false;; mending = true) {
        copy.assign(mending ? mended : body);
        copy.append(simdjson::SIMDJSON_PADDING, ' ');
        source of{.sent = body, .begin = copy.data(), .most = &most, .too_many = {}};
        member_reader reader;
        const auto done = decode_copy(of, reader, read);
        if (reader.too_deep) return mistake{fmt::format("The body nests deeper than {}.", protocol::json_depth_max)};
        if (done) return std::nullopt;
        if (!of.too_many.empty()) return mistake{std::move(of.too_many)};
        if (!mending && protocol::replace_half_surrogates(body, mended)) continue;
        if (const auto at = protocol::first_mistake(body))
            return mistake{fmt::format("The body is not JSON: there is a mistake at byte {}.", *at)};
        if (reader.wrong.empty()) return mistake{"The body is JSON, but not one object."};
        return mistake{fmt::format("\"{}\" has the wrong type or value.", reader.wrong)};
    }
}

result<void> decoder::implementation::decode_copy(source& of, member_reader& reader, const read_body& read) {
    ondemand::document document;
    const simdjson::padded_string_view padded{copy.data(), of.sent.size(), copy.size()};
    if (parser.iterate(padded).get(document)) return decode_error::not_json;
    value all;
    if (document.get_value().get(all)) return decode_error::not_json;
    ondemand::json_type type;
    if (all.type().get(type)) return decode_error::not_json;
    if (type != ondemand::json_type::object) return decode_error::wrong_type;
    if (auto done = read(of, reader, all); !done) return done;
    // There is a current location unless the document has ended: something follows the object.
    const char* location = nullptr;
    if (!document.current_location().get(location)) return decode_error::not_json;
    return {};
}

std::variant<request, mistake> decoder::decode(std::string_view method, std::string_view params) {
    CHECK(is_method(method));
    request made;
    auto wrong = inner_->decode(params.empty() ? "{}" : params, [&](source& of, member_reader& reader, value from) {
        return read_method(of, reader, from, method, made);
    });
    if (wrong) return std::move(*wrong);
    return made;
}

std::variant<request, mistake> decoder::decode_legacy_command(std::string_view body) {
    std::string method;
    std::string params;
    auto wrong = inner_->decode(body, [&](source& of, member_reader& reader, value from) {
        return reader.members(from, member{"method", text{method}}, member{"params", json{of, params}});
    });
    if (wrong) return std::move(*wrong);
    if (!is_method(method)) return request{command{unknown_request{}}};
    return decode(method, params == "null" ? std::string_view{} : params);
}

// One command may have line breaks between its tokens: what is JSON as a whole is one.
std::variant<std::vector<request>, mistake> decoder::decode_legacy(std::string_view body) {
    std::vector<request> made;
    auto whole = decode_legacy_command(body);
    if (auto* const one = std::get_if<request>(&whole)) {
        made.push_back(std::move(*one));
        return made;
    }
    std::size_t number = 0;
    for (std::string_view rest = body; !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        ++number;
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        if (made.size() == inner_->most.batch_commands_max)
            return mistake{fmt::format("There are more than {} commands.", made.size())};
        auto read = decode_legacy_command(line);
        if (auto* const one = std::get_if<request>(&read)) {
            made.push_back(std::move(*one));
        } else {
            auto& wrong = std::get<mistake>(made.empty() ? whole : read);
            return made.empty() ? std::move(wrong) : mistake{fmt::format("Line {}: {}", number, wrong.sentence)};
        }
    }
    if (made.empty()) return std::move(std::get<mistake>(whole));
    return made;
}

} // namespace carillon::api
