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

// An error is to be the status of the answer.
bool wants_status(const request_facts& head) {
    return boost::beast::iequals(head.field("X-Centrifugo-Error-Mode"), "transport");
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

std::optional<response> refuse_stranger(const request_facts& head, const api_keys& keys, method_set& may) {
    const auto sentence = [](unsigned status, std::string text) {
        return response{.status = status, .body = std::move(text) + "\n", .fields = {}};
    };
    if (head.method != "POST") {
        response only = sentence(405, "Only POST is allowed here.");
        only.fields.emplace_back("Allow", "POST");
        return only;
    }
    const auto found = keys.find(key_in(head));
    if (!found) {
        response who = sentence(401, "There is no valid key in X-API-Key, nor in Authorization after apikey.");
        who.fields.emplace_back("WWW-Authenticate", "apikey");
        return who;
    }
    may = *found;
    return std::nullopt;
}

response api_route::refused(const request_facts& head, unsigned status, std::string sentence) {
    ++(*counts_)(method_in(head.path))(status == 401 || status == 403 ? api_outcome::unauthorized
                                                                      : api_outcome::refused);
    return {.status = status, .body = std::move(sentence) + "\n", .fields = {}};
}

std::optional<response> api_route::refuse(const request_facts& head) {
    method_set may;
    if (auto stranger = refuse_stranger(head, keys_, may)) {
        ++(*counts_)(method_in(head.path))(stranger->status == 401 ? api_outcome::unauthorized : api_outcome::refused);
        return stranger;
    }
    const std::string_view method = method_in(head.path);
    const std::size_t index = api::method_index(method);
    if (index < api::method_index({}) && !may.test(index)) return forbidden(head, method);
    const std::string_view encoding = head.field("Content-Encoding");
    if (!encoding.empty() && !boost::beast::iequals(encoding, "identity"))
        return refused(head, 415, "A body is taken as it is, without Content-Encoding.");
    if (head.body_bytes && *head.body_bytes > limits_.body_bytes_max) return too_large(head);
    return std::nullopt;
}

response api_route::forbidden(const request_facts& head, std::string_view method) {
    return refused(head, 403, fmt::format("This key is not for {}.", method));
}

// What the key is not for, and only the body says: then nothing of it is carried out.
std::optional<response> api_route::forbid(const request_facts& head, const api::request& wanted) {
    const auto may = keys_.find(key_in(head)); // others than before may be in force
    const auto look = [&](const api::command& each) -> std::optional<response> {
        if (may && may->test(each.index())) return std::nullopt;
        return forbidden(head, api::method_of(each));
    };
    const auto* const batch = std::get_if<api::batch_request>(&wanted);
    if (batch == nullptr) return look(std::get<api::command>(wanted));
    for (const api::command& each : batch->commands) {
        if (auto why = look(each)) return why;
    }
    return std::nullopt;
}

response api_route::too_large(const request_facts& head) {
    return refused(head, 413, fmt::format("The body is larger than {} bytes.", limits_.body_bytes_max));
}

boost::asio::awaitable<response> api_route::answer(const request_facts& head, std::string body) {
    const bool as_status = wants_status(head);
    const std::string_view method = method_in(head.path);
    if (method.empty()) {
        response made = co_await answer_legacy(head, std::move(body), as_status);
        co_return made;
    }
    if (!api::is_method(method)) co_return write("other", api::error::not_found, as_status);
    auto decoded = decoder_.decode(method, body);
    if (auto* const wrong = std::get_if<api::mistake>(&decoded)) co_return refused(head, 400, wrong->sentence);
    auto& wanted = std::get<api::request>(decoded);
    if (auto* const batch = std::get_if<api::batch_request>(&wanted)) {
        if (auto why = forbid(head, wanted)) co_return std::move(*why);
        response made = co_await answer_batch(std::move(*batch));
        co_return made;
    }
    response made = co_await answer_one(method, std::move(std::get<api::command>(wanted)), as_status);
    co_return made;
}

// One command each, by its path. As in a batch, they keep their order, and one that fails does not stop the others.
boost::asio::awaitable<std::vector<response>> api_route::answer_all(std::vector<asked> all) {
    std::vector<response> made(all.size());
    std::vector<api::command> commands;
    std::vector<std::size_t> whose;
    for (std::size_t i = 0; i < all.size(); ++i) {
        auto decoded = decoder_.decode(method_in(all[i].head->path), all[i].body);
        if (auto* const wrong = std::get_if<api::mistake>(&decoded)) {
            made[i] = refused(*all[i].head, 400, wrong->sentence);
        } else {
            commands.push_back(std::move(std::get<api::command>(std::get<api::request>(decoded))));
            whose.push_back(i);
        }
    }
    const auto replies = co_await backend_->carry_out(std::move(commands), false);
    CHECK(replies.size() == whose.size());
    for (std::size_t i = 0; i < whose.size(); ++i) {
        const request_facts& head = *all[whose[i]].head;
        made[whose[i]] = write(method_in(head.path), replies[i], wants_status(head));
    }
    co_return made;
}

boost::asio::awaitable<response> api_route::answer_legacy(const request_facts& head, std::string body, bool as_status) {
    auto decoded = decoder_.decode_legacy(body);
    if (auto* const wrong = std::get_if<api::mistake>(&decoded)) co_return refused(head, 400, wrong->sentence);
    auto& wanted = std::get<std::vector<api::request>>(decoded);
    for (const api::request& each : wanted) {
        if (auto why = forbid(head, each)) co_return std::move(*why);
    }
    std::optional<response> made;
    for (api::request& each : wanted) {
        response next;
        if (auto* const batch = std::get_if<api::batch_request>(&each)) {
            response answered = co_await answer_batch(std::move(*batch));
            next = std::move(answered);
        } else {
            auto& one = std::get<api::command>(each);
            const std::string_view method = api::method_of(one);
            response answered = co_await answer_one(method, std::move(one), as_status && wanted.size() == 1);
            next = std::move(answered);
        }
        if (!made) {
            made = std::move(next);
        } else {
            made->body += '\n';
            made->body += next.body;
        }
    }
    co_return std::move(*made);
}

boost::asio::awaitable<response> api_route::answer_one(std::string_view method, api::command wanted, bool as_status) {
    std::vector<api::command> commands;
    commands.push_back(std::move(wanted));
    const auto replies = co_await backend_->carry_out(std::move(commands), false);
    CHECK(replies.size() == 1);
    co_return write(method, replies[0], as_status);
}

boost::asio::awaitable<response> api_route::answer_batch(api::batch_request wanted) {
    std::vector<std::string_view> methods;
    for (const api::command& each : wanted.commands) methods.push_back(api::method_of(each));
    const auto replies = co_await backend_->carry_out(std::move(wanted.commands), wanted.parallel);
    CHECK(replies.size() == methods.size());
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
