#include "migrate/centrifugo.hpp"

#include "config/origin_pattern.hpp"
#include "config/value.hpp"
#include "endpoints/address.hpp"
#include "http/url.hpp"
#include "migrate/missing.hpp"
#include "migrate/name_spaces.hpp"
#include "migrate/options.hpp"
#include "migrate/proxies.hpp"
#include "migrate/redis.hpp"
#include "migrate/writing.hpp"

#include <algorithm>
#include <span>

namespace carillon::migrate {

namespace json = boost::json;

namespace {

constexpr std::size_t secret_bytes_min = 32; // as docs/tokens.md has it
constexpr std::int64_t outbox_bytes_default = 1'048'576;

class translator {
public:
    translator(const json::object& configuration, std::string_view folder)
        : from_{configuration}, folder_{folder}, out_{made_} {}

    migration run() {
        listen();
        clients();
        tokens("client.token.", "token_");
        subscription_tokens();
        server_api();
        write_bus(from_, out_);
        small_things();
        channels();
        for (const auto* each : from_.rest()) {
            if (says_nothing(*each->value)) continue;
            const missing_option known = why_missing(each->path);
            out_.say(known.what, each->written, std::string{known.words});
        }
        return std::move(made_);
    }

private:
    using option = old_options::option;

    // --- where

    std::optional<std::string> address_at(std::string_view host_path, std::string_view port_path, std::string_view key,
                                          std::int64_t default_port) {
        const option* host = from_.take(host_path);
        const option* port = from_.take(port_path);
        const bool has_host = host != nullptr && !says_nothing(*host->value);
        if (!has_host && (port == nullptr || says_nothing(*port->value))) return std::nullopt;
        const std::string& written = port != nullptr ? port->written : host->written;
        std::string name = has_host ? text_in(*host->value).value_or("") : "";
        if (name.find(':') != name.npos) name = '[' + name + ']';
        const auto number = port == nullptr ? default_port : number_in(*port->value).value_or(default_port);
        const std::string text = fmt::format("{}:{}", name, number);
        if (!endpoints::parse_address(text)) {
            out_.say(fate::differs, written, fmt::format("{} takes a number for a host, and no name", key));
            return std::nullopt;
        }
        out_.line(key, in_toml(text));
        out_.say(fate::taken, written, fmt::format("{} = {}", key, in_toml(text)));
        if (has_host && port != nullptr) out_.say(fate::taken, host->written, fmt::format("{} has it, too", key));
        return text;
    }

    void listen() {
        address_at("http_server.address", "http_server.port", "client_listen", 8000);
        // There, what is internal is at the address of the rest unless it has its own.
        const option* own = from_.take("http_server.internal_address");
        const bool has_own = own != nullptr && !says_nothing(*own->value);
        address_at(has_own ? "http_server.internal_address" : "http_server.address", "http_server.internal_port",
                   "control_listen", 9000);
    }

    // --- clients

    void truth(std::string_view path, std::string_view key) {
        const option* given = from_.take(path);
        if (given == nullptr || !truth_in(*given->value).value_or(false)) return;
        out_.line(key, "true");
        out_.say(fate::taken, given->written, fmt::format("{} = true", key));
    }
    void text(std::string_view path, std::string_view key) {
        const option* given = from_.take(path);
        if (given == nullptr || says_nothing(*given->value)) return;
        const auto value = text_in(*given->value);
        if (!value || value->size() > config::find_option(key)->most)
            return out_.say(fate::missing, given->written, fmt::format("{} takes a shorter text", key));
        out_.line(key, in_toml(*value));
        out_.say(fate::taken, given->written, std::string{key});
    }
    void number(std::string_view path, std::string_view key) {
        const option* given = from_.take(path);
        if (given == nullptr || says_nothing(*given->value)) return;
        const auto value = number_in(*given->value);
        if (!value) return out_.say(fate::missing, given->written, "it is no number");
        out_.number(given->written, key, *value);
    }
    std::optional<std::int64_t> time(std::string_view path, std::string_view key, std::int64_t unit_ms) {
        const option* given = from_.take(path);
        if (given == nullptr || says_nothing(*given->value)) return std::nullopt;
        const auto value = time_in(*given->value);
        if (!value) {
            out_.say(fate::missing, given->written, "it is no time, or one without an end");
            return std::nullopt;
        }
        const std::int64_t units = (value->count() + unit_ms - 1) / unit_ms;
        out_.number(given->written, key, units);
        return units;
    }

