#include "migrate/name_spaces.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <set>

namespace carillon::migrate {

namespace json = boost::json;

namespace {

constexpr std::int64_t history_size_max = 10'000, ttl_s_max = 31'622'400, meta_ttl_s_max = 316'224'000;

std::int64_t seconds_of(std::chrono::milliseconds time, std::int64_t most) {
    return std::clamp<std::int64_t>((time.count() + 999) / 1000, 1, most);
}

std::string_view why_missing(std::string_view option) {
    if (option == "delta_publish") return "there are deltas wherever allowed_delta_types says so";
    if (option == "allowed_delta_types") return "deltas are for channels that can be recovered";
    if (option.ends_with("subscribe_stream") || option.starts_with("subscribe_stream"))
        return "there are no streams from the application";
    if (option == "force_push_join_leave" || option.starts_with("allow_presence_for"))
        return "it says nothing without join_leave or presence";
    return "there is no such option";
}

class reader {
public:
    reader(const json::object& from, const std::string& name, const writing& out)
        : from_{from}, label_{name.empty() ? "channels without a namespace" : name}, out_{out} {}

    bool has(std::string_view key) {
        const auto* value = member_of(from_, key);
        if (value != nullptr) seen_.emplace(key);
        return value != nullptr && truth_in(*value).value_or(false);
    }
    const json::value* value(std::string_view key) {
        seen_.emplace(key);
        return member_of(from_, key);
    }
    void say(fate what, std::string_view key, std::string words) const {
        out_.say(what, fmt::format("{}: {}", label_, key), std::move(words));
    }
    void flag(std::string_view key, std::string_view here) {
        if (!has(key)) return;
        out_.line(here, "true");
        say(fate::taken, key, fmt::format("{} = true", here));
    }

    /// "allow_subscribe_for_client" and its like; anonymous clients are an addition to those there.
    void list(std::string_view what, std::string_view here) {
        const std::string client = fmt::format("allow_{}_for_client", what);
        const std::string anonymous = fmt::format("allow_{}_for_anonymous", what);
        const std::string subscriber = fmt::format("allow_{}_for_subscriber", what);
        std::vector<std::string> who;
        const bool is_for_clients = has(client);
        const bool is_for_all = has(anonymous);
        const bool is_for_subscribers = what != "subscribe" && has(subscriber);
        if (is_for_clients) who.emplace_back(is_for_all ? "anonymous" : "client");
        if (is_for_all && !is_for_clients && !is_for_subscribers)
            say(fate::differs, anonymous, fmt::format("it says nothing without {}", client));
        // Who has no user is a subscriber there only where that is said of anonymous clients, too.
        if (is_for_subscribers) who.emplace_back(is_for_all ? "subscriber" : "subscribed_client");
        if (who.empty()) return;
        out_.line(here, in_toml(who));
        const std::string words = fmt::format("{} = {}", here, in_toml(who));
        if (is_for_clients) {
            const bool is_wider = what == "publish" && has("allow_user_limited_channels");
            say(is_wider ? fate::differs : fate::taken, client,
                words + (is_wider ? "; to a channel for some users only by those" : ""));
        }
        if ((is_for_clients || is_for_subscribers) && is_for_all) say(fate::taken, anonymous, words);
        if (is_for_subscribers) say(fate::taken, subscriber, words);
    }

    void history(std::optional<std::int64_t> meta_ttl_s) {
        const auto* size = value("history_size");
        const auto* ttl = value("history_ttl");
        const std::int64_t ttl_ms =
            ttl == nullptr ? 0 : time_in(*ttl).value_or(std::chrono::milliseconds{-1}).count(); // -1: no time
        const auto count = size == nullptr ? std::nullopt : number_in(*size);
        if (count.value_or(0) <= 0 || ttl_ms <= 0) {
            if (count.value_or(0) > 0) say(fate::differs, "history_size", "nothing is kept without a history_ttl");
            if (ttl_ms < 0) say(fate::missing, "history_ttl", "it is no time");
            return without_history();
        }
        out_.line("history_size", fmt::to_string(std::min(*count, history_size_max)));
        if (*count > history_size_max) {
            say(fate::differs, "history_size", fmt::format("history_size = {}, which is the most", history_size_max));
        } else {
            say(fate::taken, "history_size", fmt::format("history_size = {}", *count));
        }
        const std::int64_t seconds = seconds_of(std::chrono::milliseconds{ttl_ms}, ttl_s_max);
        out_.line("history_ttl_s", fmt::to_string(seconds));
        say(seconds * 1000 == ttl_ms ? fate::taken : fate::differs, "history_ttl",
            fmt::format("history_ttl_s = {}", seconds));
        const auto* own = value("history_meta_ttl");
        if (own != nullptr && !says_nothing(*own)) {
            if (const auto known = time_in(*own)) meta_ttl_s = seconds_of(*known, meta_ttl_s_max);
        }
        if (meta_ttl_s) {
            out_.line("history_meta_ttl_s", fmt::to_string(std::max(*meta_ttl_s, seconds)));
            if (own != nullptr)
                say(fate::taken, "history_meta_ttl", fmt::format("history_meta_ttl_s = {}", *meta_ttl_s));
        }
        recovery();
        list("history", "history");
    }

