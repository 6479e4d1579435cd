#include "auth/claims_reader.hpp"

#include "keys/base64.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>

namespace carillon::auth {
namespace {

namespace dom = simdjson::dom;
namespace ondemand = simdjson::ondemand;

// Every reader says what is wrong, or nothing. The whole text has been checked, so that what simdjson refuses from here
// on is a matter of types.
using verdict = std::optional<error>;

verdict read_text(ondemand::value value, std::string& into) {
    std::string_view text;
    if (value.get_string().get(text)) return error::claim_type;
    into = text;
    return std::nullopt;
}

bool is_null(ondemand::value value) {
    bool null = false;
    return value.is_null().get(null) == simdjson::SUCCESS && null;
}

constexpr std::int64_t seconds_max = std::int64_t{1} << 53; // exact as a double, and far from any overflow

// RFC 7519 §2, NumericDate: seconds, perhaps with a fraction, which is dropped.
verdict read_time(ondemand::value value, std::optional<std::chrono::sys_seconds>& into) {
    ondemand::json_type type;
    if (value.type().get(type) || type != ondemand::json_type::number) return error::claim_type;
    double seconds = 0;
    if (value.get_double().get(seconds)) return error::claim_type;
    if (std::abs(seconds) >= static_cast<double>(seconds_max)) return error::claim_value;
    into = std::chrono::sys_seconds{std::chrono::seconds{static_cast<std::int64_t>(std::floor(seconds))}};
    return std::nullopt;
}

// The text of any value, without white space.
verdict read_json(ondemand::value value, std::string& into) {
    ondemand::json_type type;
    if (value.type().get(type)) return error::claim_type;
    std::string_view raw;
    if (type == ondemand::json_type::array) {
        ondemand::array array;
        if (value.get_array().get(array) || array.raw_json().get(raw)) return error::claim_type;
    } else if (type == ondemand::json_type::object) {
        ondemand::object object;
        if (value.get_object().get(object) || object.raw_json().get(raw)) return error::claim_type;
    } else {
        raw = value.raw_json_token();
    }
    std::string text(raw.size() + simdjson::SIMDJSON_PADDING, '\0'); // minify writes whole blocks
    std::size_t size = 0;
    if (simdjson::minify(raw.data(), raw.size(), text.data(), size)) return error::claim_type;
    into.assign(text, 0, size);
    return std::nullopt;
}

// NAME and b64NAME are two ways to say the same. The latter wins, in whichever order they stand.
struct payload_pair {
    std::string_view plain;
    std::string_view encoded;
    std::optional<payload>* into;

    bool is(std::string_view member) const { return member == plain || member == encoded; }

