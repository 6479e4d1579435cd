#include "succession/predecessor.hpp"

#include "succession/ask_shard.hpp"
#include "takeover/reader.hpp"

#include <boost/system/system_error.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <stdexcept>
#include <thread>
#include <unistd.h>
#include <utility>

namespace carillon::succession {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::seconds patience_with_words = 10s;
constexpr std::chrono::seconds patience_with_bus = 30s;
constexpr std::chrono::milliseconds look_again = 5ms;

[[noreturn]] void fail(const std::string& why) {
    throw std::runtime_error{"cannot take over: " + why + "; the running process goes on"};
}

} // namespace

predecessor::predecessor(const std::string& path) {
    auto connected = net::descriptor_channel::connect(path);
    if (!connected) throw boost::system::system_error{connected.error(), "nobody to take over from at unix:" + path};
    channel_ = std::move(*connected);
    const auto who = channel_.other_end();
    if (!who || who->user != ::geteuid()) fail("it is another user's process");
    send(takeover::greeting{.build = CARILLON_VERSION});
    std::vector<net::owned_descriptor> none;
    const takeover::message said = next(clock::now() + patience_with_words, none);
    const auto* const offered = std::get_if<takeover::offer>(&said);
    if (offered == nullptr) fail("it makes no offer");
    bus_ = offered->bus;
    build_ = offered->build;
    take_sockets(offered->listeners);
    spdlog::info("upgrade: taking over from process {} ({})", who->process, build_);
}

void predecessor::take_sockets(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
        std::vector<net::owned_descriptor> descriptors;
        takeover::message said = next(clock::now() + patience_with_words, descriptors);
        auto* const what = std::get_if<takeover::listener>(&said);
        if (what == nullptr || descriptors.size() != 1) fail("it shows something that is no listener");
        shards::inheritance::one made{std::move(what->host), std::move(descriptors.front())};
        switch (what->what) {
        case takeover::listener::kind::client: sockets_.clients.push_back(std::move(made)); break;
        case takeover::listener::kind::bus: sockets_.buses.push_back(std::move(made)); break;
        case takeover::listener::kind::control: control_.push_back(std::move(made)); break;
        }
    }
    if (sockets_.clients.empty() || control_.empty()) fail("it listens nowhere any more");
}

predecessor::outcome predecessor::take_clients(all_shards& into, std::chrono::milliseconds patience,
                                               const std::function<bool()>& is_ready) {
    const auto bus_until = clock::now() + patience_with_bus;
    while (!is_ready()) {
        if (clock::now() > bus_until) fail("the bus is away");
        std::this_thread::sleep_for(look_again);
    }
    send(takeover::readiness{});
    outcome made;
    try {
        // It looks at all of its channels first, and nobody waits for that.
        made.clients = receive_clients(into, clock::now() + patience_with_bus + patience);
        const auto until = clock::now() + patience;
        for (const auto& each : into) {
            const auto well = ask_shard_later<bool>(
                *each, until, [](shards::shard& whom, std::function<void(bool)> then) { whom.learn(std::move(then)); });
            if (!well || !*well) fail("the bus does not say what clients have missed");
        }
        send(takeover::acceptance{made.clients});
        std::vector<net::owned_descriptor> none;
        if (!std::holds_alternative<takeover::commitment>(next(until, none))) fail("it does not let go");
    } catch (...) {
        for (const auto& each : into) {
            std::ignore = ask_shard<bool>(*each, clock::now() + patience_with_words,
                                          [](shards::shard& whom) { return whom.disown(), true; });
        }
        throw;
    }
    channel_.close();
    for (const auto& each : into) {
        const auto lost = ask_shard<std::uint64_t>(*each, clock::now() + patience_with_words,
                                                   [](shards::shard& whom) { return whom.begin(); });
        made.lost += lost ? *lost : 0;
    }
    return made;
}

std::uint64_t predecessor::receive_clients(all_shards& into, clock::time_point until) {
    std::uint64_t taken = 0;
    for (;;) {
        std::vector<net::owned_descriptor> descriptors;
        takeover::message said = next(until, descriptors);
        if (const auto* const over = std::get_if<takeover::end>(&said)) {
            if (over->clients != taken) fail("it has told of more clients than have come");
            return taken;
        }
        auto* const some = std::get_if<takeover::clients>(&said);
        if (some == nullptr) fail("it says something else in the middle of clients");
        taken += some->all.size();
        take(into, std::move(*some), std::move(descriptors), until);
    }
}

// One message to each shard in turn.
void predecessor::take(all_shards& into, takeover::clients what, std::vector<net::owned_descriptor> descriptors,
                       clock::time_point until) {
    shards::shard& whom = *into[next_shard_++ % into.size()];
    const auto parcel = std::make_shared<session::server::parcel>();
    parcel->what = std::move(what);
    parcel->descriptors = std::move(descriptors);
    const auto taken =
        ask_shard<bool>(whom, until, [parcel](shards::shard& of) { return of.adopt(std::move(*parcel)); });
    if (!taken) fail("a shard has not answered in time");
    if (!*taken) fail("there is no room for its clients");
}

takeover::message predecessor::next(clock::time_point until, std::vector<net::owned_descriptor>& descriptors) {
    auto got = channel_.receive(takeover::message_bytes_max, takeover::descriptors_max, until);
    if (!got) fail(got.error().message());
    if (got->bytes.empty()) fail("it has broken off");
    auto said = takeover::read(got->bytes);
    if (!said) fail("it says something that makes no sense: " + said.error().message());
    if (const auto* const refused = std::get_if<takeover::refusal>(&*said)) fail(refused->reason);
    descriptors = std::move(got->descriptors);
    return std::move(*said);
}

void predecessor::send(const takeover::message& what) {
    const auto sent = channel_.send(takeover::write(what), {}, clock::now() + patience_with_words);
    if (!sent) fail(sent.error().message());
}

} // namespace carillon::succession