    void rest() {
        for (const auto& [key, value] : from_) {
            const std::string name{key.data(), key.size()};
            if (name == "name" || seen_.contains(name) || says_nothing(value)) continue;
            say(fate::missing, name, std::string{why_missing(name)});
        }
    }

private:
    void without_history() {
        for (const std::string_view key :
             {"force_recovery", "allow_recovery", "force_positioning", "allow_positioning"})
            if (has(key)) say(fate::missing, key, "nothing is kept that could be recovered");
        for (const std::string_view who : {"client", "anonymous", "subscriber"}) {
            const std::string key = fmt::format("allow_history_for_{}", who);
            if (has(key)) say(fate::missing, key, "there is no history");
        }
        value("history_meta_ttl");
        value("force_recovery_mode");
    }

    void recovery() {
        const auto* mode = value("force_recovery_mode");
        const bool is_cache = mode != nullptr && text_in(*mode).value_or("") == "cache";
        const bool forced = has("force_recovery");
        const bool allowed = has("allow_recovery");
        // There, who may ask for the history may ask to recover.
        const bool asked =
            !forced && !allowed && std::ranges::any_of(std::array{"client", "subscriber"}, [&](const char* who) {
                return is_true(from_, fmt::format("allow_history_for_{}", who));
            });
        if (asked) {
            out_.line("recovery", R"("stream")");
            say(fate::differs, "recovery",
                "recovery = \"stream\"; for all subscribers, not only those that ask for it");
        }
        if (forced || allowed) out_.line("recovery", is_cache ? R"("cache")" : R"("stream")");
        const std::string words = fmt::format("recovery = \"{}\"", is_cache ? "cache" : "stream");
        if (forced || allowed) deltas();
        if (forced) say(fate::taken, "force_recovery", words);
        if (allowed && !forced) say(fate::differs, "allow_recovery", words + "; for all subscribers");
        for (const std::string_view key : {"force_positioning", "allow_positioning"})
            if (has(key)) say(fate::differs, key, "a gap cannot come unseen with recovery: each channel has one order");
    }

    void deltas() {
        const auto* types = member_of(from_, "allowed_delta_types");
        const bool has_fossil =
            types != nullptr && types->is_array() &&
            std::ranges::any_of(types->as_array(), [](const json::value& each) { return text_in(each) == "fossil"; });
        if (!has_fossil) return;
        seen_.emplace("allowed_delta_types");
        out_.line("allowed_delta_types", R"(["fossil"])");
        say(fate::taken, "allowed_delta_types", R"(allowed_delta_types = ["fossil"])");
    }

    const json::object& from_;
    std::string label_;
    const writing& out_;
    std::set<std::string, std::less<>> seen_{
        "proxy_subscribe",         "proxy_publish",         "proxy_sub_refresh",
        "subscribe_proxy_enabled", "publish_proxy_enabled", "sub_refresh_proxy_enabled",
        "subscribe_proxy_name",    "publish_proxy_name",    "sub_refresh_proxy_name"};
};

// Found anywhere there, and the whole name here. Alternatives bind weaker than what is written around them.
std::string whole_pattern(const std::string& regex) {
    const bool is_whole =
        regex.starts_with('^') && regex.ends_with('$') && !regex.ends_with("\\$") && regex.find('|') == regex.npos;
    return is_whole ? regex : fmt::format("(?s:.*)(?:{})(?s:.*)", regex);
}

} // namespace

void write_name_space(const json::object& from, const std::string& name, std::optional<std::int64_t> meta_ttl_s,
                      const writing& out) {
    reader read{from, name, out};
    out.into.toml += "\n[[namespace]]\n";
    if (!name.empty()) out.line("name", in_toml(name));
    read.list("subscribe", "subscribe");
    read.list("publish", "publish");
    read.flag("allow_user_limited_channels", "user_limited");
    if (const auto* regex = read.value("channel_regex"); regex != nullptr && !says_nothing(*regex)) {
        const std::string old = text_in(*regex).value_or("");
        const std::string now = whole_pattern(old);
        out.line("channel_pattern", in_toml(now));
        read.say(now == old ? fate::taken : fate::differs, "channel_regex",
                 fmt::format("channel_pattern = {}{}", in_toml(now), now == old ? "" : ", for it is the whole name's"));
    }
    read.history(meta_ttl_s);
    read.flag("presence", "presence");
    if (is_true(from, "presence")) read.list("presence", "presence_for");
    read.flag("allow_tags_filter", "allow_tags_filter");
    read.flag("join_leave", "join_leave");
    if (is_true(from, "join_leave")) read.flag("force_push_join_leave", "force_push_join_leave");
    read.rest();
}

} // namespace carillon::migrate