    verdict read(std::string_view member, ondemand::value value) const {
        if (is_null(value)) return std::nullopt;
        payload found;
        found.any_bytes = member == encoded;
        std::string text;
        if (const verdict wrong = found.any_bytes ? read_text(value, text) : read_json(value, text)) return wrong;
        if (found.any_bytes) {
            auto bytes = keys::from_base64(text);
            if (!bytes) return error::claim_value;
            if (bytes->empty()) return std::nullopt;
            text = std::move(*bytes);
        }
        found.bytes = std::move(text);
        if (found.any_bytes || !into->has_value() || !(*into)->any_bytes) *into = std::move(found);
        return std::nullopt;
    }
};

// Each member of an object once, and none of them twice.
template <class Each>
verdict read_members(ondemand::object object, Each&& each) {
    std::vector<std::string_view> names;
    for (auto member : object) {
        ondemand::field field;
        std::string_view name;
        if (std::move(member).get(field) || field.unescaped_key().get(name)) return error::claims_json;
        names.push_back(name);
        if (const verdict wrong = each(name, field.value())) return wrong;
    }
    std::ranges::sort(names);
    if (std::ranges::adjacent_find(names) != names.end()) return error::claim_duplicate;
    return std::nullopt;
}

template <class Each>
verdict read_object(ondemand::value value, Each&& each) {
    ondemand::object object;
    if (value.get_object().get(object)) return error::claim_type;
    return read_members(object, std::forward<Each>(each));
}

// {"value": true}
verdict read_switch(ondemand::value value, std::optional<bool>& into) {
    if (is_null(value)) return std::nullopt;
    return read_object(value, [&](std::string_view name, ondemand::value inner) -> verdict {
        bool on = false;
        if (name != "value") return std::nullopt;
        if (inner.get_bool().get(on)) return error::claim_type;
        into = on;
        return std::nullopt;
    });
}

verdict read_overrides(ondemand::value value, overrides& into) {
    if (is_null(value)) return std::nullopt;
    return read_object(value, [&](std::string_view name, ondemand::value inner) -> verdict {
        if (name == "presence") return read_switch(inner, into.presence);
        if (name == "join_leave") return read_switch(inner, into.join_leave);
        if (name == "force_push_join_leave") return read_switch(inner, into.force_push_join_leave);
        if (name == "force_positioning") return read_switch(inner, into.force_positioning);
        if (name == "force_recovery") return read_switch(inner, into.force_recovery);
        return std::nullopt;
    });
}

verdict read_subs(ondemand::value value, std::vector<granted_subscription>& into) {
    return read_object(value, [&](std::string_view channel, ondemand::value options) -> verdict {
        if (channel.empty()) return error::claim_value;
        granted_subscription& granted = into.emplace_back();
        granted.channel = channel;
        if (is_null(options)) return std::nullopt;
        const payload_pair info{"info", "b64info", &granted.info};
        const payload_pair data{"data", "b64data", &granted.data};
        return read_object(options, [&](std::string_view name, ondemand::value inner) -> verdict {
            if (info.is(name)) return info.read(name, inner);
            if (data.is(name)) return data.read(name, inner);
            if (name == "override") return read_overrides(inner, granted.over);
            return std::nullopt;
        });
    });
}

template <class Each>
verdict read_texts(ondemand::value value, Each&& each) {
    ondemand::array array;
    if (value.get_array().get(array)) return error::claim_type;
    for (auto element : array) {
        ondemand::value inner;
        std::string text;
        if (std::move(element).get(inner)) return error::claims_json;
        if (const verdict wrong = read_text(inner, text)) return wrong;
        each(text);
    }
    return std::nullopt;
}

verdict read_channels(ondemand::value value, std::vector<granted_subscription>& into) {
    std::vector<std::string> channels;
    if (const verdict wrong = read_texts(value, [&](std::string& channel) { channels.push_back(std::move(channel)); }))
        return wrong;
    std::ranges::sort(channels);
    const auto twice = std::ranges::unique(channels);
    channels.erase(twice.begin(), twice.end());
    for (std::string& channel : channels) {
        if (channel.empty()) return error::claim_value;
        into.emplace_back().channel = std::move(channel);
    }
    return std::nullopt;
}

// What a token says while it is read: its claims, and whether it is what was expected.
template <class Claims>
class reading {
public:
    explicit reading(const expected_claims& expected) : expected_{expected} {}

    verdict take(std::string_view name, ondemand::value value) {
        // A value may be read once only, so a claim that names the user and is something else, too, is handed on as
        // text.
        if (name == expected_.user_claim) {
            user_found_ = true;
            if (const verdict wrong = read_text(value, claims_.user)) return wrong;
            if (name == "iss") issuer_fits_ = claims_.user == expected_.issuer;
            if (name == "aud") audience_fits_ = claims_.user == expected_.audience;
            return std::nullopt;
        }
        std::string text;
        if (name == "sub" || name == "jti") return read_text(value, text);
        if (name == "exp") return read_time(value, claims_.token_expires);
        if (name == "nbf") return read_time(value, claims_.token_begins);
        if (name == "iat") return read_time(value, issued_);
        if (name == "aud") return take_audience(value);
        if (name == "iss") {
            const verdict wrong = read_text(value, text);
            issuer_fits_ = text == expected_.issuer;
            return wrong;
        }
        if (name == "expire_at") return is_null(value) ? std::nullopt : read_time(value, expire_at_);
        const payload_pair info{"info", "b64info", &claims_.info};
        if (info.is(name)) return info.read(name, value);
        return take_own(name, value);
    }

