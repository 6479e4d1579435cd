#pragma once

#include "bus/broker.hpp"
#include "hub/hub.hpp"
#include "link/server.hpp"
#include "resp/command.hpp"
#include "resp/writer.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace carillon::bus {

/// What programs on the bus door may do and cost. See docs/configuration.md.
struct door_options {
    std::string password; ///< of the user "default"; empty: none is asked for
    std::uint32_t connections_max = 10'000;
    std::size_t query_bytes_max = 1024 * 1024; ///< one command
    std::size_t arguments_max = 1024;
    std::size_t payload_bytes_max = 64 * 1024;
    std::size_t channel_bytes_max = 255;
    std::size_t subscriptions_max = 100'000; ///< of one connection
    std::size_t output_bytes_max = 8 * 1024 * 1024;
    std::uint32_t unanswered_max =
        1024; ///< PUBLISHes of one connection that wait for other shards; then it is not read
    std::chrono::milliseconds close_timeout{5'000};
};

/// A program connected to the bus door; in a RESP connection's record.
struct door_client : link::record {
    hub::memberships channels;
    std::uint64_t id = 0; ///< CLIENT ID: grows, unique in this process' shard
    bool authenticated = false;
    bool resp3 = false;
    bool leaving = false; ///< it has said QUIT, or broken the protocol: close when its replies are out
};
static_assert(sizeof(door_client) <= net::slab::cell_bytes);

/// The bus door of one shard: lets programs that speak RESP2 or RESP3 publish and subscribe as at a Redis server.
/// Replies come in the order of the commands, with Redis' own error texts where clients depend on them. Thread: the
/// shard's.
class resp_door final : public link::server, public hub::sink, public publish_listener, public subscription_listener {
public:
    resp_door(const link::floor& shard, std::uint32_t shard_number, hub::hub& subscribers, broker& bus,
              const door_options& how);

    void on_deadline(net::connection& c) override;
    void encode(hub::format encoding, std::string_view channel, const hub::publication& message,
                std::string& out) override;
    void deliver(hub::subscriber to, hub::frames& what) override;
    void on_published(ticket whose, publish_result receivers) override;
    void on_subscribed(ticket whose) override;
    void on_subscribe_failed(ticket whose, std::string_view channel) override;

private:
    struct unfinished;
    struct command_entry;

    // link::server
    link::record* make_record() override;
    void refuse(int descriptor) override;
    void on_open(link::record& r) override;
    void on_bytes(link::record& r, std::span<std::byte> bytes) override;
    void on_slow(link::record& r) override;
    void on_gone(link::record& r, link::ending why) override;

    void run_commands(door_client& c, std::string_view bytes);
    std::size_t run_commands_in(door_client& c, resp::command_parser& parser, std::string_view bytes);
    unfinished& keep_unfinished(door_client& c);
    void begin_turn(door_client& c);
    void end_turn(door_client& c);
    void flush_replies();
    void answer_publish(publish_result receivers);
    std::uint32_t expect_answer(door_client& c);
    static std::uint32_t next_ticket(const door_client& c);
    static bool must_wait(const door_client& c, resp::arguments args);

    // door_commands.cpp
    static const command_entry* find_command(std::string_view name);
    void run(door_client& c, resp::arguments args);
    void run_auth(door_client& c, resp::arguments args);
    void run_hello(door_client& c, resp::arguments args);
    void run_ping(door_client& c, resp::arguments args);
    void run_echo(door_client& c, resp::arguments args);
    void run_publish(door_client& c, resp::arguments args);
    void run_subscribe(door_client& c, resp::arguments args);
    void run_unsubscribe(door_client& c, resp::arguments args);
    void run_select(door_client& c, resp::arguments args);
    void run_client(door_client& c, resp::arguments args);
    void run_command(door_client& c, resp::arguments args);
    void run_info(door_client& c, resp::arguments args);
    void run_reset(door_client& c, resp::arguments args);
    void run_quit(door_client& c, resp::arguments args);

    void error(metrics::resp_error kind, std::string_view text);
    bool log_in(door_client& c, std::string_view user, std::string_view password);
    void unsubscribe_one(door_client& c, std::string_view channel);
    void confirm(door_client& c, std::string_view what, std::string_view channel, bool has_channel);
    resp::version dialect(const door_client& c) const noexcept {
        return c.resp3 ? resp::version::resp3 : resp::version::resp2;
    }
    hub::subscriber subscriber_of(const door_client& c) {
        return hub::subscriber::make(records().index_of(c), c.resp3 ? hub::format::resp3 : hub::format::resp2);
    }

    /// Where the reply of the command that is run goes.
    std::string& out() noexcept { return *out_; }

    door_options options_;
    std::uint32_t shard_number_;
    hub::hub* hub_;
    broker* bus_;
    resp::command_parser parser_; // of connections that keep nothing between bursts
    std::uint64_t next_id_ = 1;

    door_client* active_ = nullptr; // whose commands are being run
    std::string replies_;           // that it gets at the end of the burst
    std::string* out_ = &replies_;
};

} // namespace carillon::bus
