#include "clients/consultations.hpp"

#include "carriers/wrapping.hpp"
#include "channels/name.hpp"
#include "clients/address_field.hpp"
#include "http/ascii.hpp"
#include "protocol/payload.hpp"

#include <algorithm>
#include <utility>

namespace carillon::clients {

namespace {

// No field of a request may have others, nor end in the middle.
bool is_field_value(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char each) {
        const auto byte = static_cast<unsigned char>(each);
        return byte == '\t' || (byte >= ' ' && byte != 0x7f);
    });
}

} // namespace

// --- whom to ask

std::optional<std::size_t> consultations::whom(hooks::event what, std::string_view channel) const {
    if (application_ == nullptr) return std::nullopt;
    if (!hooks::is_of_channel(what)) return application_->find(what, {});
    const auto place = rules_->find(channel);
    if (place.said != channels::verdict::allowed) return std::nullopt; // which says why there is no such channel
    return application_->find(what, place.space->name);
}

std::optional<std::size_t> consultations::whom_to_subscribe(std::string_view channel, bool has_token) const {
    if (application_ == nullptr || has_token) return std::nullopt;
    const auto place = rules_->find(channel);
    const channels::name parts = channels::split(channel);
    if (parts.is_private || place.space == nullptr) return std::nullopt;
    if (place.space->user_limited && channels::limit_of(parts.rest)) return std::nullopt;
    return whom(hooks::event::subscribe, channel);
}

// --- questions

hooks::question consultations::question_of(const client& c, hooks::event what, people::identity::room& in) {
    hooks::question made{.about = what, .user = c.who.user(in)};
    if (const person* more = c.who.more()) made.meta = more->meta;
    return made;
}

void consultations::ask(const client& c, std::size_t whom, hooks::question what, hooks::application::told done) {
    const uuid_text id{ids_->id_of(records_->key_of(c))};
    what.client = id.view();
    what.protobuf = carriers::speaks_protobuf(c.speaks());
    what.transport = carriers::transport_of(c.speaks());
    if (what.protobuf && !protocol::is_json(what.data)) what.bytes = std::exchange(what.data, {});
    const auto of = kept_.find(key_of(c));
    application_->ask(whom, hooks::body_of(what), of == kept_.end() ? nullptr : of->second.fields, std::move(done));
}

bool consultations::ask_about_end(const client& c, std::size_t whom, std::string_view channel,
                                  hooks::application::told done) {
    if (asks_about_end(c, channel)) return false;
    people::identity::room in;
    const auto about = channel.empty() ? hooks::event::refresh : hooks::event::sub_refresh;
    hooks::question what = question_of(c, about, in);
    what.channel = channel;
    kept_[key_of(c)].asking.emplace_back(channel);
    ask(c, whom, what, std::move(done));
    return true;
}

bool consultations::asks_about_end(const client& c, std::string_view channel) const {
    if (kept_.empty()) return false;
    const auto of = kept_.find(key_of(c));
    return of != kept_.end() && std::ranges::find(of->second.asking, channel) != of->second.asking.end();
}

void consultations::on_answer_about_end(net::connection_key whose, std::string_view channel) {
    if (const auto of = kept_.find(whose.packed()); of != kept_.end()) std::erase(of->second.asking, channel);
}

void consultations::tell(const client& c, hooks::event what, std::uint16_t code, std::string_view reason) const {
    const auto whose = whom(what);
    if (!whose) return;
    people::identity::room in;
    const uuid_text id{ids_->id_of(records_->key_of(c))};
    application_->tell(*whose,
                       {.about = what, .client = id.view(), .user = c.who.user(in), .code = code, .reason = reason});
}

// --- what is passed on of a client's requests

void consultations::keep_fields(const client& c, const http::request_head& head, const carrier& by) {
    if (application_ == nullptr) return;
    auto fields = std::make_shared<hooks::head_fields>();
    for (const std::string& wanted : application_->fields()) {
        if (const auto field = peer::forwarding_of(wanted)) {
            if (auto own = address_field(*field, head, by.address_of(c), knows_proxies_)) {
                fields->push_back({wanted, std::move(*own)});
                continue;
            }
        }
        for (const http::header_field& each : head.headers()) {
            if (http::same_ignoring_case(each.name, wanted)) fields->push_back({wanted, std::string{each.value}});
        }
    }
    if (!fields->empty()) kept_[key_of(c)].fields = std::move(fields);
}

bool consultations::keep_emulated(const client& c, std::span<const protocol::emulated_header> headers) {
    if (application_ == nullptr || headers.empty()) return true;
    const std::vector<std::string>& wanted = application_->emulated_fields();
    if (wanted.empty()) return true;
    auto fields = std::make_shared<hooks::head_fields>();
    const auto of = kept_.find(key_of(c));
    if (of != kept_.end() && of->second.fields != nullptr) *fields = *of->second.fields;
    std::erase_if(*fields, [](const hooks::head_field& each) { return each.emulated; }); // the command may be run again
    bool any = false;
    for (const std::string& name : wanted) {
        const auto its = std::ranges::find_if(
            headers, [&](const protocol::emulated_header& each) { return http::same_ignoring_case(each.name, name); });
        if (its == headers.end()) continue;
        if (!is_field_value(its->value)) return false;
        fields->push_back({name, std::string{its->value}, true});
        any = true;
    }
    if (any) kept_[key_of(c)].fields = std::move(fields);
    return true;
}

std::string consultations::take_answer_to_connect(const client& c) {
    const auto of = kept_.find(key_of(c));
    if (of == kept_.end()) return {};
    std::string data = std::exchange(of->second.data, {});
    if (!application_->needs_fields_later()) kept_.erase(of);
    return data;
}

void consultations::forget(const client& c) noexcept {
    if (!kept_.empty()) kept_.erase(key_of(c));
}

const hooks::head_fields* consultations::fields_of(const client& c) const {
    const auto of = kept_.find(key_of(c));
    return of == kept_.end() ? nullptr : of->second.fields.get();
}

void consultations::inherit_fields(const client& c, hooks::head_fields fields) {
    if (application_ == nullptr || fields.empty()) return;
    kept_[key_of(c)].fields = std::make_shared<const hooks::head_fields>(std::move(fields));
}

bool consultations::is_busy_with(const client& c) const {
    const auto of = kept_.find(key_of(c));
    return of != kept_.end() && (!of->second.asking.empty() || !of->second.data.empty());
}

} // namespace carillon::clients
