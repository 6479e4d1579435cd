#include "hooks/answer.hpp"

#include "keys/base64.hpp"
#include "protocol/codes.hpp"
#include "protocol/json_filter.hpp"
#include "protocol/json_members.hpp"
#include "protocol/payload.hpp"

#include <simdjson.h>

#include <algorithm>
#include <utility>

namespace carillon::hooks {

namespace {

namespace ondemand = simdjson::ondemand;
using protocol::any_value;
using protocol::decode_error;
using protocol::member;
using protocol::member_reader;
using value = member_reader::value;

struct text {
    std::string& into;
    result<void> read(member_reader& from, value what) const {
        std::string_view view;
        auto done = from.read(what, view);
        into.assign(view);
        return done;
    }
};

// JSON of any kind as one line; null is as good as none.
struct json {
    std::string& into;
    result<void> read(member_reader& from, value what) const {
        any_value any;
        const auto done = from.read_any(what, any);
        if (!done) return done;
        into.clear();
        protocol::append_one_line(into, any.raw);
        return done;
    }
};

struct plain {
    std::optional<auth::payload>& into;
    result<void> read(member_reader& from, value what) const {
        auth::payload found;
        const auto done = json{found.bytes}.read(from, what);
        if (done && !into) into = std::move(found); // its base64 goes before it
        return done;
    }
};

struct encoded {
    std::optional<auth::payload>& into;
    result<void> read(member_reader& from, value what) const {
        std::string_view view;
        if (const auto done = from.read(what, view); !done) return done;
        if (view.empty()) return {};
        auto bytes = keys::from_base64(view);
        if (!bytes) return decode_error::wrong_type;
        into = auth::payload{std::move(*bytes), true};
        return {};
    }
};

struct switch_of {
    std::optional<bool>& into;
    result<void> read(member_reader& from, value what) const { return from.members(what, member{"value", on{into}}); }

private:
    struct on {
        std::optional<bool>& into;
        result<void> read(member_reader& from, value what) const {
            bool said = false;
            const auto done = from.read(what, said);
            if (done) into = said;
            return done;
        }
    };
};

struct overridden {
    auth::overrides& into;
    result<void> read(member_reader& from, value what) const {
        return from.members(what, member{"presence", switch_of{into.presence}},
                            member{"join_leave", switch_of{into.join_leave}},
                            member{"force_push_join_leave", switch_of{into.force_push_join_leave}},
                            member{"force_positioning", switch_of{into.force_positioning}},
                            member{"force_recovery", switch_of{into.force_recovery}});
    }
};

// An object of texts, in the form in which publications have them.
struct tag_list {
    std::string& into;
    result<void> read(member_reader& from, value what) const {
        into.clear();
        const auto done = from.each_member(what, [&](std::string_view name, value said) -> result<void> {
            const std::string key{name};
            std::string_view text;
            const auto read = from.read(said, text);
            into += into.empty() ? '{' : ',';
            protocol::append_json_string(into, key);
            into += ':';
            protocol::append_json_string(into, text);
            return read;
        });
        if (!into.empty()) into += '}';
        return done;
    }
};

// What must not be taken for as good as not said: somebody would hear what is withheld from him.
struct not_here {
    result<void> read(member_reader&, value) const { return decode_error::wrong_type; }
};

struct subscription_list {
    std::vector<auth::granted_subscription>& into;
    result<void> read(member_reader& from, value what) const {
        return from.each_member(what, [&](std::string_view channel, value options) -> result<void> {
            if (channel.empty()) return decode_error::wrong_type;
            auth::granted_subscription granted;
            granted.channel = channel;
            granted_members inside{granted};
            const auto done = from.read(options, inside);
            if (done) into.push_back(std::move(granted));
            return done;
        });
    }

private:
    struct granted_members {
        auth::granted_subscription& into;
        result<void> read(member_reader& reader, value members) const {
            return reader.members(members, member{"info", plain{into.info}}, member{"b64info", encoded{into.info}},
                                  member{"data", plain{into.data}}, member{"b64data", encoded{into.data}},
                                  member{"override", overridden{into.over}}, member{"server_tags_filter", not_here{}});
        }
    };
};

struct channel_list {
    std::vector<std::string>& into;
    result<void> read(member_reader& from, value what) const {
        ondemand::array array;
        if (what.get_array().get(array)) return decode_error::wrong_type;
        for (auto each : array) {
            value one;
            if (std::move(each).get(one)) return decode_error::not_json;
            if (const auto done = text{into.emplace_back()}.read(from, one); !done) return done;
            if (into.back().empty()) return decode_error::wrong_type;
        }
        return {};
    }
};

struct consented {
    consent& into;
    bool& given;
    result<void> read(member_reader& from, value what) const {
        given = true;
        std::vector<std::string> channels;
        protocol::filter_node node;
        from.filter = &node;
        protocol::whole_filter filter;
        const auto done = from.members(
            what, member{"user", text{into.user}}, member{"expire_at", into.expire_at}, member{"expired", into.expired},
            member{"skip_history", into.skip_history}, member{"info", plain{into.info}},
            member{"b64info", encoded{into.info}}, member{"data", plain{into.data}},
            member{"b64data", encoded{into.data}}, member{"channels", channel_list{channels}},
            member{"subs", subscription_list{into.subscriptions}}, member{"meta", json{into.meta}},
            member{"override", overridden{into.over}}, member{"tags", tag_list{into.tags}},
            member{"idempotency_key", text{into.idempotency_key}}, member{"version", into.version},
            member{"version_epoch", text{into.version_epoch}}, member{"delta", protocol::ignored<bool>{}},
            member{"server_tags_filter", filter});
        from.filter = nullptr;
        if (done && filter.given != nullptr) {
            auto made = filters::filter::make(node);
            if (!made) return decode_error::wrong_type; // without it the client would hear what it may not
            into.filter = std::move(*made);
        }
        for (std::string& each : channels) into.subscriptions.emplace_back().channel = std::move(each);
        // Each once, and what `subs` says of it.
        std::ranges::stable_sort(into.subscriptions, {}, &auth::granted_subscription::channel);
        const auto twice = std::ranges::unique(into.subscriptions, {}, &auth::granted_subscription::channel);
        into.subscriptions.erase(twice.begin(), twice.end());
        return done;
    }
};

struct refused {
    refusal& into;
    bool& given;
    result<void> read(member_reader& from, value what) const {
        given = true;
        return from.members(what, member{"code", into.code}, member{"message", text{into.message}},
                            member{"temporary", into.temporary});
    }
};

struct disconnected {
    std::uint32_t& code;
    std::string& reason;
    bool& given;
    result<void> read(member_reader& from, value what) const {
        given = true;
        return from.members(what, member{"code", code}, member{"reason", text{reason}},
                            member{"reconnect", protocol::ignored<bool>{}});
    }
};

} // namespace

struct reader::inner {
    ondemand::parser parser;
    std::string padded;
};

reader::reader() : inner_{std::make_unique<inner>()} {}
reader::~reader() = default;

answer reader::read(std::string_view body) {
    const failure no_json{"the answer is not one JSON object"};
    if (!simdjson::validate_utf8(body)) return no_json;
    inner_->padded.assign(body);
    inner_->padded.append(simdjson::SIMDJSON_PADDING, ' ');
    ondemand::document document;
    ondemand::value whole;
    const simdjson::padded_string_view text_of{inner_->padded.data(), body.size(), inner_->padded.size()};
    if (body.empty() || inner_->parser.iterate(text_of).get(document) || document.get_value().get(whole))
        return no_json;
    member_reader members;
    consent said;
    refusal error;
    farewell end;
    std::uint32_t code = 0;
    bool consents = false, refuses = false, ends = false;
    const auto done =
        members.members(whole, member{"result", consented{said, consents}}, member{"error", refused{error, refuses}},
                        member{"disconnect", disconnected{code, end.reason, ends}});
    const char* location = nullptr;
    if (!done && (members.wrong.empty() || done.error() == decode_error::not_json)) return no_json;
    if (!done) {
        std::string name{members.wrong.substr(0, 64)}; // of any kind, and the sentence is one line
        std::ranges::replace_if(
            name, [](char each) { return static_cast<unsigned char>(each) < ' '; }, ' ');
        return failure{"a member of the answer has the wrong type: " + name};
    }
    if (!document.current_location().get(location)) return no_json; // something follows it
    if (members.too_deep) return failure{"the answer is nested too deep"};
    if (ends) {
        if (!protocol::may_close_with(code, end.reason))
            return failure{"the answer's disconnect has no code from 3000 to 4999, or too long a reason"};
        end.code = static_cast<std::uint16_t>(code);
        return end;
    }
    if (refuses) {
        if (error.code == 0) return failure{"the answer's error has no code"};
        return error;
    }
    if (!consents) return nothing_said{};
    return said;
}

} // namespace carillon::hooks
