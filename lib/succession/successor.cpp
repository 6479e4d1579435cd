#include "succession/successor.hpp"

#include "succession/ask_shard.hpp"
#include "takeover/reader.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <future>
#include <unistd.h>
#include <utility>

namespace carillon::succession {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::seconds greeting_patience = 5s;
// A new process opens its sockets and connects to the bus meanwhile; nobody waits for it.
constexpr std::chrono::seconds readiness_patience = 60s;
constexpr std::chrono::milliseconds look_again = 2ms;

constexpr const char* no_answer = "a shard has not answered in time";

std::optional<takeover::message> receive(net::descriptor_channel& from, std::chrono::steady_clock::time_point until,
                                         std::string& why) {
    auto got = from.receive(takeover::message_bytes_max, 0, until);
    if (!got) return why = got.error().message(), std::nullopt;
    if (got->bytes.empty()) return why = "it has ended", std::nullopt;
    auto read = takeover::read(got->bytes);
    if (!read) return why = "it said something that makes no sense: " + read.error().message(), std::nullopt;
    return std::move(*read);
}

} // namespace

// As long as it is there, the control plane does nothing: what is asked of clients there would concern some that are on
// their way.
class successor_door::standstill {
public:
    explicit standstill(boost::asio::io_context& control) {
        boost::asio::post(control, [reached = reached_, over = over_.get_future().share()] {
            reached->set_value();
            over.wait();
        });
    }
    standstill(const standstill&) = delete;
    standstill& operator=(const standstill&) = delete;
    ~standstill() { over_.set_value(); }

    bool is_reached(clock::time_point until) {
        return reached_->get_future().wait_until(until) == std::future_status::ready;
    }

private:
    std::shared_ptr<std::promise<void>> reached_ = std::make_shared<std::promise<void>>();
    std::promise<void> over_;
};

successor_door::successor_door(std::string path, ends how, const all_shards& all)
    : door_{std::move(path)}, ends_{std::move(how)}, shards_{&all} {}

void successor_door::start() {
    thread_ = std::thread{[this] { run(); }};
}

void successor_door::stop() {
    stopping_ = true;
    door_.wake();
    if (thread_.joinable()) thread_.join();
    door_.close();
}

void successor_door::run() {
    while (auto to = door_.accept()) {
        if (serve(*to)) return;
    }
}

// True: it has everything.
bool successor_door::serve(net::descriptor_channel& to) {
    const auto who = to.other_end();
    if (!who || who->user != ::geteuid()) {
        spdlog::warn("upgrade: somebody else's process may not take over");
        return false;
    }
    std::string build;
    complaint why = greet(to, build);
    std::uint64_t given = 0;
    clock::time_point frozen_at{};
    const auto refuse = [&](const std::string& what) {
        spdlog::warn("upgrade: process {} does not take over: {}; everything stays as it was", who->process, what);
        std::ignore = send(to, takeover::refusal{what}, {}, clock::now() + 1s);
        return false;
    };
    if (why) return refuse(*why);
    spdlog::info("upgrade: process {} ({}) is about to take over", who->process, build);
    why = prepare(clock::now() + readiness_patience);
    if (!why) {
        frozen_at = clock::now();
        const auto until = frozen_at + ends_.patience;
        standstill control{*ends_.control};
        if (!control.is_reached(until)) why = "the control plane has not answered in time";
        if (!why) why = settle(until);
        if (!why) why = give_clients(to, until, given);
        if (!why) why = commit(to, until);
        if (!why) {
            const auto length = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - frozen_at);
            const std::uint64_t left = let_go();
            spdlog::info("upgrade: process {} has {} clients, who waited for {} ms; {} stay and are drained",
                         who->process, given, length.count(), left);
            boost::asio::post(*ends_.control, ends_.handed_over);
            return true;
        }
        give_up();
        return refuse(*why);
    }
    give_up();
    return refuse(*why);
}

successor_door::complaint successor_door::greet(net::descriptor_channel& to, std::string& build) {
    std::string why;
    const auto said = receive(to, clock::now() + greeting_patience, why);
    if (!said) return why;
    const auto* const greeting = std::get_if<takeover::greeting>(&*said);
    if (greeting == nullptr) return "it does not greet";
    if (greeting->version != takeover::version)
        return fmt::format("it speaks version {} of the hand-over, and this process version {}", greeting->version,
                           takeover::version);
    build = greeting->build;
    if (ends_.bus.empty())
        return "what the bus inside of the process keeps cannot be handed over; only gateways with a bus outside can "
               "be "
               "upgraded so";
    if (stopping_) return "this process is shutting down";
    if (auto failed = give_listeners(to)) return failed;
    const auto ready = receive(to, clock::now() + readiness_patience, why);
    if (!ready) return why;
    if (!std::holds_alternative<takeover::readiness>(*ready)) return "it does not get ready";
    return {};
}

successor_door::complaint successor_door::send(net::descriptor_channel& to, const takeover::message& what,
                                               std::span<const int> descriptors, clock::time_point until) {
    const auto sent = to.send(takeover::write(what), descriptors, until);
    return sent ? complaint{} : complaint{sent.error().message()};
}

