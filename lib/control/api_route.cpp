#include "control/api_route.hpp"

#include "base/check.hpp"

#include <boost/beast/core/string.hpp>
#include <fmt/format.h>

#include <sodium.h>
#include <utility>

namespace carillon::control {

namespace {

using metrics::api_outcome;

constexpr std::string_view top = "/api";

// Of the path; empty: it is the older form, whose body says it.
std::string_view method_in(std::string_view path) {
    return path.size() <= top.size() + 1 ? std::string_view{} : path.substr(top.size() + 1);
}

// Of all that is asked for, by the names that api::method_of gives.
void add_methods(std::vector<std::string_view>& to, const api::request& wanted) {
    if (const auto* const batch = std::get_if<api::batch_request>(&wanted)) {
        for (const api::command& each : batch->commands) to.push_back(api::method_of(each));
    } else {
        to.push_back(api::method_of(std::get<api::command>(wanted)));
    }
}

std::string_view key_in(const request_facts& head) {
    const std::string_view own = head.field("X-API-Key");
    if (!own.empty()) return own;
    constexpr std::string_view scheme = "apikey ";
    std::string_view given = head.field("Authorization");
    if (!boost::beast::iequals(given.substr(0, scheme.size()), scheme)) return {};
    given.remove_prefix(std::min(given.size(), given.find_first_not_of(' ', scheme.size())));
    return given;
}

} // namespace

// --- keys

api_keys::api_keys(const std::vector<api_access>& keys) {
    CHECK(sodium_init() >= 0 && !keys.empty());
    randombytes_buf(secret_.data(), secret_.size());
    for (const api_access& each : keys) {
        method_set may;
        if (each.methods.empty()) may.set();
        for (const std::string& name : each.methods) may.set(api::method_index(name));
        may.set(may.size() - 1); // what there is not may be asked for by everybody
        entries_.emplace_back(digest_of(each.key), may);
    }
}

// Of one length whatever the key's, and what they have in common says nothing of the keys.
api_keys::digest api_keys::digest_of(std::string_view key) const {
    digest made;
    crypto_generichash(made.data(), made.size(), reinterpret_cast<const unsigned char*>(key.data()), key.size(),
                       secret_.data(), secret_.size());
    return made;
}

std::optional<method_set> api_keys::find(std::string_view key) const {
    const digest given = digest_of(key);
    method_set found;
    for (const auto& [known, may] : entries_) {
        if (sodium_memcmp(known.data(), given.data(), given.size()) == 0) found |= may;
    }
    return found.any() ? std::optional{found} : std::nullopt;
}

// --- requests

api_route::api_route(const std::vector<api_access>& keys, const api::limits& limits, api_backend& backend,
                     metrics::api_request_counts& counts)
    : keys_{keys}, limits_{limits}, decoder_{limits}, backend_{&backend}, counts_{&counts} {}

std::optional<response> refuse_stranger(const request_facts& head, const api_keys& keys, bool for_all) {
    const auto sentence = [](unsigned status, std::string text) {
        return response{.status = status, .body = std::move(text) + "\n", .fields = {}};
    };
    if (head.method != "POST") {
        response only = sentence(405, "Only POST is allowed here.");
        only.fields.emplace_back("Allow", "POST");
        return only;
    }
    const auto may = keys.find(key_in(head));
    if (!may) {
        response who = sentence(401, "There is no valid key in X-API-Key, nor in Authorization after apikey.");
        who.fields.emplace_back("WWW-Authenticate", "apikey");
        return who;
    }
    if (for_all && !may->all()) return sentence(403, "This needs a key that is for all methods.");
    return std::nullopt;
}

response api_route::refused(const request_facts& head, unsigned status, std::string sentence) {
    ++(*counts_)(method_in(head.path))(status == 401 || status == 403 ? api_outcome::unauthorized
                                                                      : api_outcome::refused);
    return {.status = status, .body = std::move(sentence) + "\n", .fields = {}};
}

std::optional<response> api_route::refuse(const request_facts& head) {
    if (auto stranger = refuse_stranger(head, keys_)) {
        ++(*counts_)(method_in(head.path))(stranger->status == 401 ? api_outcome::unauthorized : api_outcome::refused);
        return stranger;
    }
    const std::string_view method = method_in(head.path);
    if (api::is_method(method) && method != "batch") {
        if (auto forbidden = forbid(head, {method})) return forbidden;
    }
    const std::string_view encoding = head.field("Content-Encoding");
    if (!encoding.empty() && !boost::beast::iequals(encoding, "identity"))
        return refused(head, 415, "A body is taken as it is, without Content-Encoding.");
    if (head.body_bytes && *head.body_bytes > limits_.body_bytes_max) return too_large(head);
    return std::nullopt;
}

// What the key is not for: then none of the commands is carried out.
std::optional<response> api_route::forbid(const request_facts& head, const std::vector<std::string_view>& methods) {
    const auto may = keys_.find(key_in(head));
    for (const std::string_view each : methods) {
        if (!may || !may->test(api::method_index(each)))
            return refused(head, 403, fmt::format("This key is not for {}.", each));
    }
    return std::nullopt;
}

response api_route::too_large(const request_facts& head) {
    return refused(head, 413, fmt::format("The body is larger than {} bytes.", limits_.body_bytes_max));
}

boost::asio::awaitable<response> api_route::answer(const request_facts& head, std::string body) {
    const bool as_status = boost::beast::iequals(head.field("X-Centrifugo-Error-Mode"), "transport");
    const std::string_view method = method_in(head.path);
    std::vector<api::request> wanted;
    if (method.empty()) {
        auto decoded = decoder_.decode_legacy(body);
        if (auto* const wrong = std::get_if<api::mistake>(&decoded)) co_return refused(head, 400, wrong->sentence);
        wanted = std::move(std::get<std::vector<api::request>>(decoded));
    } else {
        if (!api::is_method(method)) co_return write("other", api::error::not_found, as_status);
        auto decoded = decoder_.decode(method, body);
        if (auto* const wrong = std::get_if<api::mistake>(&decoded)) co_return refused(head, 400, wrong->sentence);
        wanted.push_back(std::move(std::get<api::request>(decoded)));
    }
    std::vector<std::string_view> methods;
    for (const api::request& each : wanted) add_methods(methods, each);
    if (auto forbidden = forbid(head, methods)) co_return std::move(*forbidden);

    response made = co_await carry_out(std::move(wanted[0]), as_status && wanted.size() == 1);
    for (std::size_t i = 1; i < wanted.size(); ++i) {
        const response next = co_await carry_out(std::move(wanted[i]), false);
        made.body += '\n';
        made.body += next.body;
    }
    co_return made;
}

boost::asio::awaitable<response> api_route::carry_out(api::request wanted, bool as_status) {
    std::vector<std::string_view> methods;
    add_methods(methods, wanted);
    std::vector<api::command> commands;
    auto* const batch = std::get_if<api::batch_request>(&wanted);
    const bool parallel = batch != nullptr && batch->parallel;
    if (batch != nullptr) {
        commands = std::move(batch->commands);
    } else {
        commands.push_back(std::move(std::get<api::command>(wanted)));
    }
    const auto replies = co_await backend_->carry_out(std::move(commands), parallel);
    CHECK(replies.size() == methods.size());
    if (batch == nullptr) co_return write(methods[0], replies[0], as_status);

    response made{.content_type = "application/json", .body = R"({"replies":[)", .fields = {}};
    for (std::size_t i = 0; i < replies.size(); ++i) {
        if (i > 0) made.body += ',';
        api::append_batch_reply(made.body, methods[i], replies[i]);
        count(methods[i], replies[i]);
    }
    made.body += "]}";
    ++(*counts_)("batch")(api_outcome::ok);
    co_return made;
}

void api_route::count(std::string_view method, const api::reply& what) {
    ++(*counts_)(method)(std::holds_alternative<api::error>(what) ? api_outcome::error : api_outcome::ok);
}

response api_route::write(std::string_view method, const api::reply& what, bool as_status) {
    count(method, what);
    response made{.content_type = "application/json", .body = {}, .fields = {}};
    const auto* const failed = std::get_if<api::error>(&what);
    if (failed != nullptr && as_status) {
        made.status = api::status_of(*failed);
        api::append_error(made.body, *failed);
    } else {
        api::append_reply(made.body, what);
    }
    return made;
}

} // namespace carillon::control