    result<Claims> finish() {
        if (expected_.user_claim != "sub" && !user_found_) return error::user_missing;
        if (!expected_.audience.empty() && !audience_fits_) return error::audience;
        if (!expected_.issuer.empty() && !issuer_fits_) return error::issuer;
        claims_.expires = claims_.token_expires;
        if (expire_at_) {
            constexpr std::chrono::sys_seconds never{};
            if (*expire_at_ < never) return error::claim_value;
            claims_.expires = *expire_at_ == never ? std::nullopt : expire_at_;
        }
        if constexpr (std::is_same_v<Claims, subscription_claims>) {
            if (claims_.channel.empty()) return error::channel_missing;
        } else {
            claims_.subscriptions = std::move(subs_ ? *subs_ : channels_);
        }
        return std::move(claims_);
    }

private:
    verdict take_audience(ondemand::value value) {
        ondemand::json_type type;
        if (value.type().get(type)) return error::claim_type;
        const auto compare = [this](const std::string& text) { audience_fits_ |= text == expected_.audience; };
        if (type == ondemand::json_type::array) return read_texts(value, compare);
        std::string text;
        const verdict wrong = read_text(value, text);
        compare(text);
        return wrong;
    }

    verdict take_own(std::string_view name, ondemand::value value) {
        if constexpr (std::is_same_v<Claims, subscription_claims>) {
            if (name == "channel") return read_text(value, claims_.channel);
            if (is_null(value)) return std::nullopt;
            if (name == "client") return read_text(value, claims_.client);
            if (name == "override") return read_overrides(value, claims_.over);
            const payload_pair data{"data", "b64data", &claims_.data};
            return data.is(name) ? data.read(name, value) : std::nullopt;
        } else {
            if (name == "channel") return error::channel_unexpected;
            if (is_null(value)) return std::nullopt;
            if (name == "channels") return read_channels(value, channels_);
            if (name == "subs") return read_subs(value, subs_.emplace());
            if (name != "meta") return std::nullopt;
            ondemand::json_type type;
            if (value.type().get(type) || type != ondemand::json_type::object) return error::claim_type;
            return read_json(value, claims_.meta);
        }
    }

    const expected_claims& expected_;
    Claims claims_;
    std::optional<std::chrono::sys_seconds> issued_;
    std::optional<std::chrono::sys_seconds> expire_at_;
    std::vector<granted_subscription> channels_;
    std::optional<std::vector<granted_subscription>> subs_;
    bool user_found_ = false;
    bool audience_fits_ = false;
    bool issuer_fits_ = false;
};

} // namespace

claims_reader::claims_reader(std::size_t claims_bytes_max, expected_claims expected)
    : expected_{std::move(expected)}, checked_{claims_bytes_max} {
    CHECK(parser_.allocate(claims_bytes_max) == simdjson::SUCCESS);
}

template <class Claims>
result<Claims> claims_reader::read(std::string_view text) {
    dom::object whole;
    if (!checked_.open(text, whole)) return error::claims_json;
    ondemand::document document;
    ondemand::object object;
    if (parser_.iterate(checked_.padded_text()).get(document) || document.get_object().get(object)) {
        return error::claims_json;
    }
    reading<Claims> found{expected_};
    const auto take = [&](std::string_view name, ondemand::value value) { return found.take(name, value); };
    if (const verdict wrong = read_members(object, take)) return *wrong;
    return found.finish();
}

result<connection_claims> claims_reader::read_connection(std::string_view text) {
    return read<connection_claims>(text);
}

result<subscription_claims> claims_reader::read_subscription(std::string_view text) {
    return read<subscription_claims>(text);
}

} // namespace carillon::auth
