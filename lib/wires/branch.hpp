#pragma once

#include "upstream/upstream.hpp"
#include "wires/dialer.hpp"
#include "wires/wire.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace carillon::wires {

using bus::error;
using bus::publish_result;
using carillon::upstream::upstream;
using carillon::upstream::upstream_listener;

class branch;

/// Whose branches they are: told what their servers say (see upstream_listener), and what becomes of them.
class branch_owner {
public:
    virtual void on_subscribed(const branch& from, std::string_view channel) = 0;
    virtual void on_refused(std::string_view channel, error why) = 0;
    virtual void on_message(const branch& from, std::string_view channel, std::string_view payload) = 0;
    virtual void on_matched(const branch& from, std::string_view pattern, std::string_view channel,
                            std::string_view payload) = 0;
    virtual void on_oversized(std::string_view channel, std::uint64_t payload_bytes) = 0;
    virtual void on_published(std::uint64_t publication, publish_result receivers) = 0;
    virtual void on_called(branch& from, std::uint64_t number, std::span<const resp::node> said) = 0;
    virtual void on_call_failed(const branch& from, std::uint64_t number, error why) = 0;
    virtual void on_login_refused(const branch& from, const std::string& why) = 0;
    virtual void on_away(const branch& from) = 0;
    virtual void on_back() = 0;
    /// An attempt to connect has failed, or a connection, and there is no other address to be tried; `news`: for
    /// another reason than the last time.
    virtual void on_failed(const branch& which, bool news) = 0;

    /// A branch is about to look at what is to be done: the owner's own part of it.
    virtual void on_turn(std::chrono::steady_clock::time_point now) = 0;
    /// When there is to be a turn, though nothing has happened.
    virtual std::chrono::steady_clock::time_point wake_at() const = 0;
    /// Whether no messages can be taken just now; wake() says when they can be again.
    virtual bool must_hold() = 0;

protected:
    ~branch_owner() = default;
};

/// The connection to one server: the only one there is, or in a cluster whichever primary has certain slots. What to do
/// there `upstream` decides, and what follows from what is said there the owner. On the thread that runs the context.
class branch final : public upstream_listener {
public:
    /// What branches of one owner share.
    struct surroundings {
        boost::asio::io_context& context;
        const carillon::upstream::upstream_options& how;
        std::string& received; ///< bytes that are looked at at once, by any of them; its size is what one read may take
    };

    /// `number`: of the owner's own.
    branch(branch_owner& whose, std::uint32_t number, const surroundings& among, const whereabouts& where);

    /// Keeps the connection until stop() or close().
    void start();
    /// An attempt to connect that is under way ends, or the look-up of a name is over.
    void stop();
    /// The same, and what is not answered has failed.
    void close();
    /// What start() began has ended, and nothing refers to this any more.
    bool ended() const noexcept { return ended_; }

    /// How it logs in from now on: see upstream::use_login.
    void use_login(const logins& now);
    /// The server is elsewhere now.
    void lead_to(const place& where);
    /// What it is believed to be is not true any more.
    void give_up(const std::string& why);
    /// Something is to be done: called after whatever is asked of up() from outside.
    void wake();

    upstream& up() noexcept { return upstream_; }
    const upstream& up() const noexcept { return upstream_; }
    std::uint32_t number() const noexcept { return number_; }
    bool looks_up() const noexcept { return dialer_.looking_up(); }
    const dialer& leads() const noexcept { return dialer_; }
    /// Times that it was found at another address than before.
    std::uint64_t failovers() const noexcept { return failovers_; }
    /// Where it was before it was found at another address, if that has not been asked before; else without a host.
    place take_moved_from() { return std::exchange(moved_from_, {}); }

    // upstream_listener: all of it is the owner's to answer
    void on_subscribed(std::string_view channel) override;
    void on_refused(std::string_view channel, error why) override;
    void on_message(std::string_view channel, std::string_view payload) override;
    void on_matched(std::string_view pattern, std::string_view channel, std::string_view payload) override;
    void on_oversized(std::string_view channel, std::uint64_t payload_bytes) override;
    void on_published(std::uint64_t publication, publish_result receivers) override;
    void on_called(std::uint64_t number, std::span<const resp::node> said) override;
    void on_call_failed(std::uint64_t number, error why) override;
    void on_login_refused(const std::string& why) override;
    void on_away(std::string_view why) override;
    void on_back() override;

private:
    boost::asio::awaitable<void> keep_connected();
    boost::asio::awaitable<void> open(upstream::line which);
    boost::asio::awaitable<void> pause();
    wire& wire_of(upstream::line which) noexcept { return which == upstream::line::first ? wire_ : second_; }
    void read_available(upstream::line which);
    void write_pending(upstream::line which);
    void close_wires();
    void tell_failure();
    void note_place();

    branch_owner& owner_;
    surroundings among_;
    std::uint32_t number_;
    upstream upstream_;
    dialer dialer_;
    wire wire_;
    wire second_; // to a server without RESP3
    boost::asio::steady_timer sleep_;
    place last_place_{}; // where it was live, last
    place moved_from_{}; // where it was before that, until it is asked for
    std::uint64_t failovers_ = 0;
    std::string told_failure_; // so that each is told once
    bool woken_ = false;
    bool holding_ = false;   // what was found when it was last about to read
    bool opening_ = false;   // an attempt to connect is under way
    bool elsewhere_ = false; // it leads to where the server is no more
    bool stopping_ = false;
    bool ended_ = false;
};

} // namespace carillon::wires