    void clients() {
        if (const option* given = from_.take("client.allowed_origins")) {
            std::vector<std::string> good;
            for (const std::string& each : texts_in(*given->value).value_or(std::vector<std::string>{})) {
                const auto why = config::check_origin_pattern(each);
                if (why) out_.say(fate::missing, given->written, *why);
                if (!why) good.push_back(each);
            }
            if (!good.empty()) {
                out_.line("allowed_origins", in_toml(good));
                out_.say(fate::taken, given->written, "allowed_origins");
            }
        }
        truth("client.allow_anonymous_connect_without_token", "anonymous");
        number("client.channel_limit", "client_subscriptions_max");
        number("client.connection_limit", "connections_max");
        number("client.user_connection_limit", "user_connections_max");
        number("websocket.message_size_limit", "client_message_bytes_max");
        number("channel.max_length", "client_channel_bytes_max");
        outbox();
        pings();
        personal_channel();
        time("client.stale_close_delay", "client_connect_timeout_ms", 1);
        time("client.expired_close_delay", "client_expired_close_delay_s", 1000);
        publications();
    }

    void personal_channel() {
        const std::string path = "client.subscribe_to_user_personal_channel.";
        const option* given = from_.take(path + "enabled");
        const bool has_it = given != nullptr && truth_in(*given->value).value_or(false);
        if (has_it) {
            out_.line("personal_channel", "true");
            out_.say(fate::taken, given->written, "personal_channel = true");
            text(path + "personal_channel_namespace", "personal_channel_namespace");
        }
        const option* one = from_.take(path + "single_connection");
        if (has_it && one != nullptr && truth_in(*one->value).value_or(false))
            out_.say(fate::missing, one->written, "user_connections_max = 1 keeps the first connection, not the last");
    }

    void outbox() {
        const option* given = from_.take("client.queue_max_size");
        if (given == nullptr || says_nothing(*given->value)) return;
        const auto bytes = number_in(*given->value).value_or(0);
        if (bytes < outbox_bytes_default)
            return out_.say(
                fate::differs, given->written,
                "client_outbox_bytes_max must have room for all that is sent at once: it is left at 1048576");
        out_.number(given->written, "client_outbox_bytes_max", bytes);
    }

    void pings() {
        const option* interval = from_.take("client.ping_interval");
        const option* timeout = from_.take("client.pong_timeout");
        const auto every = interval == nullptr ? std::nullopt : time_in(*interval->value);
        const auto within = timeout == nullptr ? std::nullopt : time_in(*timeout->value);
        const std::int64_t every_ms = every ? every->count() : 25'000;
        const std::int64_t within_ms = within ? within->count() : 8'000;
        if (every) out_.number(interval->written, "client_ping_interval_ms", every_ms);
        if (interval != nullptr && !every) out_.say(fate::differs, interval->written, "clients are always pinged");
        if (timeout != nullptr && !within) out_.say(fate::differs, timeout->written, "a pong is always waited for");
        if (within_ms < every_ms) {
            if (within) out_.number(timeout->written, "client_pong_timeout_ms", within_ms);
            return;
        }
        const std::int64_t shorter = std::max<std::int64_t>(every_ms / 2, 100);
        out_.line("client_pong_timeout_ms", fmt::to_string(shorter));
        out_.say(fate::differs, timeout != nullptr ? timeout->written : interval->written,
                 fmt::format("client_pong_timeout_ms = {}, for it must be less than the interval", shorter));
    }

    void publications() {
        const option* history = from_.take("client.history_max_publication_limit");
        const option* recovery = from_.take("client.recovery_max_publication_limit");
        std::int64_t least = 0;
        for (const option* each : {history, recovery})
            if (each != nullptr && number_in(*each->value).value_or(0) > 0)
                least = least == 0 ? *number_in(*each->value) : std::min(least, *number_in(*each->value));
        if (least == 0) return;
        out_.number((history != nullptr ? history : recovery)->written, "history_publications_max", least);
        if (history != nullptr && recovery != nullptr)
            out_.say(fate::differs, recovery->written, "history_publications_max is the smaller one of both");
    }

    // --- tokens

    void tokens(const std::string& path, const std::string& key) {
        secret(path + "hmac_secret_key", key + "hmac_secret");
        std::vector<std::string> files;
        public_key(path + "rsa_public_key", key + "rsa.pem", files);
        public_key(path + "ecdsa_public_key", key + "ecdsa.pem", files);
        if (!files.empty()) out_.line(key + "public_key_files", in_toml(files));
        if (const option* given = from_.take(path + "jwks_public_endpoint");
            given != nullptr && !says_nothing(*given->value)) {
            const std::string url = text_in(*given->value).value_or("");
            carillon::http::url ignored;
            const std::string_view why = carillon::http::read_url(url, ignored);
            if (!why.empty() || url.find("{{") != url.npos) {
                out_.say(fate::missing, given->written,
                         why.empty() ? "an endpoint is one URL, without {{...}}" : fmt::format("the URL {}", why));
            } else {
                out_.line(key + "jwks_url", in_toml(url));
                out_.say(fate::taken, given->written, key + "jwks_url");
            }
        }
        if (key != "token_") return;
        text(path + "audience", "token_audience");
        text(path + "issuer", "token_issuer");
        text(path + "user_id_claim", "token_user_claim");
    }