// All of them listen already, and go on while others are asked.
successor_door::complaint successor_door::give_listeners(net::descriptor_channel& to) {
    struct one {
        takeover::listener what;
        net::owned_descriptor socket;
    };
    using some = std::shared_ptr<std::vector<one>>;
    const auto until = clock::now() + greeting_patience;
    std::vector<some> all;
    const auto copy = [](std::vector<one>& into, takeover::listener::kind kind, std::string host, std::uint16_t port,
                         int descriptor) {
        into.push_back({{kind, std::move(host), port}, net::owned_descriptor{::fcntl(descriptor, F_DUPFD_CLOEXEC, 0)}});
    };
    for (const auto& each : *shards_) {
        const auto of_shard = ask_shard<some>(*each, until, [copy](shards::shard& whom) {
            auto made = std::make_shared<std::vector<one>>();
            for (const auto& [kind, listeners] : {std::pair{takeover::listener::kind::client, &whom.client_listeners()},
                                                  {takeover::listener::kind::bus, &whom.bus_listeners()}}) {
                for (const auto& listener : *listeners) {
                    if (!listener->stopped())
                        copy(*made, kind, listener->host(), listener->port(), listener->descriptor());
                }
            }
            return made;
        });
        if (!of_shard) return no_answer;
        all.push_back(*of_shard);
    }
    const auto promised = std::make_shared<std::promise<some>>();
    boost::asio::post(*ends_.control, [this, promised, copy] {
        auto made = std::make_shared<std::vector<one>>();
        for (auto& [host, descriptor] : ends_.control_sockets())
            copy(*made, takeover::listener::kind::control, std::move(host), 0, descriptor);
        promised->set_value(std::move(made));
    });
    auto of_control = promised->get_future();
    if (of_control.wait_until(until) != std::future_status::ready) return "the control plane has not answered in time";
    all.push_back(of_control.get());
    takeover::offer offered{.build = CARILLON_VERSION, .bus = ends_.bus};
    for (const some& each : all) offered.listeners += static_cast<std::uint32_t>(each->size());
    if (auto why = send(to, offered, {}, until)) return why;
    for (const some& each : all) {
        for (const one& next : *each) {
            if (!next.socket) return "there is no descriptor to be had";
            const int socket = next.socket.get();
            if (auto why = send(to, next.what, {&socket, 1}, until)) return why;
        }
    }
    return {};
}

// Clients are served meanwhile.
successor_door::complaint successor_door::prepare(clock::time_point until) {
    for (const auto& each : *shards_) {
        const auto well = ask_shard_later<bool>(
            *each, until, [](shards::shard& whom, std::function<void(bool)> then) { whom.prepare(std::move(then)); });
        if (!well) return no_answer;
        if (!*well) return "the bus does not say where all streams stand";
    }
    return {};
}

// What has been read is answered, if the bus is not away, and then nothing is sent any more.
successor_door::complaint successor_door::settle(clock::time_point until) {
    for (bool quiet = false; !quiet;) {
        quiet = true;
        for (const auto& each : *shards_) {
            const auto awaited = ask_shard<std::size_t>(*each, until, [](shards::shard& whom) { return whom.park(); });
            if (!awaited) return no_answer;
            quiet = quiet && *awaited == 0;
        }
        if (!quiet) std::this_thread::sleep_for(look_again);
        if (clock::now() > until) return "the bus has not answered in time";
    }
    if (auto why = prepare(until)) return why; // of channels that are new
    for (const auto& each : *shards_) {
        if (!ask_shard<bool>(*each, until, [](shards::shard& whom) { return whom.freeze(), true; })) return no_answer;
    }
    return {};
}

successor_door::complaint successor_door::give_clients(net::descriptor_channel& to, clock::time_point until,
                                                       std::uint64_t& given) {
    using shared_parcel = std::shared_ptr<session::server::parcel>;
    for (const auto& each : *shards_) {
        for (;;) {
            const auto parcel = ask_shard<shared_parcel>(*each, until, [](shards::shard& whom) {
                return std::make_shared<session::server::parcel>(whom.pack_some());
            });
            if (!parcel) return no_answer;
            session::server::parcel& some = **parcel;
            if (!some.well) return "there is no descriptor to be had";
            if (some.what.all.empty()) break;
            given += some.what.all.size();
            std::vector<int> descriptors;
            for (const net::owned_descriptor& one : some.descriptors) descriptors.push_back(one.get());
            if (auto why = send(to, std::move(some.what), descriptors, until)) return why;
        }
    }
    if (auto why = send(to, takeover::end{given}, {}, until)) return why;
    std::string why;
    const auto said = receive(to, until, why);
    if (!said) return why;
    if (const auto* const refused = std::get_if<takeover::refusal>(&*said)) return refused->reason;
    const auto* const accepted = std::get_if<takeover::acceptance>(&*said);
    if (accepted == nullptr || accepted->clients != given) return "it has not taken all clients";
    return {};
}

// From the moment that the word is sent, they are the other process'.
successor_door::complaint successor_door::commit(net::descriptor_channel& to, clock::time_point until) {
    for (const auto& each : *shards_) {
        const auto same = ask_shard<bool>(*each, until, [](shards::shard& whom) { return whom.is_undisturbed(); });
        if (!same) return no_answer;
        if (!*same) return "something has happened to a client meanwhile";
    }
    door_.close();
    auto why = send(to, takeover::commitment{}, {}, until);
    if (why && !door_.listen_again()) spdlog::warn("upgrade: nobody can take over any more: the socket is lost");
    return why;
}

// They may be in the middle of anything, and hear of it in their turn.
void successor_door::give_up() {
    for (const auto& each : *shards_) boost::asio::post(each->context(), [whom = each.get()] { whom->give_up(); });
}

std::uint64_t successor_door::let_go() {
    std::uint64_t left = 0;
    const auto until = clock::now() + greeting_patience;
    for (const auto& each : *shards_) {
        const auto said = ask_shard<std::uint32_t>(*each, until, [](shards::shard& whom) { return whom.let_go(); });
        left += said ? *said : 0;
    }
    return left;
}

} // namespace carillon::succession
