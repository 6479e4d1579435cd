#pragma once

#include "bus/embedded_bus.hpp"
#include "bus/survey.hpp"
#include "commands/table.hpp"
#include "door/transaction.hpp"
#include "hub/hub.hpp"
#include "hub/patterns.hpp"
#include "link/server.hpp"
#include "resp/command.hpp"
#include "resp/writer.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace carillon::door {

/// What programs on the bus door may do and cost. See docs/configuration.md.
struct door_options {
    std::string password; ///< of the user "default"; empty: none is asked for
    std::uint32_t connections_max = 10'000;
    std::size_t farewells_max = 16;            ///< refused connections that wait for their end
    std::size_t query_bytes_max = 1024 * 1024; ///< one command
    std::size_t arguments_max = 1024;
    std::size_t payload_bytes_max = 64 * 1024;
    std::size_t channel_bytes_max = 255;
    std::size_t subscriptions_max = 100'000;     ///< of one connection
    std::size_t transaction_commands_max = 4096; ///< between MULTI and EXEC, of query_bytes_max in all
    std::size_t output_bytes_max = 8 * 1024 * 1024;
    std::uint32_t unanswered_max =
        1024; ///< PUBLISHes of one connection that wait for other shards; then it is not read
    std::chrono::milliseconds close_timeout{5'000};
    std::chrono::milliseconds auth_timeout{10'000}; ///< for TLS's handshake, and the login, when there is a password
    tls::entrance* entrance = nullptr;              ///< where TLS is spoken; outlives the door
    std::uint32_t handshakes_max = 0xffffffff;      ///< of TLS, under way at once
};

/// What few programs make use of, and a connection has only then.
struct door_extras {
    std::string name; ///< CLIENT SETNAME
    std::string library_name;
    std::string library_version;
    hub::pattern_memberships patterns;
    hub::memberships sharded;
    std::shared_ptr<transaction> queued; ///< from MULTI to EXEC; null: none
};

/// A program connected to the bus door; in a RESP connection's record, whose `detail` is the number of the last command
/// in the table.
struct door_client : link::record {
    hub::memberships channels;
    door_extras* extras = nullptr; ///< null: none are used
    std::uint32_t number = 0;      ///< of the shard's connections
    std::uint32_t opened = 0;      ///< seconds since the door was made
    std::uint32_t active = 0;      ///< the same of the last bytes
    bool authenticated : 1 = false;
    bool resp3 : 1 = false;
    bool leaving : 1 = false;   ///< it has said QUIT, or broken the protocol: close when its replies are out
    bool mute : 1 = false;      ///< CLIENT REPLY OFF
    bool mute_next : 1 = false; ///< CLIENT REPLY SKIP
    bool executing : 1 = false; ///< EXEC's array is not complete
};
static_assert(sizeof(door_client) <= net::slab::cell_bytes);

/// The bus door of one shard: lets programs that speak RESP2 or RESP3 publish and subscribe as at a Redis server.
/// Replies come in the order of the commands, with Redis' own error texts where clients depend on them. Thread: the
/// shard's.
class resp_door final : public link::server,
                        public hub::sink,
                        public hub::pattern_sink,
                        public bus::publish_listener,
                        public bus::subscription_listener,
                        public bus::respondent {
public:
    resp_door(const link::floor& shard, std::uint32_t shard_number, hub::hub& subscribers, bus::embedded_broker& bus,
              const door_options& how);

    /// What is asked of connections that come from now on, and of those that have not logged in yet; empty: nothing.
    void use_password(const std::string& password) { options_.password = password; }

    void on_deadline(net::connection& c) override;
    void encode(hub::format encoding, std::string_view channel, const hub::publication& message,
                std::string& out) override;
    void encode_pattern(hub::format encoding, std::string_view pattern, std::string_view channel,
                        const hub::publication& message, std::string& out) override;
    void deliver(hub::subscriber to, hub::frames& what) override;
    void on_published(bus::ticket whose, bus::publish_result receivers) override;
    void on_subscribed(bus::ticket whose) override;
    void on_subscribe_failed(bus::ticket whose, std::string_view channel, bus::error why) override;
    void on_unsubscribed(std::string_view channel, bus::error why) override;
    bool answer_some(bus::inquiry& of) override;
    void on_answer(bus::ticket whose, const bus::answer& said) override;

private:
    struct unfinished;
    struct survey;
    // The subscribers of sharded channels hear "smessage", and are connections of this door as all others.
    struct sharded_sink final : hub::sink {
        explicit sharded_sink(resp_door& of) noexcept : door{&of} {}
        void encode(hub::format encoding, std::string_view channel, const hub::publication& message,
                    std::string& out) override;
        void deliver(hub::subscriber to, hub::frames& what) override { door->deliver(to, what); }
        resp_door* door;
    };

    // link::server
    link::record* make_record() override;
    void refuse(int descriptor) override;
    void on_open(link::record& r) override;
    void on_established(link::record& r) override;
    void on_bytes(link::record& r, std::span<std::byte> bytes) override;
    bool on_end(link::record& r) override;
    void on_slow(link::record& r) override;
    void on_turn(link::record& r) override;
    void on_gone(link::record& r, link::ending why) override;

    void run_commands(door_client& c, std::string_view bytes);
    std::size_t run_commands_in(door_client& c, resp::command_parser& parser, std::string_view bytes);
    unfinished& keep_unfinished(door_client& c);
    void begin_burst(door_client& c);
    void end_burst(door_client& c);
    void send_replies();
    void forget_replies();
    void answer_publish(bus::publish_result receivers);
    std::uint32_t expect_answer(door_client& c);
    static std::uint32_t next_ticket(const door_client& c);
    static bool must_wait(const door_client& c, resp::arguments args);
    bool must_wait_for_answers(const door_client& c, resp::arguments args) const;
    bool must_wait_for_room(door_client& c, resp::arguments args);
    void go_on(door_client& c);
    static bool awaits_answers(const door_client& c);
    static bool waits_for_shards(const door_client& c);
    void leave(door_client& c);
    void await_login(door_client& c);

    void answer_waiting(door_client& c);
    door_client* client_of(bus::ticket whose);

    // door/commands.cpp
    void run(door_client& c, resp::arguments args);
    void run_known(door_client& c, const commands::entry& command, resp::arguments args);
    void run_auth(door_client& c, resp::arguments args);
    void run_hello(door_client& c, resp::arguments args);
    void run_ping(door_client& c, resp::arguments args);
    void run_echo(door_client& c, resp::arguments args);
    void run_select(door_client& c, resp::arguments args);
    void run_role(door_client& c, resp::arguments args);
    void run_reset(door_client& c, resp::arguments args);
    void run_quit(door_client& c, resp::arguments args);
    bool log_in(door_client& c, std::string_view user, std::string_view password);
    void say_hello(door_client& c);
    void speak(door_client& c, bool resp3);

    // door/pubsub.cpp
    void run_publish(door_client& c, resp::arguments args);
    void run_sharded_publish(door_client& c, resp::arguments args);
    void run_subscribe(door_client& c, resp::arguments args);
    void run_unsubscribe(door_client& c, resp::arguments args);
    void run_pattern_subscribe(door_client& c, resp::arguments args);
    void run_pattern_unsubscribe(door_client& c, resp::arguments args);
    void run_sharded_subscribe(door_client& c, resp::arguments args);
    void run_sharded_unsubscribe(door_client& c, resp::arguments args);
    std::optional<hub::publication> publishable(std::string_view channel, std::string_view payload);
    void publish(door_client& c, resp::arguments args, bus::name_space where);
    std::optional<bus::publish_result> publish_to(door_client& c, std::string_view channel,
                                                  const hub::publication& message, bus::name_space where);
    bool may_subscribe(const door_client& c, std::string_view channel);
    void unsubscribe_one(door_client& c, std::string_view channel);
    void unsubscribe_sharded(door_client& c, std::string_view channel);
    void unsubscribe_everything(door_client& c);
    void confirm(door_client& c, std::string_view what, const std::string_view* channel, std::size_t left);

    // door/transaction.cpp
    void run_multi(door_client& c, resp::arguments args);
    void run_discard(door_client& c, resp::arguments args);
    void run_watch(door_client& c, resp::arguments args);
    void run_unwatch(door_client& c, resp::arguments args);
    void run_exec(door_client& c, resp::arguments args);
    void queue_command(door_client& c, resp::arguments args);
    void refuse_command(door_client& c, metrics::resp_error kind, std::string_view text,
                        const commands::entry* refused = nullptr);
    void go_on_with_transaction(door_client& c);
    void hold_message(door_client& c, std::string_view bytes);
    static transaction* transaction_of(const door_client& c) { return c.extras ? c.extras->queued.get() : nullptr; }

    // door/scripts.cpp
    void run_eval(door_client& c, resp::arguments args);
    void run_script_load(door_client& c, resp::arguments args);
    void run_script_exists(door_client& c, resp::arguments args);
    void run_script_flush(door_client& c, resp::arguments args);
    void broadcast(door_client& c, resp::arguments arguments);

    // door/survey.cpp
    void run_pubsub_channels(door_client& c, resp::arguments args);
    void run_pubsub_numbers(door_client& c, resp::arguments args);
    void run_pubsub_patterns(door_client& c, resp::arguments args);
    void ask(door_client& c, bus::question what);
    void append_answer(std::string& out, survey& all);

    // door/clients.cpp
    void run_client_id(door_client& c, resp::arguments args);
    void run_client_name(door_client& c, resp::arguments args);
    void run_client_setname(door_client& c, resp::arguments args);
    void run_client_setinfo(door_client& c, resp::arguments args);
    void run_client_info(door_client& c, resp::arguments args);
    void run_client_list(door_client& c, resp::arguments args);
    void run_client_kill(door_client& c, resp::arguments args);
    void run_client_reply(door_client& c, resp::arguments args);
    void run_client_switch(door_client& c, resp::arguments args);
    void note_command(door_client& c, const commands::entry& command);
    void append_line(std::string& text, const door_client& c) const;
    void each_meant(const commands::client_filter& meant, const std::function<void(door_client&)>& visit);
    std::uint64_t kill(const commands::client_filter& meant);

    // door/info.cpp
    void run_info(door_client& c, resp::arguments args);
    void run_config_get(door_client& c, resp::arguments args);
    std::string info_of(std::span<const std::string> sections, const bus::answer& totals) const;

    // door/actions.cpp
    void run_help(door_client& c, resp::arguments args);
    void perform(door_client& c, commands::action what, resp::arguments args);
    void run_command(door_client& c, resp::arguments args);
    void run_command_count(door_client& c, resp::arguments args);
    void run_command_docs(door_client& c, resp::arguments args);
    void run_command_info(door_client& c, resp::arguments args);
    void run_command_list(door_client& c, resp::arguments args);

    void error(metrics::resp_error kind, std::string_view text);
    door_extras& extras_of(door_client& c) {
        if (c.extras == nullptr) c.extras = new door_extras;
        return *c.extras;
    }
    static std::uint32_t patterns_of(const door_client& c) { return c.extras ? c.extras->patterns.count() : 0; }
    static std::uint32_t sharded_of(const door_client& c) { return c.extras ? c.extras->sharded.count : 0; }
    static bool subscribes(const door_client& c) {
        return c.channels.count > 0 || patterns_of(c) > 0 || sharded_of(c) > 0;
    }
    /// CLIENT ID. The shard's number in the upper bits keeps the ids of shards apart.
    std::uint64_t id_of(const door_client& c) const noexcept { return std::uint64_t{shard_number_} << 40 | c.number; }
    std::uint32_t seconds() const;
    resp::version dialect(const door_client& c) const noexcept {
        return c.resp3 ? resp::version::resp3 : resp::version::resp2;
    }
    hub::subscriber subscriber_of(const door_client& c) {
        return hub::subscriber::make(records().index_of(c), c.resp3 ? hub::format::resp3 : hub::format::resp2);
    }

    /// Where the reply of the command that is run goes.
    std::string& out() noexcept { return *out_; }

    static constexpr std::size_t replies_bytes_max = 64 * 1024; // then they are sent before the next command is run
    static constexpr std::uint32_t channels_per_turn = 4'096;   // that a PUBSUB looks at
    static constexpr std::size_t stranger_output_bytes_max = 64 * 1024; // queued for who has not logged in

    door_options options_;
    std::uint32_t shard_number_;
    hub::hub* hub_;
    bus::embedded_broker* bus_;
    sharded_sink sharded_sink_{*this};
    resp::command_parser parser_; // of connections that keep nothing between bursts
    std::uint32_t next_number_ = 1;
    net::timer_wheel::clock::time_point made_;

    door_client* active_ = nullptr; // whose commands are being run
    std::string replies_;           // that it gets at the end of the burst
    std::string dropped_;           // what a connection that wants no replies would get
    std::string* out_ = &replies_;
    std::uint16_t port_ = 0; // of the door; 0: nobody has asked yet
};

} // namespace carillon::door
