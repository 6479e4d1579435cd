#pragma once

#include "bus/broker.hpp"
#include "carriers/wrapping.hpp"
#include "clients/carrier.hpp"
#include "clients/client.hpp"
#include "clients/giving.hpp"
#include "clients/taking.hpp"
#include "conversation/host.hpp"
#include "http/request_head.hpp"
#include "hub/hub.hpp"
#include "link/server.hpp"
#include "net/descriptor_channel.hpp"
#include "protobuf/decoder.hpp"
#include "protocol/codes.hpp"
#include "protocol/command.hpp"
#include "protocol/json_decoder.hpp"
#include "session/options.hpp"
#include "session/refusal.hpp"
#include "takeover/records.hpp"
#include "ws/close.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::http {
struct cross_origin;
} // namespace carillon::http

namespace carillon::ws {
class assembler;
} // namespace carillon::ws

namespace carillon::session {

using carriers::transport;
using clients::client;
using clients::stage;

/// Takes over a connection whose request asks for one of options::pages: its descriptor, and all the bytes it has sent
/// so far. May be called on any shard's thread.
using handover = std::function<void(int descriptor, std::string bytes)>;

/// The clients of one shard, from the first byte of a request to the last word: WebSockets, and those who are told over
/// the body of a response. What is said is the conversation's. Thread: the shard's.
class server final : public link::server, public hub::sink, public clients::carrier {
public:
    server(const link::floor& shard, hub::hub& subscribers, bus::broker& bus, const session::options& how,
           handover plain_http);
    ~server();

    /// What is said with these clients.
    conversation::host& talks() noexcept { return talks_; }
    const conversation::host& talks() const noexcept { return talks_; }

    /// Another configuration: the conversation's, origins and some of the limits; the rest of it is not looked at.
    void reconfigure(const session::options& now);

    void on_deadline(net::connection& c) override;

    void encode(hub::format encoding, std::string_view channel, const hub::publication& message,
                std::string& out) override;
    void deliver(hub::subscriber to, hub::frames& what) override;
    void prefetch(hub::subscriber to) noexcept override;

    /// Commands of a client that does not say them on its connection (protocol §7.3); of nobody's, nothing happens.
    void on_emulated(std::string_view session, std::string data);

    /// Says goodbye to everybody, some at a time, so that a shutdown does not stall those who are served last.
    void close_all(protocol::disconnect code);

    /// What shed() has come to.
    struct shed_outcome {
        std::uint32_t closed = 0;
        std::uint32_t looked_at = 0; ///< places for connections
        std::uint32_t next = 0;      ///< where to go on
    };
    /// Says goodbye to `most` clients from the place `from` on, and round; to fewer, if it is more than what one turn
    /// allows, or there are no more.
    shed_outcome shed(std::uint32_t from, std::uint32_t most, protocol::disconnect code);
    /// Places that connections have, or have had.
    std::uint32_t places() noexcept { return records().used(); }

    // takeover.cpp: clients that go to another process, and such that come from one (docs/decisions/0059)
    /// Some clients with their descriptors, which are copies.
    struct parcel {
        takeover::clients what{};
        std::vector<net::owned_descriptor> descriptors{};
        bool well = true; ///< else there was no descriptor to be had
    };
    clients::giving& gives() noexcept { return giving_; }
    /// Does not read clients any more that may go, and who has become one since it was called last; what has been read
    /// is answered.
    void park();
    /// The next of those who are parked and may go. Empty: there are no more. Nothing may be sent to them any more.
    parcel pack_some();
    /// Whether all who were packed are as they were then.
    bool is_undisturbed() noexcept;
    std::size_t packed() const noexcept;
    /// Everybody is read again, as if nothing had happened.
    void unpark();
    /// Those who were packed are the other process'; the others are read again.
    void give_away_packed();

    clients::taking& takes() noexcept { return taking_; }
    /// Takes clients, whom it does not look at yet. False: one of them cannot be had.
    bool adopt(parcel what);
    /// They stay the other process'.
    void disown();
    /// They are ours now.
    void begin_adopted();

private:
    // link::server
    link::record* make_record() override;
    void refuse(int descriptor) override;
    void on_turned_away(int descriptor, metrics::connection_refusal why, const peer::address& whose,
                        bool hears) override;
    void on_open(link::record& r) override;
    void on_bytes(link::record& r, std::span<std::byte> bytes) override;
    void on_bytes_after_close(link::record& r, std::span<std::byte> bytes) override;
    void on_full(link::record& r, std::size_t bytes) override;
    void on_slow(link::record& r) override;
    void on_turn(link::record& r) override;
    void on_gone(link::record& r, link::ending why) override;
    void on_given_away(link::record& r) override;