    void subscription_tokens() {
        const option* given = from_.take("client.subscription_token.enabled");
        if (given == nullptr || !truth_in(*given->value).value_or(false)) return;
        out_.say(fate::taken, given->written,
                 "subscription_token_...: with keys of their own, no other is good for them");
        tokens("client.subscription_token.", "subscription_token_");
        for (const std::string_view name : {"audience", "issuer", "user_id_claim"}) {
            const option* own = from_.take(fmt::format("client.subscription_token.{}", name));
            const option* first = from_.take(fmt::format("client.token.{}", name));
            const bool is_first_only =
                first != nullptr && !says_nothing(*first->value) && (own == nullptr || says_nothing(*own->value));
            if (is_first_only)
                out_.say(fate::differs, first->written,
                         fmt::format("subscription tokens must have it as well, with token_{}", name));
            if (own != nullptr && !says_nothing(*own->value))
                out_.say(fate::missing, own->written, "that of a connection's token is looked at");
        }
    }

    void secret(const std::string& path, const std::string& key) {
        const option* given = from_.take(path);
        if (given == nullptr || says_nothing(*given->value)) return;
        const std::string value = text_in(*given->value).value_or("");
        if (value.size() < secret_bytes_min)
            return out_.say(fate::missing, given->written,
                            fmt::format("{} needs {} bytes: take a longer one, there and here", key, secret_bytes_min));
        text(path, key);
    }

    void public_key(const std::string& path, const std::string& name, std::vector<std::string>& files) {
        const option* given = from_.take(path);
        if (given == nullptr || says_nothing(*given->value)) return;
        std::string content = text_in(*given->value).value_or("");
        if (!content.ends_with('\n')) content += '\n';
        made_.files.push_back({name, std::move(content)});
        files.push_back(folder_ + name);
        out_.say(fate::taken, given->written, fmt::format("the file {}, in public_key_files", name));
    }

    // --- back ends

    void server_api() {
        const option* given = from_.take("http_api.key");
        if (given == nullptr || says_nothing(*given->value)) return;
        const std::string value = text_in(*given->value).value_or("");
        const bool is_word = std::ranges::all_of(value, [](char letter) { return letter > ' ' && letter < 0x7f; });
        if (value.size() > config::find_option("api_key")->most || value.empty() || !is_word)
            return out_.say(fate::missing, given->written, "a key is a word of at most 512 letters, digits and signs");
        out_.line("api_key", in_toml(value));
        out_.say(fate::differs, given->written,
                 "api_key; the API is on the control port (control_listen), not on that of clients");
    }

    void small_things() {
        time("shutdown.timeout", "shutdown_timeout_ms", 1);
        const option* level = from_.take("log.level");
        if (level == nullptr || says_nothing(*level->value)) return;
        std::string name = text_in(*level->value).value_or("");
        if (name == "none") name = "off";
        if (name == "fatal") name = "critical";
        config::settings scratch;
        if (config::assign(scratch, *config::find_option("log_level"), std::span{&name, 1}))
            return out_.say(fate::missing, level->written, "there is no such level");
        out_.line("log_level", in_toml(name));
        out_.say(fate::taken, level->written, fmt::format("log_level = {}", in_toml(name)));
    }

    // --- channels

    void channels() {
        std::optional<std::int64_t> meta_ttl_s;
        if (const option* given = from_.take("channel.history_meta_ttl"); given != nullptr) {
            if (const auto known = time_in(*given->value); known && known->count() >= 1000) {
                meta_ttl_s = std::min<std::int64_t>(known->count() / 1000, 316'224'000);
                out_.say(fate::taken, given->written, "history_meta_ttl_s of each [[namespace]] with history");
            }
        }
        json::object without;
        const std::string_view top = "channel.without_namespace";
        for (const option* each : from_.take_below(top)) without[each->path.substr(top.size() + 1)] = *each->value;
        named_options all;
        const bool has_any = std::ranges::any_of(without, [](const auto& each) { return !says_nothing(each.value()); });
        if (has_any) all.emplace_back("", &without);
        const option* given = from_.take("channel.namespaces");
        if (given != nullptr && given->value->is_array())
            for (const json::value& each : given->value->as_array()) {
                const auto* name = each.is_object() ? member_of(each.as_object(), "name") : nullptr;
                if (name != nullptr && text_in(*name)) all.emplace_back(*text_in(*name), &each.as_object());
            }
        for (const auto& [name, options] : all) write_name_space(*options, name, meta_ttl_s, out_);
        write_proxies(from_, all, out_);
    }

    old_options from_;
    std::string folder_;
    migration made_;
    writing out_;
};

} // namespace

std::string_view words_of(fate what) noexcept {
    switch (what) {
    case fate::taken: return "taken over";
    case fate::differs: return "differs   ";
    case fate::missing: return "not there ";
    }
    return {};
}

migration from_centrifugo(const json::object& configuration, std::string_view folder) {
    return translator{configuration, folder}.run();
}

} // namespace carillon::migrate
