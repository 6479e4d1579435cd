#include "bus/embedded_bus.hpp"

#include <utility>

// What a shard says to the homes of channels, and they to it.
namespace carillon::bus {

// The home's publications come to a shard in the order in which the home made them, its answers among them. So whoever
// subscribes while he hears the answer has missed nothing that is not in it, and hears nothing that is: as long as the
// home sends here what is published after it has answered, and the filter says so from before the question.
std::optional<result<home_answer>> embedded_broker::ask_home(std::string_view channel, const home_question& asked,
                                                             home_listener& who, ticket whose) {
    if (home_ == nullptr) return result<home_answer>{make_error_code(error::refused)};
    const std::size_t hash = channel_hash(channel);
    const std::uint32_t home = home_of(hash, bus_->brokers_.size());
    if (home == shard_) return result<home_answer>{home_->answer(channel, asked)};
    if (asked.joins) filter_.add(hash);
    send(home, {.what = message::kind::ask,
                .asked = std::make_unique<exchange>(exchange{shard_, &who, whose, std::string{channel}, asked})});
    return std::nullopt;
}

void embedded_broker::tell(exchange& what) {
    what.listener->on_home_answer(what.whose, what.channel, std::move(what.said));
    if (what.asked.joins) filter_.remove(channel_hash(what.channel));
}

// --- who is there

void embedded_broker::enter(std::string_view channel, const presence::client_id& who, presence::registry::member what) {
    passage passes{std::string{channel}, who, std::move(what)};
    send_passage(true, std::move(passes));
}

void embedded_broker::leave(std::string_view channel, const presence::client_id& who) {
    send_passage(false, {std::string{channel}, who, {}});
}

void embedded_broker::send_passage(bool enters, passage what) {
    if (home_ == nullptr) return;
    const std::uint32_t home = home_of(channel_hash(what.channel), bus_->brokers_.size());
    if (home == shard_) return pass(enters, what);
    send(home, {.what = enters ? message::kind::enter : message::kind::leave,
                .passes = std::make_unique<passage>(std::move(what))});
}

void embedded_broker::pass(bool enters, passage& what) {
    using kind = hub::publication::kind;
    if (enters) {
        announce(what.channel, home_->enter(what.channel, what.who, std::move(what.what)), kind::join);
    } else {
        announce(what.channel, home_->leave(what.channel, what.who), kind::leave);
    }
}

// To all subscribers who want to hear of it, in the order of the channel's publications.
void embedded_broker::announce(std::string_view channel, const std::optional<std::string>& info,
                               hub::publication::kind what) {
    if (!info) return;
    stored_publication made{std::string{channel}, *info, true, {}, channel_hash(channel), name_space::channels};
    made.what = what;
    const auto shared = std::make_shared<stored_publication>(std::move(made));
    for (std::uint32_t shard = 0; shard < bus_->brokers_.size(); ++shard) {
        if (shard == shard_ || !bus_->brokers_[shard]->filter_.may_have(shared->hash)) continue;
        send(shard, {.what = message::kind::announce, .from = shard_, .publication = shared});
    }
    deliver(name_space::channels, channel, shared->view());
}

} // namespace carillon::bus