    // carrying.cpp: clients::carrier
    client* find(net::connection_key whose) noexcept override;
    std::uint32_t for_some(std::uint32_t first, std::uint32_t count, function_ref<void(client&)> look) override;
    void write(client& c, std::string_view bytes) override;
    void write_later(client& c, std::string_view bytes) override;
    void close(client& c, std::uint16_t code, std::string_view reason) override;
    void end_slow(client& c) override { on_slow(c); }
    void look_later(client& c, std::chrono::milliseconds after) override;
    void look_no_later(client& c, std::chrono::milliseconds after) override;
    peer::address address_of(const client& c) const override;
    void answer(client& c, function_ref<void()> reply) override;
    void try_again(client& c) override { on_turn(c); }

    // upgrade.cpp: from bytes to a WebSocket
    std::span<std::byte> upgrade(client& c, std::span<std::byte> bytes);
    bool judge_head(client& c, std::string_view bytes, std::size_t& scanned, std::size_t& head_bytes);
    bool identify(client& c, const http::request_head& head);
    void judge_request(client& c, std::string_view bytes, const http::request_head& head);
    std::span<const std::string> allowed_origins() const noexcept;
    void refuse_upgrade(client& c, http::status status, std::string_view reason,
                        const http::request_head* head = nullptr);
    void tell_refusal(const refusal& what) {
        if (options_.on_refusal) options_.on_refusal(what);
    }

    // streams.cpp: clients that are told over the body of a response
    std::optional<transport> transport_at(std::string_view path) const noexcept;
    bool judge_carrier(client& c, std::string_view bytes, const http::request_head& head, transport what);
    void end_request(client& c, std::string_view answer);
    void begin_stream(client& c, std::string message, transport what, bool binary, const http::cross_origin& asking,
                      const http::request_head& head);
    void hear(client& c, std::string message);
    void hear_later(client& c, std::string_view data);
    void begin_listening(client& c, std::string_view request);
    void take_emulated(client& c, std::string_view body, bool binary, const http::cross_origin& asking,
                       const http::request_head& head);

    // server.cpp: from frames to commands
    void read_frames(client& c, std::span<std::byte> bytes);
    void on_message(client& c, std::span<std::byte> payload);
    void handle_lines(client& c, std::string_view message, std::size_t commands);
    std::optional<std::string_view> next_command(const client& c, std::string_view& message) const;
    result<protocol::command> decode(const client& c, std::string_view one);
    void go_on(client& c);
    void wait_for_turn(client& c, std::string_view unhandled, std::size_t handled, bool for_room);

    // closing.cpp
    void await_close(client& c, ws::assembler& assembler, std::span<std::byte> bytes);
    void answer_close(client& c, std::uint16_t code);
    void close(client& c, std::uint16_t code, std::string_view reason, bool forget_queued);
    void disconnect(client& c, protocol::disconnect code);
    void break_off(client& c, metrics::protocol_failure what);
    void close_some(std::uint32_t first, protocol::disconnect code);

    // deliveries.cpp
    void hold_back(people::person& whose, std::string_view frames);
    void end_unfit(std::string_view channel);
    void end_some(const std::shared_ptr<const std::vector<net::connection_key>>& whose, std::size_t from);

    // slow.cpp: whose sockets take less than there is
    void wait_in_line(client& c, hub::frames& what, std::size_t sent);
    void see_to(client& c, std::vector<std::uint64_t> cut);
    void cut_off(net::connection_key whose);

    clients::replies& replies() noexcept { return talks_.answers(); }
    carriers::compression& compression() noexcept { return talks_.compression(); }
    // The client that was served is done with, and what it gets goes out when the turn ends, and what has been
    // published, too.
    void end_burst() {
        replies().put_aside();
        shard().turns.join();
    }

    // Connections looked at, or closed, before other events get their turn.
    static constexpr std::uint32_t scanned_per_turn = 16 * 1024;
    static constexpr std::uint32_t closed_per_turn = 512;

    session::options options_;
    hub::hub* hub_;
    handover plain_http_;
    conversation::host talks_;
    protocol::json_decoder json_decoder_;
    protobuf::decoder protobuf_decoder_;
    std::array<std::string, hub::formats / 2> pings_; // by format
    std::string encoded_;                             // one publication, while it is encoded
    std::vector<std::string> unfit_;                  // channels whose JSON clients are about to be ended
    std::string connect_;                             // of who only listens, as a command
    // Somebody who is not read, since he may go to another process.
    struct parked {
        net::connection_key whose{};
        std::uint32_t channels = 0; // that he had when he was packed
        bool packed = false;
    };
    // Somebody who has come from another process.
    struct adopted {
        net::connection_key whose{};
        std::chrono::milliseconds due{0};
    };
    clients::giving giving_;
    clients::taking taking_;
    std::vector<parked> parked_;
    std::size_t next_parked_ = 0; // that has not been looked at by pack_some()
    std::vector<adopted> adopted_;
    std::string_view unhandled_; // what is left of the message that is being handled when its client has to wait
    std::size_t handled_ = 0;    // commands of that message before
};

} // namespace carillon::session
